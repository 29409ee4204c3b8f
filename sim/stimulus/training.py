"""One training step of a two-layer network on the matrix engine, as scripts.

Each matrix is quantized and stored once; forward, dX and dW read the same tiles, straight or
transposed. The host adds what is not a matrix product: ReLU, the loss, quantization of FP32 rows.
A script ends where the host must have its results before it can go on.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.engine.machine import Command, Opcode, Output, Tiles, join, split
from ...golden.quantize.requantizer import requantize
from ...hdl.engine.matmul import Matmul, machine
from .script import Script, Writer

__all__ = ["DEPTH", "Step", "training_step"]

DEPTH = 320
"""Tiles that each memory needs for the digits network, a batch of 64 and tiles of 8."""

Floats = NDArray[np.float32]


class Step(NamedTuple):
    """What a step computes, float32, and the scripts that make an engine compute it, in order."""

    z1: Floats
    z2: Floats
    dh: Floats
    dw1: Floats
    dw2: Floats
    scripts: list[Script]


class _Stored(NamedTuple):
    """A matrix in a tile memory."""

    side: str
    base: int
    rows: int
    columns: int


class _Host:
    """Keeps matrices in the tile memories of an engine and multiplies them."""

    def __init__(self, component: Matmul):
        self._tile, self._rule = component.tile, component.rule
        self._element = component.element
        self.writer = Writer(component, machine(component))
        self.scripts = [self.writer.script]
        self._free = dict.fromkeys("ab", 0)

    def wait(self) -> None:
        """Go on when all results are there."""
        self.writer = Writer(self.writer.component, self.writer.golden)
        self.scripts.append(self.writer.script)

    def store(self, side: str, matrix: Floats) -> _Stored:
        """Quantize a matrix, padded with zeros to whole tiles, and load it."""
        size = self._tile
        rows, columns = (-(-axis // size) for axis in matrix.shape)
        padding = [(0, -axis % size) for axis in matrix.shape]
        tiles = Tiles(*requantize(split(np.pad(matrix, padding), size), self._element, self._rule))
        base, count = self._free[side], rows * columns
        self._free[side] += count
        if side == "a":
            load = Command(Opcode.LOAD_A, rows, 1, columns, a_base=base)
        else:
            load = Command(Opcode.LOAD_B, 1, columns, rows, b_base=base)
        self.writer.write(load, tiles)
        return _Stored(side, base, rows, columns)

    def multiply(
        self, a: _Stored, b: _Stored, *, turn_a: bool = False, turn_b: bool = False
    ) -> Floats:
        """Return op(A) op(B) as FP32 words, whole tiles."""
        m, k = (a.columns, a.rows) if turn_a else (a.rows, a.columns)
        n = b.rows if turn_b else b.columns
        command = Command(
            *(Opcode.MULTIPLY, m, n, k, a.base, b.base, turn_a, turn_b), output=Output.WORDS
        )
        words = self.writer.write(command)
        if words is None:
            fault = self.writer.golden.fault(command).name.lower()
            raise ValueError(f"the memories are too small: {fault} in {command}")
        return join(words, m, n)


def training_step(
    component: Matmul, x: Floats, w1: Floats, w2: Floats, gradient: Callable[[Floats], Floats]
) -> Step:
    """Run a step ``x -> w1 -> ReLU -> w2`` and back on the golden machine and write its scripts.

    Args:
        component: the engine.
        x: a batch (n, inputs).
        w1: weights (inputs, hidden).
        w2: weights (hidden, classes).
        gradient: maps logits (n, classes) to the gradient of the loss, of the same shape.

    Raises:
        ValueError: the tile memories are too small.
    """
    host, batch, classes = _Host(component), len(x), w2.shape[1]
    stored_x, stored_w1 = host.store("a", x), host.store("b", w1)
    z1 = host.multiply(stored_x, stored_w1)[:batch, : w1.shape[1]]
    stored_w2 = host.store("b", w2)
    host.wait()
    h = np.maximum(z1, np.float32(0))
    stored_h = host.store("a", h)
    z2 = host.multiply(stored_h, stored_w2)[:batch, :classes]
    host.wait()
    dz2 = gradient(z2)
    a_dz2, b_dz2 = host.store("a", dz2), host.store("b", dz2)
    dh = host.multiply(a_dz2, stored_w2, turn_b=True)[:batch, : w1.shape[1]] * (h > 0)
    dw2 = host.multiply(stored_h, b_dz2, turn_a=True)[: w2.shape[0], :classes]
    host.wait()
    stored_dh = host.store("b", dh)
    dw1 = host.multiply(stored_x, stored_dh, turn_a=True)[: w1.shape[0], : w1.shape[1]]
    return Step(z1, z2, dh, dw1, dw2, host.scripts)
