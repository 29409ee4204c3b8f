"""Views: which tile of a plane stands at row i, column j of a matrix.

Source: docs/accelerator.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["WHOLE", "View", "collapsed"]

WHOLE = 0xFFFF
"""A run that no row or column of a matrix leaves."""


@dataclass(frozen=True)
class View:
    """Index of the tile at row i, column j, counted in tiles from the first one of a plane.

    ``index = (i // run) * jump + (i % run) * pitch + (j // crun) * cjump + j % crun``

    Two levels of rows cross the rows of an image, two levels of columns the taps of a convolution.
    Runs need not divide.

    Attributes:
        run: rows of a run, 1 to 65535.
        pitch: tiles from a row to the next of its run.
        jump: tiles from the first row of a run to the first of the next.
        crun: columns of a run, 1 to 65535.
        cjump: tiles from the first column of a run to the first of the next.

    >>> View(run=2, pitch=10, jump=100, crun=2, cjump=5).indices(3, 3).tolist()
    [[0, 1, 5], [10, 11, 15], [100, 101, 105]]
    """

    run: int = WHOLE
    pitch: int = 1
    jump: int = 0
    crun: int = WHOLE
    cjump: int = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int]], columns: Sequence[tuple[int, int]] = ()) -> Self:
        """View of nested loops over tiles.

        Args:
            rows: count and step of each loop over rows, the outermost first.
            columns: the same of columns; none: they lie beside one another.

        Raises:
            ValueError: loops that no two levels can say.

        >>> View.of([(4, 100), (2, 10)], [(3, 20), (2, 1)])
        View(run=2, pitch=10, jump=100, crun=2, cjump=20)
        """
        down, across = collapsed(rows), collapsed(columns)
        if across and across[-1][1] != 1:
            across = [*across, (1, 1)]
        if len(down) > 2 or len(across) > 2:
            raise ValueError(f"a view has two levels of rows and of columns, not {down}, {across}")
        steps = {}
        if down:
            steps["pitch"] = down[-1][1]
        if len(down) == 2:
            steps |= {"run": down[1][0], "jump": down[0][1]}
        if len(across) == 2:
            steps |= {"crun": across[1][0], "cjump": across[0][1]}
        return cls(**steps)

    def indices(self, rows: int, columns: int) -> NDArray[np.int64]:
        """Indices of a matrix: int64 of shape (rows, columns)."""
        i, j = np.arange(rows, dtype=np.int64), np.arange(columns, dtype=np.int64)
        down = i // self.run * self.jump + i % self.run * self.pitch
        return down[:, None] + (j // self.crun * self.cjump + j % self.crun)


def collapsed(levels: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Nested loops as few as can be.

    Args:
        levels: count and step of each loop, the outermost first.

    >>> collapsed([(8, 64), (1, 5), (4, 16), (2, 2)])
    [(32, 16), (2, 2)]
    """
    found: list[tuple[int, int]] = []
    for count, step in levels:
        if count == 1:
            continue
        if found and found[-1][1] == count * step:
            found[-1] = found[-1][0] * count, step
        else:
            found.append((count, step))
    return found
