"""How products over windows are cut, so that their operands fit the tile memories.

Weights stay while bands of the plane pass by, of which the memory holds two. K keeps its order,
line by line of taps, pixel by pixel, channel by channel: the bits are those of one product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from ...golden.accelerator.blocking import cuts, even
from ...golden.accelerator.view import collapsed
from .window import Chunk, Window

__all__ = ["Band", "Cut", "cut"]

_COLUMNS = 4
"""Columns of weights that stay together where not even all of K fits."""

_MOST = 16
"""Columns of a gradient that a product of weights takes at most."""


@dataclass(frozen=True)
class Band:
    """Some outputs.

    Attributes:
        groups: of images.
        rows, columns: of outputs.
    """

    groups: range
    rows: range
    columns: range

    @property
    def count(self) -> int:
        """Outputs."""
        return len(self.groups) * len(self.rows) * len(self.columns)


@dataclass(frozen=True)
class Cut:
    """A cut.

    Attributes:
        bands: of outputs.
        chunks: of K, in order.
        columns: of weights.
    """

    bands: list[Band]
    chunks: list[Chunk]
    columns: list[range]


def cut(window: Window, columns: int, depth: int, *, gradient: bool = False) -> Cut:
    """Cut products over a window.

    Args:
        window: what the outputs see.
        columns: tiles of an output's channels.
        depth: tiles of each tile memory.
        gradient: whether it is the product of the weights' gradient: of the source's transpose and
            the output's gradient, which then share bands; else outputs, of source and weights.
    """
    half, whole = depth // 2, window.whole
    if gradient:
        width = even(columns, min(columns, _MOST, half))
        chunks = list(_chunks(whole, half))
        bands = _bands(window, chunks, half, half // width, raster=True)
    else:
        width = even(columns, half // whole.tiles or min(columns, _COLUMNS, half))
        width = 1 if window.depthwise else width
        chunks = list(_chunks(whole, half // width))
        bands = _bands(window, chunks, half, 0xFFFF, raster=False)
    return Cut(bands, chunks, [range(*each) for each in cuts(columns, width)])


def _chunks(whole: Chunk, most: int) -> Iterator[Chunk]:
    """Parts of K of at most so many tiles, each an interval of it."""
    kys, kxs, channels = whole
    if len(kxs) * len(channels) <= most:
        for first, last in cuts(len(kys), even(len(kys), most // (len(kxs) * len(channels)))):
            yield Chunk(range(first, last), kxs, channels)
        return
    for ky in kys:
        line = range(ky, ky + 1)
        if len(channels) <= most:
            for first, last in cuts(len(kxs), even(len(kxs), most // len(channels))):
                yield Chunk(line, range(first, last), channels)
            continue
        for kx in kxs:
            for first, last in cuts(len(channels), even(len(channels), most)):
                yield Chunk(line, range(kx, kx + 1), range(first, last))


def _bands(
    window: Window, chunks: list[Chunk], most: int, outputs: int, *, raster: bool
) -> list[Band]:
    """Bands of at most so many tiles of the source and so many outputs.

    Args:
        window: what the outputs see.
        chunks: of K.
        most: tiles of the source.
        outputs: of a band.
        raster: whether bands keep the order of outputs, line by line.
    """
    groups = range(window.source.groups)
    rows, columns = range(len(window.ys)), range(len(window.xs))
    largest = max(chunks, key=lambda chunk: chunk.tiles)

    def fits(some: Band) -> bool:
        place = some.groups, some.rows, some.columns
        boxes = (window.box(*place, chunk) for chunk in chunks)
        if some.count > outputs or any(box.tiles > most for box in boxes):
            return False
        written = window.target.levels(window.outputs(*place, range(1)))
        seen = all(window.seen(*place, chunk) is not None for chunk in chunks)
        return seen and (raster or len(collapsed(written)) <= 2)

    for count in range(len(groups), 0, -1):
        if fits(Band(range(count), rows, columns)):
            some = cuts(len(groups), even(len(groups), count))
            return [Band(range(*each), rows, columns) for each in some]
    high, wide = 1, 1
    best = 0.0
    for tall in range(1, len(rows) + 1):
        for broad in range(1, len(columns) + 1):
            if raster and tall > 1 and broad < len(columns):
                continue
            band = Band(range(1), range(tall), range(broad))
            if not fits(band):
                break
            size = prod(window.box(range(1), range(tall), range(broad), largest).sizes)
            if band.count / size + band.count / 1e6 > best:
                best, high, wide = band.count / size + band.count / 1e6, tall, broad
    high, wide = even(len(rows), high), even(len(columns), wide)
    return [
        Band(range(g, g + 1), range(*lines), range(*pixels))
        for g in groups
        for lines in cuts(len(rows), high)
        for pixels in cuts(len(columns), wide)
    ]
