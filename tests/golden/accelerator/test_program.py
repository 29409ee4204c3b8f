"""Programs built in Python: what they compute, where FENCEs stand, and what does not fit."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from mxsf.golden import E2M3, E4M3, INT8, MXSF, BlockTensor, Rounding, matmul, quantize
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.plane import Image
from mxsf.golden.accelerator.program import Program

SMALL = Configuration(tile=4, pes=4, depth=32)


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def run(program):
    """Run it; the machine, after a run without faults and hazards."""
    machine = Machine(program.built, program.image())
    outcome = machine.run(program.start)
    assert outcome.fault == 0
    assert outcome.breaches == []
    return machine


def opcodes(program):
    names = {Load: "L", Multiply: "M", Fence: "F", End: "E"}
    return "".join(
        names[type(d)].lower() if isinstance(d, Load) and d.free else names[type(d)]
        for d in program.descriptors
    )


@pytest.mark.parametrize("element", [MXSF, E2M3, E4M3, INT8], ids=str)
def test_dense_layer(element):
    """C = relu(A B + bias), sizes that are no multiple of a tile, as words and as tiles."""
    built = Configuration(element, tile=4, pes=4, depth=32, bus=128)
    x, w, bias = random((10, 14)), random((14, 7), 1), random(7, 2)
    program = Program(built)
    a, b = program.put("x", x), program.put("w", w)
    c, q = program.words("c", (10, 7)), program.matrix("q", (10, 7))
    row = program.put_words("bias", bias)
    program.multiply(program.load_a(a), program.load_b(b), words=c, tiles=q, bias=row, relu=True)
    program.end()
    assert opcodes(program) == "LLME"
    memory = run(program).memory

    block = (4, 4)
    plain = matmul(quantize(x, element, block), quantize(w, element, block), bias)
    plain = np.maximum(plain, np.float32(0))
    assert program.get(c, memory).tobytes() == plain.tobytes()
    padded = np.pad(plain, [(0, 2), (0, 1)])
    padded[10:] = np.maximum(np.pad(bias, (0, 1)), np.float32(0))  # rows of zeros start from it too
    expected = quantize(padded, element, block)
    assert np.array_equal(program.get(q, memory).scales, expected.scales)
    assert np.array_equal(program.get(q, memory).codes, expected.codes[:10, :7])


def test_what_is_put_is_read_again():
    program = Program(SMALL)
    x = random((9, 6))
    q = quantize(x, MXSF, (4, 4))
    assert program.get(program.put("x", x)) == q
    assert program.get(program.put("q", q)) == q
    words = program.put_words("words", x.astype(np.float64))
    assert program.get(words).tobytes() == x.tobytes()
    part = program.get(words[1:, 0:1])
    assert part.tobytes() == x[4:, :4].tobytes()
    program.tensors.write(words[0:1, 1:], np.zeros((4, 2), np.float32))
    assert not program.get(words)[:4, 4:].any()
    assert program.get(words)[4:].tobytes() == x[4:].tobytes()
    assert program.get(program.matrix("zeros", (3, 3))).dequantize().tolist() == [[0] * 3] * 3


@pytest.mark.parametrize("bus", [64, 512])
def test_planes_are_aligned_and_apart(bus):
    built = Configuration(tile=4, pes=4, depth=32, bus=bus)
    program = Program(built)
    taken = []
    for count in (1, 3, 5):
        x = program.put(f"x{count}", random((4, 4 * count)))
        y = program.put_words(f"y{count}", random((4, 4 * count)))
        for plane in (x.codes, x.scales, y.words):
            start = plane.place.offset
            taken.append((start, start + count * plane.record))
            assert plane.record == 1 or start % (bus // 8) == 0
    taken.sort()
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(taken))
    program.end()
    assert program.start % 64 == 0
    assert taken[-1][1] <= program.start
    assert len(program.image()) == program.start + 64
    assert run(program).counters["descriptors"] == 1


def test_parts_and_transposes():
    """Three products of one stored copy, and products of parts of operands."""
    x, w, dz = random((8, 12)), random((12, 16), 1), random((8, 16), 2)
    program = Program(SMALL)
    stored = [program.put(name, v) for name, v in (("x", x), ("w", w), ("dz", dz))]
    y, dw, dx = (
        program.words(*made) for made in (("y", (8, 16)), ("dw", (12, 16)), ("dx", (8, 12)))
    )
    a, b = program.load_a(stored[0]), program.load_b(stored[1])
    program.multiply(a, b, words=y)
    program.multiply(a[0:1, 1:], b[1:, 2:4], words=y[:1, :2])
    slope = program.load_b(stored[2])
    program.multiply(a.T, slope, words=dw)
    program.multiply(program.load_a(stored[2]), b.T, words=dx)
    program.multiply(a.T[1:3, :], slope[:, 3:], words=y[0:2, 3:])
    program.end()
    memory = run(program).memory
    assert opcodes(program) == "LLMFMlMlMME"
    qx, qw, qdz = (quantize(v, MXSF, (4, 4)) for v in (x, w, dz))

    def cut(q, rows, columns):
        codes = q.codes[4 * rows.start : 4 * rows.stop, 4 * columns.start : 4 * columns.stop]
        return BlockTensor(codes, q.scales[rows, columns], q.format)

    plain = matmul(qx, qw)
    plain[:4, :8] = matmul(cut(qx, slice(0, 1), slice(1, 3)), cut(qw, slice(1, 3), slice(2, 4)))
    plain[:8, 12:] = matmul(cut(qx.T, slice(1, 3), slice(0, 2)), cut(qdz, slice(0, 2), slice(3, 4)))
    assert program.get(y, memory).tobytes() == plain.tobytes()
    assert program.get(dw, memory).tobytes() == matmul(qx.T, qdz).tobytes()
    assert program.get(dx, memory).tobytes() == matmul(qdz, qw.T).tobytes()


def test_parts_of_a_matrix_are_loaded():
    x = random((16, 20))
    program = Program(SMALL)
    q = program.put("x", x)
    y = program.words("y", (8, 8))
    program.multiply(program.load_a(q[1:3, 0:3]), program.load_b(q[0:3, 3:5]), words=y)
    program.end()
    whole = quantize(x, MXSF, (4, 4))
    part = matmul(
        BlockTensor(whole.codes[4:12, :12], whole.scales[1:3, :3], whole.format),
        BlockTensor(whole.codes[:12, 12:], whole.scales[:3, 3:], whole.format),
    )
    assert program.get(y, run(program).memory).tobytes() == part.tobytes()


def test_sums_of_columns_by_a_tile_of_ones():
    dz = random((12, 8))
    program = Program(SMALL)
    stored, ones = program.put("dz", dz), program.put("ones", np.ones((4, 4), np.float32))
    bias = program.put_words("bias", random(8, 1))
    before = program.get(bias)
    a = program.load_a(ones).repeated(1, 3)
    program.multiply(a, program.load_b(stored), words=bias, init=bias)
    program.end()
    q = quantize(dz, MXSF, (4, 4))
    plain = matmul(quantize(np.ones((1, 12), np.float32), MXSF, (4, 4)), q, before)
    assert program.get(bias, run(program).memory).tobytes() == plain.tobytes()


def test_epilogue_and_mask():
    x = random((8, 8))
    hidden = np.where(random((8, 8), 1) > 0, random((8, 8), 2), np.float32(0))
    program = Program(SMALL)
    stored, mask = program.put("x", x), program.put("mask", hidden)
    y = program.words("y", (8, 8))
    program.multiply(
        program.load_a(stored),
        *(program.load_b(stored).T,),
        words=y,
        init=y,
        mask=mask,
        shift=-3,
        negate=True,
    )
    program.end()
    q = quantize(x, MXSF, (4, 4))
    plain = -matmul(q, q.T) / np.float32(8)
    plain[quantize(hidden, MXSF, (4, 4)).dequantize() == 0] = 0
    assert program.get(y, run(program).memory).tobytes() == plain.tobytes()


def test_fences_only_where_they_are_needed():
    program = Program(SMALL)
    x, h = program.put("x", random((8, 8))), program.matrix("h", (8, 8))
    y, z = program.words("y", (8, 8)), program.words("z", (8, 8))
    a, b = program.load_a(x), program.load_b(x)
    program.multiply(a, b, tiles=h)
    program.multiply(a, b.T, words=y)
    other = program.load_b(x)  # independent of both products
    again = program.load_a(h)  # needs the first one
    program.multiply(again, other, words=z)
    program.multiply(again, other, words=z, init=y)  # writes z twice
    program.fence()
    program.multiply(again, b, words=z)
    program.end(irq=False)
    program.multiply(again, b, words=z)
    program.end()
    assert opcodes(program) == "LLMMlFLMFMFMEME"
    machine = run(program)
    assert machine.run(program.start + 64 * 13).fault == 0


def test_free_loads_are_those_that_meet_no_product():
    program = Program(SMALL)
    x, y = program.put("x", random((16, 16))), program.words("y", (16, 16))
    a, b = program.load_a(x, at=0), program.load_b(x, at=0)
    program.multiply(a, b, words=y)
    program.load_a(x, at=16)
    program.load_b(x[0:1, 0:1], at=15)  # meets the last tile, so it waits
    program.load_b(x[0:1, 0:1], at=15)  # nothing is under way any more
    program.load_a(x, at=16, free=False)
    program.end()
    assert opcodes(program) == "LLMlLLLE"
    run(program)


def test_random_numbers():
    built = Configuration(tile=4, pes=4, depth=32, rounding=Rounding.STOCHASTIC)
    program = Program(built)
    x, y = program.put("x", random((8, 8))), program.matrix("y", (8, 8))
    program.multiply(program.load_a(x), program.load_b(x), tiles=y, stochastic=True)
    program.end()
    nearest = quantize(matmul(program.get(x), program.get(x)), MXSF, (4, 4))
    found = program.get(y, run(program).memory)
    assert np.array_equal(found.scales, nearest.scales)
    assert not np.array_equal(found.codes, nearest.codes)


def test_two_programs_of_one_image():
    first = Program(SMALL)
    x, y = first.put("x", random((8, 8))), first.words("y", (8, 8))
    second = Program(SMALL, first.tensors)
    for program in (first, second):
        b = program.load_b(x)
        program.multiply(program.load_a(x), b.T if program is first else b, words=y)
        program.end()
    q = quantize(random((8, 8)), MXSF, (4, 4))
    assert first.get(y, run(first).memory).tobytes() == matmul(q, q.T).tobytes()
    assert second.get(y, run(second).memory).tobytes() == matmul(q, q).tobytes()


def made(**shapes):
    program = Program(SMALL)
    return program, {name: program.matrix(name, shape) for name, shape in shapes.items()}


def too_large(program, x, **_):
    program.load_a(x)


def beyond(program, w, **_):
    program.load_a(w, at=32)


def overwritten(program, w, **_):
    first = program.load_a(w)
    program.load_a(w[0:1, :], at=3)
    program.multiply(first, program.load_b(w))


def wrong_side(program, w, **_):
    program.multiply(program.load_b(w), program.load_a(w))


def inner_sizes(program, w, **_):
    program.multiply(program.load_a(w), program.load_b(w), words=program.words("c", (8, 8)))


def both_starts(program, w, **_):
    c = program.words("c", (8, 8))
    program.multiply(program.load_a(w), program.load_b(w).T, words=c, init=c, bias=c)


def wrong_bias(program, w, **_):
    c, bias = program.words("c", (8, 8)), program.words("bias", (1, 9))
    program.multiply(program.load_a(w), program.load_b(w).T, words=c, bias=bias)


def wrong_size(program, w, **_):
    program.multiply(program.load_a(w), program.load_b(w).T, words=program.words("c", (8, 12)))


def pitches(program, w, **_):
    wide, c = program.words("wide", (8, 16)), program.matrix("c", (8, 8))
    program.multiply(program.load_a(w), program.load_b(w).T, words=wide[:, 1:3], tiles=c)


def no_output(program, w, **_):
    program.multiply(program.load_a(w), program.load_b(w).T)


def no_random_numbers(program, w, **_):
    c = program.matrix("c", (8, 8))
    program.multiply(program.load_a(w), program.load_b(w).T, tiles=c, stochastic=True)


def large_shift(program, w, **_):
    c = program.words("c", (8, 8))
    program.multiply(program.load_a(w), program.load_b(w).T, words=c, shift=200)


def overlapping(program, w, **_):
    c = program.words("c", (12, 8))
    program.multiply(program.load_a(w), program.load_b(w).T, words=c[0:2, :], init=c[1:3, :])


def not_free(program, w, **_):
    program.multiply(program.load_a(w), program.load_b(w).T, words=program.words("c", (8, 8)))
    program.load_a(w, at=7, free=True)


def no_part(program, w, **_):
    return w[2:2, :]


def steps(program, w, **_):
    return program.load_a(w)[0::2, :]


def another_shape(program, w, **_):
    program.tensors.write(w, np.zeros((8, 12), np.float32))


def another_format(program, w, **_):
    program.tensors.write(w, quantize(np.zeros((8, 16), np.float32), E4M3, (4, 4)))


def three_axes(program, **_):
    program.put("cube", np.zeros((2, 2, 2), np.float32))


def empty(program, **_):
    program.words("nothing", (0, 4))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (too_large, ValueError, "x has 48 tiles, tile memory a holds 32"),
        (beyond, ValueError, "at must be 0 to 31, not 32"),
        (
            overwritten,
            ValueError,
            "w (2 x 4 tiles) is not there any more: w[0:1, 0:4] was loaded over it",
        ),
        (
            wrong_side,
            ValueError,
            "w (2 x 4 tiles) lies in tile memory b, it must be in a",
        ),
        (inner_sizes, ValueError, "inner sizes differ: w (2 x 4 tiles) times w (2 x 4 tiles)"),
        (
            both_starts,
            ValueError,
            "C starts from c (2 x 2 tiles) or from c (2 x 2 tiles), not from both",
        ),
        (wrong_bias, ValueError, "bias must have 2 columns of tiles, not bias (1 x 3 tiles)"),
        (wrong_size, ValueError, "words must be 2 x 2 tiles, not c (2 x 3 tiles)"),
        (pitches, ValueError, "planes of C must have one pitch, not words 4, tiles 2"),
        (no_output, ValueError, "OUTPUT: "),
        (no_random_numbers, ValueError, "OUTPUT: "),
        (large_shift, ValueError, "shift must be -128 to 127, not 200"),
        (overlapping, ValueError, "words and init of a product overlap: write after read"),
        (
            not_free,
            ValueError,
            "w (2 x 4 tiles) must wait for the product under way, which reads w (2 x 4 tiles)",
        ),
        (no_part, IndexError, "w (2 x 4 tiles) has no tiles 2:2:None"),
        (steps, IndexError, "w (2 x 4 tiles) has no tiles 0:None:2"),
        (another_shape, ValueError, "w has the shape (8, 16), not (8, 12)"),
        (
            another_format,
            ValueError,
            "w (2 x 4 tiles) takes mxsf in blocks (4, 4), not e4m3 in (4, 4)",
        ),
        (three_axes, ValueError, "cube must have two axes, its shape is (2, 2, 2)"),
        (empty, ValueError, "nothing must have rows and columns, its shape is (0, 4)"),
    ],
)
def test_errors(build, error, message):
    program, matrices = made(x=(24, 32), w=(8, 16))
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        build(program, **matrices)


def test_an_image_belongs_to_an_accelerator():
    with pytest.raises(ValueError, match=r"^tensors must be an image of the same accelerator$"):
        Program(SMALL, Image(Configuration(tile=4, pes=8, depth=32)))


def test_words_take_no_block_tensor():
    program = Program(SMALL)
    words = program.words("words", (4, 4))
    with pytest.raises(TypeError, match=r"holds words, not a block tensor$"):
        program.tensors.write(words, quantize(random((4, 4)), MXSF, (4, 4)))


def test_the_example_of_the_page_runs():
    page = (Path(__file__).parents[3] / "docs" / "accelerator.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["values"].shape == (10, 24)
    assert (names["values"] >= 0).all()
