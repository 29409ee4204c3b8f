"""Networks as C: what the example prints and leaves in memory is what the golden device does."""

import ctypes
import re
import shutil

import numpy as np
import pytest
from c_driver import SHIM, Registers, attach, compiled
from designs import needs_verilator
from mxsf.flow.device.local import GoldenDevice
from mxsf.flow.network.embed import embedded
from mxsf.flow.network.image_file import ImageFile
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.layers import AveragePool, Conv2d, Dense, Flatten, Relu
from mxsf.flow.network.network import Network
from mxsf.golden import ScaleRule, parse
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.plane import Image
from systems import compiled_system

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")

BUILT, ADDRESS = Configuration(tile=4, pes=4), 0x12340
LAYERS = [Conv2d(6, 3), Relu(), AveragePool(2), Flatten(), Dense(5)]
NETWORK = Network.of((3, 4, 4), LAYERS)
SOURCES = [f"mxsf_accelerator_{name}.c" for name in ("driver", "network")]
UNSUITABLE = 8

EXAMPLE = (
    SHIM
    + """
extern uint8_t *example_memory;
int example_print(const char *format, ...);
#define EXAMPLE_REGISTERS 0u
#define EXAMPLE_MEMORY example_memory
#define EXAMPLE_ADDRESS 0x12340u
#define EXAMPLE_PRINT example_print
"""
)
BODY = """
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
reader shim_read;
writer shim_write;
uint8_t *example_memory;
char example_text[65536];
int example_print(const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(example_text);
    int count;
    va_start(arguments, format);
    count = vsnprintf(example_text + used, sizeof example_text - used, format, arguments);
    va_end(arguments);
    return count;
}
"""


def made_of(built=BUILT, network=NETWORK, batch=6):
    return ImageFile.of(compile_network(network, network.drawn(0), batch, built))


def drawn(count, network=NETWORK):
    shape = (count, *network.shapes[network.input])
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


class Example:
    """The example as it ships, beside a network, with the memory that it uses."""

    def __init__(self, folder, image, x):
        sources = [*SOURCES, "mxsf_accelerator_example.c"]
        text = embedded(image, values=x)
        self.library = compiled(folder, sources, {"network.c": text}, EXAMPLE, BODY)
        size = -(-len(image.memory) // 4096) * 4096
        self.memory = np.full(size, 0xA5, np.uint8)
        target = ctypes.c_void_p.in_dll(self.library, "example_memory")
        target.value = self.memory.ctypes.data

    def run(self, read, write):
        kept = attach(self.library, read, write)
        status = self.library.main()
        assert kept
        return status, (ctypes.c_char * 65536).in_dll(self.library, "example_text").value.decode()


def same_as_golden(example, text, image, x):
    """What was printed, and every byte of memory."""
    golden = GoldenDevice(image.built, len(image.memory))
    expected = image.run(x, golden)
    lines = re.findall(r"image (\d+): class (\d+): (.*)", text)
    assert [int(line[0]) for line in lines] == [*range(len(x))]
    assert [int(line[1]) for line in lines] == expected.argmax(axis=1).tolist()
    said = np.array([line[2].split() for line in lines], np.float64).astype(np.float32)
    assert said.tobytes() == expected.tobytes()
    assert example.memory[: len(golden.memory)].tobytes() == golden.memory.tobytes()


def test_the_example(tmp_path):
    image, x = made_of(), drawn(8)
    example = Example(tmp_path, image, x)
    registers = Registers(example.memory, ADDRESS)
    status, text = example.run(registers.read, registers.write)
    assert status == 0, text
    same_as_golden(example, text, image, x)
    with pytest.raises(AssertionError):
        same_as_golden(example, text, image, x[::-1])
    registers.values["element"] ^= 1
    status, text = example.run(registers.read, registers.write)
    assert status == UNSUITABLE
    assert text.endswith("load: the network is for an accelerator that was built otherwise\n")


@pytest.mark.long
@needs_verilator
def test_the_example_on_the_verilog(tmp_path):
    image, x = made_of(), drawn(8)
    example = Example(tmp_path, image, x)
    _, system = compiled_system(tile=4, pes=4)
    system.attach(example.memory, origin=ADDRESS)
    status, text = example.run(
        lambda offset: system.access(offset)[0],
        lambda offset, value: system.access(offset, value) and None,
    )
    assert status == 0, text
    same_as_golden(example, text, image, x)


def edges(element, count):
    """Words about the middles of codes, in blocks of all sizes; zeros, subnormals, the largest."""
    random = np.random.default_rng(2)
    bits = random.integers(0, 1 << 32, count, dtype=np.uint32).view(np.float32)
    tops = [0.0, -0.0, 1e-40, -1e-45, 2.0**-126, 3.4e38, -3.4e38, 2.0**127]
    some = element.table[np.isfinite(element.table)]
    middles = (random.choice(some, count) + random.choice(some, count)) / 2
    steps = random.choice([0, 1, -1], count)
    near = middles.astype(np.float32).view(np.int32) + steps.astype(np.int32)
    values = np.stack([bits, near.view(np.float32), random.choice(np.float32(tops), count)])
    values[~np.isfinite(values)] = 1.0
    # A tile shares a pixel: what is drawn for a tile is of one kind, at one scale.
    scales = np.float32(2) ** random.integers(-130, 120, count // 32).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        scaled = values[1].reshape(-1, 32) * scales[:, None]
    scaled[~np.isfinite(scaled)] = 3.0
    return np.concatenate([values[0], values[1], values[2], scaled.reshape(-1)])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The C that ships and a network in each kind of format."""
    every = ["mxsf", "e4m3", "int8", "e2m1", "e5m0", "e4m11"]
    names = {f"in_{name}": parse(name) for name in every}
    network = Network.of((32,), [Dense(2)])
    made = {name: made_of(Configuration(e, 4, 4), network, 8) for name, e in names.items()}
    more = {
        f"{name.replace('+', '_')}.c": embedded(i, name.replace("+", "_"))
        for name, i in made.items()
    }
    return compiled(tmp_path_factory.mktemp("networks"), SOURCES, more), made


def test_images_are_quantized_as_golden_does(library):
    loaded, made = library
    for name, image in made.items():
        x = edges(image.built.element, 512).reshape(-1, 8, 32)
        struct = ctypes.byref(ctypes.c_char.in_dll(loaded, name))
        special = x[0].copy()
        special[0, 31], special[5, 0] = np.nan, np.inf
        for batch in (*x, special):
            memory, expected = image.memory.copy(), image.memory.copy()
            image.input.write(Image(image.built), batch, expected)
            pointers = (ctypes.c_void_p(each.ctypes.data) for each in (memory, batch))
            assert not loaded.mxsf_accelerator_network_put(struct, *pointers, 8)
            assert memory.tobytes() == expected.tobytes(), name


def test_bad_arguments(library):
    loaded, made = library
    struct = ctypes.byref(ctypes.c_char.in_dll(loaded, "in_mxsf"))
    memory, said = made["in_mxsf"].memory.ctypes.data, (ctypes.c_float * 32)()
    assert loaded.mxsf_accelerator_network_put(struct, ctypes.c_void_p(memory), said, 9) == 6
    assert loaded.mxsf_accelerator_network_get(struct, ctypes.c_void_p(memory), 8, said) == 6
    image, x = made_of(), drawn(2)
    for name in ("", "1st", "a b", "a;", "é", "a" * 32):
        with pytest.raises(ValueError, match="name must be an identifier of C, not "):
            embedded(image, name)
    with pytest.raises(ValueError, match=r"input must have the shape \(n, 3, 4, 4\)"):
        embedded(image, "network", x[:, 0])
    with pytest.raises(ValueError, match="there must be an image at least"):
        embedded(image, "network", x[:0])
    x[1, 2, 0, 0] = np.inf
    with pytest.raises(ValueError, match="images must be finite"):
        embedded(image, "network", x)
    other = made_of(Configuration(tile=4, pes=4, rule=ScaleRule.CEIL))
    with pytest.raises(ValueError, match="C quantizes by floor, saturating, not ceil"):
        embedded(other)
