"""Training of a two-layer network as a program of the accelerator, whose weights never leave it.

    h = relu(x W1 + b1)              z = h W2 + b2
    d2 = -2^-s (z - y)               d1 = d2 W2^T where h is not 0
    W2 += h^T d2, b2 += sums of d2   W1 += x^T d1, b1 += sums of d1

The loss is half the squared distance of z from y, so that its gradient is z - y, and 2^-s is the
learning rate over the batch: it leaves the epilogue once, and all other products are plain. Weights
and biases are FP32 words, to which each step adds in one exact rounding a tile of K; the tiles
that products read are quantized from them on the way out. z - y is one product, that of [h | -y]
and W2 above a unit matrix: h and -y are parts of one matrix in memory, and so are W2 and the ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.operand import Operand
from ...golden.accelerator.plane import Matrix, Words
from ...golden.accelerator.program import Program

__all__ = ["Batch", "DigitsProgram", "Parameters", "training_program"]

Floats = NDArray[np.float32]


class Batch(NamedTuple):
    """Images (n, inputs) and what the network should say of them (n, classes), float32."""

    x: Floats
    y: Floats


class Parameters(NamedTuple):
    """Weights (inputs, hidden), (hidden, classes) and biases (hidden,), (classes,), float32."""

    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats


@dataclass(frozen=True)
class DigitsProgram:
    """A program that trains.

    Attributes:
        program: with its image.
        w1, b1, w2, b2: where weights and biases are, as words.
    """

    program: Program
    w1: Words
    b1: Words
    w2: Words
    b2: Words

    def parameters(self, memory: NDArray[np.uint8]) -> Parameters:
        """Weights and biases that a run left in memory."""
        w1, b1, w2, b2 = (
            self.program.get(words, memory) for words in (self.w1, self.b1, self.w2, self.b2)
        )
        return Parameters(w1, b1[0], w2, b2[0])


def training_program(
    built: Configuration, start: Parameters, batches: Sequence[Batch], shift: int
) -> DigitsProgram:
    """Write a program that trains, a step a batch.

    Args:
        built: the accelerator; its tile memories hold all operands of a step.
        start: weights and biases at first.
        batches: of one size, a multiple of the tile.
        shift: s; the learning rate is ``2**-shift`` times the size of a batch.

    Raises:
        ValueError: a batch has another size, or something does not fit.
    """
    count = len(batches[0].x)
    for batch in batches:
        if len(batch.x) != count or count % built.tile:
            raise ValueError(
                f"batches must be of one size, a multiple of {built.tile}, not {len(batch.x)}"
            )
    network = _Network(built, start, batches, shift)
    for number in range(len(batches)):
        network.step(number)
    network.program.end()
    names = (network.w1_words, network.b1, network.w2_words, network.b2)
    return DigitsProgram(network.program, *names)


class _Network:
    """The matrices of a network in memory, and where its operands lie in the tile memories."""

    def __init__(
        self, built: Configuration, start: Parameters, batches: Sequence[Batch], shift: int
    ):
        self.shift = shift
        self.program = program = Program(built)
        tile, (count, _), (hidden, classes) = built.tile, batches[0].x.shape, start.w2.shape
        self.hidden = -(-hidden // tile)  # tiles
        wide = self.hidden * tile
        self.w1, self.w1_words = program.put("w1", start.w1), program.put_words("w1", start.w1)
        self.b1, self.b2 = program.put_words("b1", start.b1), program.put_words("b2", start.b2)
        self.w2_words = program.put_words("w2", start.w2)
        self.w2 = program.matrix("w2 over 1", (wide + classes, classes))
        program.tensors.write(self.w2, np.pad(start.w2, [(0, wide + classes - hidden), (0, 0)]))
        program.tensors.write(self.w2[self.hidden :, :], np.eye(classes, dtype=np.float32))
        self.x = [program.put("x", batch.x) for batch in batches]
        self.h = [program.matrix("h and -y", (count, wide + classes)) for _ in batches]
        for matrix, batch in zip(self.h, batches, strict=True):
            program.tensors.write(matrix[:, self.hidden :], -batch.y)
        self.d2 = program.matrix("d2", (count, classes))
        # As wide as h, which masks it.
        self.d1 = program.matrix("d1", (count, wide + classes))[:, : self.hidden]
        sides = {"a": [self.x[0], self.x[0], self.h[0], self.d2], "b": [self.w1, self.w2, self.d2]}
        starts = {side: np.cumsum([1, *map(_tiles, found)]) for side, found in sides.items()}
        self.at = {side: [int(place) for place in places] for side, places in starts.items()}
        ones = program.put("ones", np.ones((tile, tile), np.float32))
        self.sums = program.load_a(ones, 0).repeated(1, self.x[0].rows)
        self.batch = program.load_a(self.x[0], self.at["a"][0])

    def step(self, number: int) -> None:
        """Write a step; its images are loaded, and those of the next one when it ends."""
        program, h = self.program, self.h[number]
        x, (_, *a), b = self.batch, self.at["a"], self.at["b"]
        hidden = h[:, : self.hidden]
        program.multiply(x, program.load_b(self.w1, b[0]), tiles=hidden, bias=self.b1, relu=True)
        w2 = program.load_b(self.w2, b[1])
        left = program.load_a(h, a[1])
        program.multiply(left, w2, tiles=self.d2, bias=self.b2, shift=-self.shift, negate=True)
        d2, slope = program.load_a(self.d2, a[2]), program.load_b(self.d2, b[2])
        program.multiply(d2, w2[: self.hidden, :].T, tiles=self.d1, mask=hidden)
        program.fence()  # for d1, whose load comes behind the product that does not need it
        self._add(left[:, : self.hidden].T, slope, self.w2[: self.hidden, :], self.w2_words)
        d1 = program.load_b(self.d1, b[3])
        self._add_sums(slope, self.b2)
        self._add(x.T, d1, self.w1, self.w1_words)
        self._add_sums(d1, self.b1)
        if number + 1 < len(self.x):
            self.batch = program.load_a(self.x[number + 1], self.at["a"][(number + 1) % 2])

    def _add(self, a: Operand, b: Operand, tiles: Matrix, words: Words) -> None:
        """Add a gradient to weights, words and tiles."""
        self.program.multiply(a, b, words=words, tiles=tiles, init=words)

    def _add_sums(self, slopes: Operand, bias: Words) -> None:
        """Add the sums of the slopes over a batch to a bias."""
        self.program.multiply(self.sums, slopes, words=bias, init=bias)


def _tiles(matrix: Matrix) -> int:
    return matrix.rows * matrix.columns
