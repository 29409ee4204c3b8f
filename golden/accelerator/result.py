"""Results: where a product goes, what it starts from, and what its epilogue does.

Source: docs/accelerator.md.
"""

from dataclasses import dataclass, replace
from typing import Self

from .plane import Matrix, Stored, Words
from .view import View

__all__ = ["Result"]


@dataclass(frozen=True)
class Result:
    """C = epilogue(start + A B), in memory.

    Attributes:
        words: where C goes as words.
        tiles: where C goes as re-quantized tiles.
        init: words that C starts from; they may be those that it is written to.
        bias: the row of words that all rows of C start from: the first one of these.
        mask: C is 0 where this is.
        shift, negate, relu: of the epilogue.
        stochastic: whether tiles are rounded by random numbers.

    Raises:
        ValueError: two starts.
    """

    words: Words | None = None
    tiles: Matrix | None = None
    init: Words | None = None
    bias: Words | None = None
    mask: Matrix | None = None
    shift: int = 0
    negate: bool = False
    relu: bool = False
    stochastic: bool = False

    def __post_init__(self) -> None:
        if self.init is not None and self.bias is not None:
            raise ValueError(f"C starts from {self.init} or from {self.bias}, not from both")

    def __getitem__(self, place: tuple[slice, slice]) -> Self:
        """Return a part: tiles ``[first:last, first:last]`` of rows and columns."""
        rows, columns = place
        return replace(
            self,
            words=None if self.words is None else self.words[rows, columns],
            tiles=None if self.tiles is None else self.tiles[rows, columns],
            init=None if self.init is None else self.init[rows, columns],
            bias=None if self.bias is None else self.bias[0:1, columns],
            mask=None if self.mask is None else self.mask[rows, columns],
        )

    def pitch(self, rows: int, columns: int) -> int:
        """The pitch that all planes of C share, 1 where there are none.

        Args:
            rows: rows of tiles of C.
            columns: columns of tiles of C.

        Raises:
            ValueError: a plane has another size, or they differ.
        """
        found = self._sized(rows, columns)
        pitches = {plane.pitch for plane in found.values()}
        if len(pitches) > 1:
            said = ", ".join(f"{name} {plane.pitch}" for name, plane in found.items())
            raise ValueError(f"planes of C must have one pitch, not {said}")
        return pitches.pop() if pitches else 1

    def view(self, rows: int, columns: int) -> View:
        """The view that all planes of C share; arguments and errors as for ``pitch``.

        Raises:
            ValueError: it has runs of columns too.
        """
        found = self._sized(rows, columns)
        if all(plane.layout is None for plane in found.values()):
            return View(pitch=self.pitch(rows, columns))
        views = {plane.view for plane in found.values()}
        if len(views) > 1:
            said = ", ".join(f"{name} {plane.view}" for name, plane in found.items())
            raise ValueError(f"planes of C must have one view, not {said}")
        (view,) = views
        if view.crun < columns:
            raise ValueError(f"columns of C lie beside one another, not as in {view}")
        return view

    def _sized(self, rows: int, columns: int) -> dict[str, Stored]:
        """The planes, of the right size."""
        found = self._planes()
        for name, plane in found.items():
            if (plane.rows, plane.columns) != (rows, columns):
                raise ValueError(f"{name} must be {rows} x {columns} tiles, not {plane}")
        if self.bias is not None and self.bias.columns != columns:
            raise ValueError(f"bias must have {columns} columns of tiles, not {self.bias}")
        return found

    def _planes(self) -> dict[str, Stored]:
        """The planes that have a tile for each of C."""
        planes: dict[str, Stored | None] = {
            "words": self.words,
            "tiles": self.tiles,
            "init": self.init,
            "mask": self.mask,
        }
        return {name: plane for name, plane in planes.items() if plane is not None}
