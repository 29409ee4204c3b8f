"""Operands: matrices in the tile memories of an accelerator, and what of them is still there.

Source: docs/accelerator.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .plane import tile_range
from .view import View

__all__ = ["Operand", "TileMemory"]


@dataclass(frozen=True)
class Operand:
    """A matrix in a tile memory, or a part of one, straight or transposed.

    Attributes:
        name: for messages.
        side: ``"a"`` or ``"b"``: which memory.
        rows, columns: of tiles, as stored.
        base: its first tile.
        view: of the stored matrix.
        load: number of the load that brought it.
        transposed: whether a product reads the transpose.

    >>> x = Operand("x", "a", 4, 8, 0, View(pitch=8), load=1)
    >>> x[1:3, 2:].base, x.T.shape
    (10, (8, 4))
    """

    name: str
    side: str
    rows: int
    columns: int
    base: int
    view: View
    load: int
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles, as a product reads them."""
        return (self.columns, self.rows) if self.transposed else (self.rows, self.columns)

    @property
    def T(self) -> "Operand":  # noqa: N802 - NumPy's name
        """The transpose, which costs nothing."""
        return replace(self, name=f"{self.name}.T", transposed=not self.transposed)

    def __str__(self) -> str:
        return f"{self.name} ({self.shape[0]} x {self.shape[1]} tiles)"

    def __getitem__(self, place: tuple[slice, slice]) -> "Operand":
        """Return a part: tiles ``[first:last, first:last]`` of rows and columns.

        Raises:
            IndexError: it is empty, or has steps.
        """
        (top, bottom), (left, right) = (
            tile_range(self, axis, slice_) for axis, slice_ in zip(self.shape, place, strict=True)
        )
        name = f"{self.name}[{top}:{bottom}, {left}:{right}]"
        if self.transposed:
            top, bottom, left, right = left, right, top, bottom
        base = self.base + top * self.view.pitch + left
        size = {"rows": bottom - top, "columns": right - left}
        return replace(self, name=name, base=base, **size)

    def repeated(self, rows: int, columns: int) -> "Operand":
        """A matrix that has the first tile everywhere, such as one of ones."""
        view = View(pitch=0, crun=1, cjump=0)
        return replace(self, rows=rows, columns=columns, view=view, transposed=False)

    def seen(self, rows: int, columns: int, view: View, first: int = 0) -> "Operand":
        """Its tiles as another matrix, such as that of a convolution's taps.

        Args:
            rows: of the matrix as stored.
            columns: the same.
            view: which tiles, counted from ``first``.
            first: tile at row 0, column 0, counted from the first one of the operand.
        """
        base = self.base + first
        return replace(self, rows=rows, columns=columns, base=base, view=view, transposed=False)

    def addresses(self, depth: int) -> NDArray[np.int64]:
        """Addresses of its tiles in a memory of ``depth`` tiles, as stored."""
        indices = self.view.indices(self.rows, self.columns)
        return (self.base + indices).reshape(-1) % depth


class TileMemory:
    """Which operands lie in a tile memory.

    Args:
        side: ``"a"`` or ``"b"``.
        depth: tiles that it holds.
    """

    def __init__(self, side: str, depth: int):
        self.side, self.depth = side, depth
        self._next = 0
        self._names = [""]
        self._loads = np.zeros(depth, np.int64)

    def load(self, name: str, rows: int, columns: int, at: int | None) -> Operand:
        """Take tiles for a matrix, row by row: at an address, or behind what came last.

        Raises:
            ValueError: it does not fit.
        """
        count = rows * columns
        if count > self.depth:
            raise ValueError(
                f"{name} has {count} tiles, tile memory {self.side} holds {self.depth}"
            )
        base = self._next if at is None else at
        if not 0 <= base < self.depth:
            raise ValueError(f"at must be 0 to {self.depth - 1}, not {base}")
        self._next = (base + count) % self.depth
        number = len(self._names)
        self._names.append(name)
        operand = Operand(name, self.side, rows, columns, base, View(pitch=columns), number)
        self._loads[operand.addresses(self.depth)] = number
        return operand

    def has(self, operand: Operand) -> bool:
        """Whether an operand of this memory is still there."""
        return bool((self._loads[operand.addresses(self.depth)] == operand.load).all())

    def check(self, operand: Operand) -> None:
        """Raise ValueError where an operand lies in the other memory, or not any more."""
        if operand.side != self.side:
            raise ValueError(
                f"{operand} lies in tile memory {operand.side}, it must be in {self.side}"
            )
        found = self._loads[operand.addresses(self.depth)]
        if (found != operand.load).any():
            other = self._names[found[found != operand.load][0]]
            raise ValueError(f"{operand} is not there any more: {other} was loaded over it")

    def joined(self, operands: Sequence[Operand]) -> Operand:
        """One operand of several, each behind the one before; none of them is used any more.

        Raises:
            ValueError: they do not lie like that.
        """
        first, rows = operands[0], 0
        for operand in operands:
            self.check(operand)
            columns, base = first.columns, (first.base + rows * first.columns) % self.depth
            plain = operand.view == View(pitch=columns) and not operand.transposed
            if not plain or (operand.columns, operand.base) != (columns, base):
                raise ValueError(
                    f"{operand} does not lie behind {first} in tile memory {self.side}"
                )
            rows += operand.rows
        name = " + ".join(operand.name for operand in operands)
        number = len(self._names)
        self._names.append(name)
        whole = replace(first, name=name, rows=rows, load=number)
        self._loads[whole.addresses(self.depth)] = number
        return whole
