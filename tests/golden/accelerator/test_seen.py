"""Matrices and operands whose tiles stand anywhere: views as convolutions take them."""

import re

import numpy as np
import pytest
from mxsf.golden import MXSF, matmul, quantize
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.plane import Image
from mxsf.golden.accelerator.program import Program
from mxsf.golden.accelerator.result import Result
from mxsf.golden.accelerator.view import View, collapsed

SMALL = Configuration(tile=4, pes=4, depth=64)


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_convolution_is_one_product_over_a_view():
    """3x3 taps over 4x6 pixels, into the middle of a plane of another size, in two columns."""
    program, tile = Program(SMALL), 4
    x, w = random((4 * 6 * tile, tile)), random((9 * tile, 2 * tile), 1)
    a, b = program.put("x", x), program.put("w", w)
    out = program.matrix("out", (5 * 6 * tile, 2 * tile))
    middle = out.seen(2 * (6 + 1), 8, 2, View.of([(2, 12), (4, 2)]))
    taps = View.of([(2, 6), (4, 1)], [(3, 6), (3, 1)])
    left, right = program.load_a(a).seen(8, 9, taps), program.load_b(b)
    program.multiply(left, right, tiles=middle)
    program.end()
    machine = Machine(SMALL, program.image())
    outcome = machine.run(program.start)
    assert (outcome.fault, outcome.breaches) == (0, [])

    pixels = x.reshape(4, 6, tile, tile)
    columns = np.block(
        [
            [pixels[y + ky, column + kx] for ky in range(3) for kx in range(3)]
            for y in range(2)
            for column in range(4)
        ]
    )
    block = (tile, tile)
    expected = matmul(quantize(columns, MXSF, block), quantize(w, MXSF, block))
    plane = np.zeros((5, 6, tile, 2 * tile), np.float32)
    plane[1:3, 1:5] = expected.reshape(2, 4, tile, 2 * tile)
    found = program.get(out, machine.memory)
    assert found == quantize(plane.reshape(-1, 2 * tile), MXSF, block)
    assert program.get(middle, machine.memory) == quantize(expected, MXSF, block)


def test_a_plane_is_written_into_a_memory_of_ones_own():
    image = Image(SMALL)
    words = image.words("words", (8, 4))
    memory = image.memory
    image.write(words, random((8, 4)), memory)
    assert image.read(words, memory).tobytes() == random((8, 4)).tobytes()
    assert not image.read(words).any()


def test_a_load_waits_for_what_is_written():
    program = Program(SMALL)
    a, b, c = (program.put(name, random((4, 4))) for name in "abc")
    program.multiply(program.load_a(a), program.load_b(b), tiles=c)
    assert [program.waits(matrix) for matrix in (a, b, c)] == [False, False, True]
    program.fence()
    assert not program.waits(c)


@pytest.mark.parametrize(
    ("levels", "fewest"),
    [
        ([], []),
        ([(5, 3)], [(5, 3)]),
        ([(2, 12), (3, 4), (4, 1)], [(24, 1)]),
        ([(2, 13), (3, 4), (4, 1)], [(2, 13), (12, 1)]),
        ([(7, 0), (1, 9), (3, 0)], [(21, 0)]),
    ],
)
def test_loops_collapse(levels, fewest):
    assert collapsed(levels) == fewest
    count = int(np.prod([n for n, _ in levels]))
    grid = sum(np.ix_(*(np.arange(n) * step for n, step in levels)), np.zeros((), int))
    assert View.of(levels).indices(count, 1).ravel().tolist() == grid.ravel().tolist()


def test_columns_apart_from_each_other():
    assert View.of([(2, 1)], [(3, 7)]).indices(2, 3).tolist() == [[0, 7, 14], [1, 8, 15]]


def test_what_a_view_cannot_say():
    message = "a view has two levels of rows and of columns, not [(2, 50), (2, 20), (2, 5)], []"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        View.of([(2, 50), (2, 20), (2, 5)])
    with pytest.raises(ValueError, match="two levels of rows and of columns"):
        View.of([], [(2, 50), (2, 5)])


def test_planes_of_c_in_other_views():
    program = Program(SMALL)
    words = program.words("words", (16, 8))
    one, other = (words.seen(0, 4, 1, View.of([(2, 4), (2, step)])) for step in (1, 2))
    with pytest.raises(ValueError, match=r"^planes of C must have one view, not words View\("):
        Result(words=one, init=other).view(4, 1)
    across = words.seen(0, 1, 4, View.of([], [(2, 4), (2, 1)]))
    with pytest.raises(ValueError, match=r"^columns of C lie beside one another, not as in View"):
        Result(words=across).view(1, 4)
    with pytest.raises(ValueError, match=r"is no plain matrix, it has no parts$"):
        one[0:1, 0:1]
