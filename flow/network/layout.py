"""How activations lie in memory: eight images side by side in a tile.

Eight stands for the tile's size. A row of tiles is a pixel of eight images, a column eight
channels; rows run over groups of images, then over the pixels of a plane with a border of zeros.
"""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.plane import Stored
from ...golden.accelerator.view import View, collapsed

__all__ = ["Box", "Layout"]

Floats = NDArray[np.float32]
Plane = TypeVar("Plane", bound=Stored)


class Box(NamedTuple):
    """Some of the tiles of a plane.

    Attributes:
        groups: of images.
        ys, xs: pixels; those of the border are below 0 and behind the last.
        channels: columns of tiles, beside one another.
    """

    groups: range
    ys: range
    xs: range
    channels: range

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """How many of each."""
        return len(self.groups), len(self.ys), len(self.xs), len(self.channels)

    @property
    def tiles(self) -> int:
        """How many there are."""
        return prod(self.sizes)


@dataclass(frozen=True)
class Layout:
    """A plane of activations.

    Attributes:
        groups: of images.
        height, width: pixels without the border.
        channels: columns of tiles.
        border: pixels of zeros on each side.

    >>> Layout(2, 8, 8, 3, 1).rows
    200
    """

    groups: int
    height: int
    width: int
    channels: int
    border: int = 0

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return self.groups * (self.height + 2 * self.border) * (self.width + 2 * self.border)

    @property
    def whole(self) -> Box:
        """All tiles but the border."""
        sizes = self.groups, self.height, self.width, self.channels
        return Box(*(range(size) for size in sizes))

    def levels(self, box: Box) -> list[tuple[int, int]]:
        """Loops over the rows of a box: groups, then lines, then pixels."""
        line = (self.width + 2 * self.border) * self.channels
        steps = (self.height + 2 * self.border) * line, line, self.channels
        return [
            (len(each), each.step * step)
            for each, step in zip((box.groups, box.ys, box.xs), steps, strict=True)
        ]

    def first(self, box: Box) -> int:
        """Index of the first tile of a box.

        Raises:
            ValueError: the box has pixels beyond the border.
        """
        for pixels, size in ((box.ys, self.height), (box.xs, self.width)):
            if pixels[0] < -self.border or pixels[-1] >= size + self.border:
                raise ValueError(f"{box} is beyond {self}")
        wide = self.width + 2 * self.border
        high = box.groups[0] * (self.height + 2 * self.border) + box.ys[0] + self.border
        return (high * wide + box.xs[0] + self.border) * self.channels + box.channels[0]

    def part(self, plane: Plane, box: Box) -> Plane:
        """The tiles of a box as a matrix: rows are pixels.

        Raises:
            ValueError: no view says where they stand.
        """
        groups, height, width, channels = box.sizes
        view = View.of(self.levels(box))
        return plane.seen(self.first(box), groups * height * width, channels, view)

    def parts(self, plane: Plane, box: Box) -> tuple[Plane, ...]:
        """The same as matrices under one another, as few as views allow."""
        if len(collapsed(self.levels(box))) <= 2:
            return (self.part(plane, box),)
        singles = (box._replace(groups=range(g, g + 1)) for g in box.groups)
        return tuple(self.part(plane, single) for single in singles)

    def packed(self, images: Floats, tile: int) -> Floats:
        """Images (n, channels, height, width) as the matrix of a plane, zeros where there are none.

        >>> Layout(1, 1, 2, 1).packed(np.float32([[[[1, 2]], [[3, 4]]]]), 2).tolist()
        [[1.0, 3.0], [0.0, 0.0], [2.0, 4.0], [0.0, 0.0]]
        """
        count, channels, height, width = images.shape
        more = self.groups * tile - count, self.channels * tile - channels
        if min(more) < 0 or (height, width) != (self.height, self.width):
            raise ValueError(f"images {images.shape} do not fit {self} of {tile}")
        edge = (self.border, self.border)
        full = np.pad(images, [(0, more[0]), (0, more[1]), edge, edge])
        grouped = full.reshape(self.groups, tile, *full.shape[1:])
        return grouped.transpose(0, 3, 4, 1, 2).reshape(-1, full.shape[1])

    def unpacked(self, matrix: Floats, count: int, channels: int) -> Floats:
        """Undo ``packed``: images (count, channels, height, width)."""
        high, wide = self.height + 2 * self.border, self.width + 2 * self.border
        full = matrix.reshape(self.groups, high, wide, -1, matrix.shape[1])
        images = full.transpose(0, 3, 4, 1, 2).reshape(-1, matrix.shape[1], high, wide)
        inner = slice(self.border, self.border + self.height)
        return images[:count, :channels, inner, self.border : self.border + self.width].copy()
