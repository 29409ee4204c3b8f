"""The matrix engine as a machine: two tile memories, and what each of its commands does.

A command loads tiles into a memory, or multiplies two matrices of stored tiles. Source:
docs/engine.md; the numbers are those of docs/numerics.md sections 5 and 6.
"""

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..dot.matmul import matmul
from ..formats.block import BlockFormat, Rounding
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat, Overflow
from ..formats.scale_rule import ScaleRule
from ..quantize.lfsr import Lfsr
from ..quantize.requantizer import requantize
from ..quantize.tensor import BlockTensor

__all__ = [
    "FLAGS",
    "SIZE_BITS",
    "Command",
    "Fault",
    "Machine",
    "Opcode",
    "Output",
    "Tiles",
    "join",
    "split",
]

SIZE_BITS = 16
"""Bits of a size or a base address in a command."""

FLAGS = ("a_transposed", "b_transposed", "accumulate", "stochastic")
"""Those attributes of a command that are true or false."""


class Opcode(enum.IntEnum):
    """What a command does. Every other number is a fault."""

    LOAD_A = 1
    LOAD_B = 2
    MULTIPLY = 3


class Output(enum.IntEnum):
    """How the tiles of a product leave."""

    WORDS = 0
    """FP32 rows, from ``o``."""
    STRAIGHT = 1
    """Re-quantized, by rows from ``o``."""
    TRANSPOSED = 2
    """Re-quantized, by columns from ``t``."""
    BOTH = 3
    """Re-quantized, from ``o`` and from ``t``."""


class Fault(enum.IntEnum):
    """What is wrong with a command; of several the first counts."""

    NONE = 0
    OPCODE = 1
    """No such opcode, or an output that the engine does not have."""
    SIZE = 2
    """A size that is zero or above the depth of the memories."""
    BOUNDS = 3
    """Tiles beyond the end of a memory."""
    ABSENT = 4
    """An output or a rounding that the engine was made without."""


@dataclass(frozen=True)
class Command:
    """One command of the engine.

    op(A) has ``m x k`` tiles and op(B) ``k x n``. A matrix is stored as it came, row by row of
    tiles, from its base on: with ``a_transposed`` the stored A has ``k x m`` tiles. A load writes
    ``m * k`` tiles into memory a, or ``k * n`` into memory b, in the order in which they come.

    Attributes:
        opcode: see ``Opcode``; any number may be tried.
        m, n, k: sizes in tiles.
        a_base, b_base: address of a matrix's first tile.
        a_transposed, b_transposed: whether op transposes.
        accumulate: C starts from the words of stream ``c`` instead of 0.
        output: how the tiles leave.
        stochastic: whether re-quantized tiles are rounded by random numbers; else to nearest even.
    """

    opcode: int
    m: int = 1
    n: int = 1
    k: int = 1
    a_base: int = 0
    b_base: int = 0
    a_transposed: bool = False
    b_transposed: bool = False
    accumulate: bool = False
    output: Output = Output.STRAIGHT
    stochastic: bool = False

    @property
    def tiles(self) -> int:
        """Tiles that it takes from its stream, or gives."""
        rows = self.k if self.opcode == Opcode.LOAD_B else self.m
        columns = self.k if self.opcode == Opcode.LOAD_A else self.n
        return rows * columns


class Tiles(NamedTuple):
    """Quantized tiles: codes (tiles, n, n) and one scale each (tiles,)."""

    codes: NDArray[Any]
    scales: NDArray[Any]


class Machine:
    """The state of an engine between commands, and the exact result of each command.

    Args:
        element: format of all tiles.
        tile: rows and columns of a tile.
        depth: tiles that each memory holds.
        rule, overflow: of the re-quantizer.
        rounding: nearest even, or stochastic for the products that ask for it. The random numbers
            are those of ``Lfsr``, a row of a tile after the other, in the order in which tiles are
            rounded by them.
        requantize: whether there is a re-quantizer; without it only ``Output.WORDS`` is no fault.

    Attributes:
        memories: the stored tiles by ``"a"`` and ``"b"``, ``depth`` of them each; zeros at first.

    >>> machine = Machine(tile=2, depth=4)
    >>> ones = Tiles(np.full((1, 2, 2), 0x20, np.uint8), np.uint8([127]))
    >>> machine.load(Command(Opcode.LOAD_A), ones)
    >>> machine.load(Command(Opcode.LOAD_B), ones)
    >>> machine.multiply(Command(Opcode.MULTIPLY))[0].tolist()
    [[[2.0, 2.0], [2.0, 2.0]]]
    """

    def __init__(
        self,
        element: ElementFormat = MXSF,
        *,
        tile: int = 8,
        depth: int = 64,
        rule: ScaleRule = ScaleRule.FLOOR,
        rounding: Rounding = Rounding.NEAREST_EVEN,
        overflow: Overflow = "saturate",
        requantize: bool = True,
    ):
        self.element, self.tile, self.depth = element, tile, depth
        self.requantize = requantize
        self.format = BlockFormat(element, (tile, tile), rule, rounding, overflow)
        self.memories = {
            side: Tiles(
                np.zeros((depth, tile, tile), element.code_dtype),
                np.zeros(depth, self.format.scale.code_dtype),
            )
            for side in "ab"
        }
        self.reset()

    def reset(self) -> None:
        """What an abort does: random numbers start again, the memories keep their tiles."""
        self._lfsr = Lfsr(self.tile)

    def fault(self, command: Command) -> Fault:
        """What is wrong with a command."""
        if command.opcode not in set(Opcode):
            return Fault.OPCODE
        uses_a, uses_b = command.opcode != Opcode.LOAD_B, command.opcode != Opcode.LOAD_A
        sizes = [command.k, *([command.m] if uses_a else []), *([command.n] if uses_b else [])]
        if not all(1 <= size <= self.depth for size in sizes):
            return Fault.SIZE
        a_end = command.a_base + command.m * command.k
        b_end = command.b_base + command.k * command.n
        if (uses_a and a_end > self.depth) or (uses_b and b_end > self.depth):
            return Fault.BOUNDS
        absent = not self.requantize and command.output != Output.WORDS
        if not (self.requantize and self.format.rounding is Rounding.STOCHASTIC):
            absent |= command.stochastic
        if command.opcode == Opcode.MULTIPLY and absent:
            return Fault.ABSENT
        return Fault.NONE

    def load(self, command: Command, tiles: Tiles) -> None:
        """Write the first of some tiles into a memory; those that are missing keep it as it was."""
        self._check(command)
        side, base = ("a", command.a_base)
        if command.opcode == Opcode.LOAD_B:
            side, base = ("b", command.b_base)
        memory, count = self.memories[side], min(command.tiles, len(tiles.scales))
        memory.codes[base : base + count] = tiles.codes[:count]
        memory.scales[base : base + count] = tiles.scales[:count]

    def multiply(
        self, command: Command, c: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], Tiles | None]:
        """Multiply stored matrices.

        Args:
            command: the command.
            c: with ``accumulate`` where C starts, float32 of shape (m * n, tile, tile).

        Returns:
            The tiles of C, row by row of tiles: float32 of shape (m * n, tile, tile), and
            re-quantized, None for ``Output.WORDS``.

        Raises:
            ValueError: a bad command.
        """
        self._check(command)
        m, n, k = command.m, command.n, command.k
        a = self._matrix("a", command.a_base, m, k, command.a_transposed)
        b = self._matrix("b", command.b_base, k, n, command.b_transposed)
        start = join(np.asarray(c, np.float32), m, n) if command.accumulate else None
        words = split(matmul(a, b, start), self.tile)
        if command.output == Output.WORDS:
            return words, None
        rounding, random = Rounding.NEAREST_EVEN, None
        if command.stochastic:
            rounding = Rounding.STOCHASTIC
            random = self._lfsr.draw(len(words) * self.tile).reshape(words.shape)
        return words, Tiles(*requantize(words, self.format, rounding=rounding, random=random))

    def _check(self, command: Command) -> None:
        fault = self.fault(command)
        if fault:
            raise ValueError(f"a bad {fault.name.lower()} in {command}")

    def _matrix(
        self, side: str, base: int, rows: int, columns: int, transposed: bool
    ) -> BlockTensor:
        """Return op of a stored matrix of ``rows x columns`` tiles."""
        stored = (columns, rows) if transposed else (rows, columns)
        memory = self.memories[side]
        codes = join(memory.codes[base : base + rows * columns], *stored)
        scales = memory.scales[base : base + rows * columns].reshape(stored)
        matrix = BlockTensor(codes, scales, self.format)
        return matrix.T if transposed else matrix


def join(tiles: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Put tiles (rows * columns, n, n) together to a matrix, row by row of tiles."""
    size = tiles.shape[-1]
    whole = tiles.reshape(rows, columns, size, size).swapaxes(1, 2)
    return np.ascontiguousarray(whole).reshape(rows * size, columns * size)


def split(matrix: NDArray[Any], tile: int) -> NDArray[Any]:
    """Cut a matrix of whole tiles, row by row of tiles: shape (tiles, tile, tile).

    >>> split(np.arange(8).reshape(2, 4), 2).tolist()
    [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """
    rows, columns = (axis // tile for axis in matrix.shape)
    parts = matrix.reshape(rows, tile, columns, tile).swapaxes(1, 2)
    return np.ascontiguousarray(parts).reshape(-1, tile, tile)
