"""``mxsf compile`` and ``mxsf run``: from an ONNX model to what the network says."""

import re

import numpy as np
import pytest
from classifier import save_classifier


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.onnx"
    save_classifier(path)
    return path


SIZES = ("--tile", 4, "--pes", 4, "--depth", 64, "--batch", 4)


def test_compile_and_run(run, model, tmp_path):
    code, out, err = run("compile", model, "--output", "image.npz", *SIZES, "--element", "e4m3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["layer", "h", "z", "all"]
    cycles = [int(line.split()[1]) for line in lines[1:4]]
    assert cycles[0] + cycles[1] == cycles[2]
    assert lines[4] == "left to the host: Softmax"
    assert re.fullmatch(r"image.npz: \d+ bytes, \d+ descriptors, 4 images a run", lines[5])

    x = np.random.default_rng(1).standard_normal((6, 2, 4, 4))
    np.save("x.npy", x)
    done = run("run", "image.npz", "--input", "x.npy", "--output", "y.npy")
    assert done == (0, "y.npy: float32, shape (6, 3)\n", "")
    onnx = pytest.importorskip("onnx")
    tensors = onnx.load(model).graph.initializer
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in tensors}
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    hidden = np.maximum(np.einsum("ncyxij,ocij->noyx", windows, weights["w"]), 0)
    expected = hidden.reshape(6, -1) @ weights["v"]
    assert np.abs(np.load("y.npy") - expected).max() < 0.1 * np.abs(expected).max()


def test_embed(run, model, tmp_path):
    run("compile", model, "--output", "image.npz", *SIZES)
    np.save("x.npy", np.full((3, 2, 4, 4), -0.1, np.float16))
    done = run("embed", "image.npz", "--output", "c/network.c", "--input", "x.npy")
    size = len(np.load("image.npz")["memory"])
    assert done == (0, f"c/network.c: network, {size} bytes of memory, 3 images\n", "")
    text = (tmp_path / "c" / "network.c").read_text()
    assert text.count("-0x1.99") == 3 * 32
    code, out, _ = run("embed", "image.npz", "--output", "plain.c", "--name", "mine")
    assert (code, out) == (0, f"plain.c: mine, {size} bytes of memory, 0 images\n")
    assert "const struct mxsf_accelerator_network mine = {" in (tmp_path / "plain.c").read_text()
    code, _, err = run("embed", "image.npz", "--output", "bad.c", "--name", "a-b")
    assert code == 2
    assert err.endswith("name must be an identifier of C, not 'a-b'\n")
    assert not (tmp_path / "bad.c").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tile", 3), "tile must be a power of two, 2 to 32, not 3"),
        (("--pes", 128), "pes must be a power of two, 1 to 64, not 128"),
        (("--batch", 0), "batch must be 1 to 4096, not 0"),
        (("--bus", 65), "'65' is not one of '64', '128', '256', '512'"),
        (("--depth", 2), None),
    ],
)
def test_bad_sizes(run, model, words, message):
    code, _, err = run("compile", model, "--output", "image.npz", *words)
    if message is None:
        assert code == 0  # cut until it fits
    else:
        assert code == 2
        assert message in err
        assert len(err.splitlines()) == 1


def test_bad_files(run, model, tmp_path):
    run("compile", model, "--output", "image.npz", *SIZES)
    np.save("x.npy", np.zeros((2, 3, 4, 4)))
    np.save("whole.npy", np.zeros((2, 2, 4, 4), int))
    said = ("--output", "y.npy")
    for words, message in [
        (
            ("image.npz", "--input", "x.npy"),
            "input must have the shape (n, 2, 4, 4), not (2, 3, 4, 4)",
        ),
        (("image.npz", "--input", "whole.npy"), "whole.npy must hold floats, not int64"),
        (("x.npy", "--input", "x.npy"), "x.npy holds no program of an accelerator: it is no .npz"),
        (("image.npz", "--input", "x.npy", "--device", "gold"), "'gold' is not one of"),
        (("image.npz", "--input", "x.npy", "--limit", "9"), "--limit is of no effect"),
        (("image.npz", "--input", "nowhere.npy"), "nowhere.npy"),
        (("nowhere.npz", "--input", "x.npy"), "nowhere.npz"),
    ]:
        code, _, err = run("run", *words, *said)
        assert code == 2
        assert message in err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "y.npy").exists()
