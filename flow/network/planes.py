"""Planes of activations: found in a program's image, used again when nothing takes them any more.

The border of a plane is zeros for ever, so a plane with one is used again for one of the same
layout only; planes without a border for any that is not larger.
"""

from dataclasses import replace
from typing import TypeVar

from ...golden.accelerator.plane import Matrix, Stored, Words
from ...golden.accelerator.program import Program
from .layout import Layout

__all__ = ["Planes"]

Plane = TypeVar("Plane", bound=Stored)


class Planes:
    """Finds planes.

    Args:
        program: in whose image.

    >>> from ...golden.accelerator.configuration import Configuration
    >>> planes = Planes(Program(Configuration()))
    >>> first = planes.tiles("first", Layout(1, 4, 4, 1))
    >>> planes.free(first)
    >>> planes.tiles("second", Layout(1, 2, 2, 1)).codes == first.codes
    True
    """

    def __init__(self, program: Program):
        self.program = program
        self._free: list[tuple[Stored, Layout]] = []
        self._layouts: dict[str, Layout] = {}

    def tiles(self, name: str, layout: Layout) -> Matrix:
        """A plane of tiles; what is in it is what was left there, but the border."""
        return self._found(name, layout, Matrix) or self.program.matrix(name, self._shape(layout))

    def words(self, name: str, layout: Layout) -> Words:
        """A plane of words."""
        return self._found(name, layout, Words) or self.program.words(name, self._shape(layout))

    def free(self, plane: Stored, layout: Layout | None = None) -> None:
        """Nothing takes a plane any more."""
        self._free.append((plane, layout or self._layouts[plane.name]))

    def _found(self, name: str, layout: Layout, kind: type[Plane]) -> Plane | None:
        """The smallest plane that serves."""
        self._layouts[name] = layout
        fits = [
            (had.rows * had.channels, place)
            for place, (plane, had) in enumerate(self._free)
            if isinstance(plane, kind)
            and (
                had == layout
                if had.border or layout.border
                else had.rows * had.channels >= layout.rows * layout.channels
            )
        ]
        if not fits:
            return None
        plane, _ = self._free.pop(min(fits)[1])
        assert isinstance(plane, kind)
        columns = layout.channels
        return replace(plane, name=name, shape=self._shape(layout), pitch=columns)

    def _shape(self, layout: Layout) -> tuple[int, int]:
        tile = self.program.built.tile
        return layout.rows * tile, layout.channels * tile
