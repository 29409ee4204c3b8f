"""Views: which tile of a plane stands at row i, column j of a matrix.

Source: docs/accelerator.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["WHOLE", "View"]

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

    def indices(self, rows: int, columns: int) -> NDArray[np.int64]:
        """Indices of a matrix: int64 of shape (rows, columns)."""
        i, j = np.arange(rows, dtype=np.int64), np.arange(columns, dtype=np.int64)
        down = i // self.run * self.jump + i % self.run * self.pitch
        return down[:, None] + (j // self.crun * self.cjump + j % self.crun)
