"""Files of programs: written, read, run; damaged ones are refused."""

import json

import numpy as np
import pytest
from mxsf.flow.network.image_file import ImageFile, load_image
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.layers import Conv2d, Dense, Flatten, Relu
from mxsf.flow.network.network import Network
from mxsf.golden import E2M3
from mxsf.golden.accelerator.configuration import Configuration
from plain_network import Plain

BUILT = Configuration(E2M3, tile=4, pes=16, depth=64, bus=128)
NETWORK = Network.of((2, 3, 4), [Conv2d(5, 3), Relu(), Flatten(), Dense(3)])


@pytest.fixture
def path(tmp_path):
    made = compile_network(NETWORK, NETWORK.drawn(0), 4, BUILT)
    ImageFile.of(made).save(tmp_path / "image.npz")
    return tmp_path / "image.npz"


def drawn(count):
    shape = (count, *NETWORK.shapes[NETWORK.input])
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_there_and_back(path):
    x, read = drawn(10), load_image(path)
    assert read.built == BUILT
    told = []
    found = read.run(x, report=lambda *numbers: told.append(numbers))
    assert told == [("running on the golden machine", done, 10) for done in (0, 4, 8)]
    plain = Plain(NETWORK, BUILT)
    expected = [plain.run(x[i : i + 4], NETWORK.drawn(0)) for i in (0, 4, 8)]
    assert found.tobytes() == np.concatenate(expected).tobytes()
    assert read.run(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("size", [10, 500, -1])
def test_part_of_a_file(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"holds no program of an accelerator: "):
        load_image(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version must be 1, not 2"),
        ({"start": 7}, "no program can start at 0x7"),
        ({"start": 1 << 40}, "no program can start at 0x10000000000"),
        ({"tile": 3, "bus": 99}, "bus must be 64, 128, 256, 512, not 99"),
        ({"input": None}, ""),
    ],
)
def test_other_files(path, change, message):
    with np.load(path) as members:
        facts, memory = json.loads(str(members["image"])), members["memory"]
    np.savez(path, image=json.dumps(facts | change), memory=memory)
    with pytest.raises(ValueError, match=f"holds no program of an accelerator: .*{message}"):
        load_image(path)


def test_another_memory(path):
    with np.load(path) as members:
        image, memory = members["image"], members["memory"].copy()
    for other, message in [
        (memory[:-64], "its memory is not what was written"),
        (memory.astype(np.uint16), "memory must be bytes, not uint16"),
    ]:
        np.savez(path, image=image, memory=other)
        with pytest.raises(ValueError, match=message):
            load_image(path)


def test_images_of_another_shape(path):
    with pytest.raises(
        ValueError, match=r"^input must have the shape \(n, 2, 3, 4\), not \(3, 4\)$"
    ):
        load_image(path).run(np.zeros((3, 4), np.float32))
