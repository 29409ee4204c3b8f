"""Products of layers: outputs, gradients of inputs, gradients of weights.

Each is cut so that it fits the tile memories; what is left of K starts from the sums so far.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from ...golden.accelerator.plane import Matrix, Stored, Words
from ...golden.accelerator.result import Result
from ...golden.accelerator.view import View
from .cut import Band, cut
from .layout import Box, Layout
from .schedule import Job, Product, Side, Tiled
from .window import Chunk, Window

__all__ = [
    "Identity",
    "Straight",
    "Target",
    "Transposed",
    "Weights",
    "dense_gradient",
    "outputs",
    "weight_gradient",
]


class Weights(Protocol):
    """The right operand of products over a window."""

    def side(self, chunk: Chunk, columns: range) -> Side:
        """The operand of a chunk of K and some columns."""
        ...


@dataclass(frozen=True)
class Straight:
    """Weights as they lie in memory, a row for each tap and channel.

    Attributes:
        matrix: they.
        taps: of the layer.
    """

    matrix: Matrix
    taps: tuple[int, int]

    def side(self, chunk: Chunk, columns: range) -> Side:
        """See ``Weights``."""
        rows = _rows(chunk, self.taps[1], self.matrix.rows // (self.taps[0] * self.taps[1]))
        part = self.matrix[rows.start : rows.stop, columns.start : columns.stop]
        return Side((part,), len(rows), len(columns))


@dataclass(frozen=True)
class Transposed:
    """Weights of a gradient: each tap's transpose, taps in falling order.

    Attributes:
        matrix: the weights.
        taps: of the layer.
        kys, kxs: the taps that the window sees, in its order.
    """

    matrix: Matrix
    taps: tuple[int, int]
    kys: range
    kxs: range

    def side(self, chunk: Chunk, columns: range) -> Side:
        """See ``Weights``: chunks count taps of the window."""
        outputs = self.matrix.columns
        tap = self.matrix.rows // (self.taps[0] * self.taps[1]) * outputs
        kys, kxs = (
            self.kys[chunk.kys.start : chunk.kys.stop],
            self.kxs[chunk.kxs.start : chunk.kxs.stop],
        )
        first = (kys[0] * self.taps[1] + kxs[0]) * tap + columns[0] * outputs + chunk.channels[0]
        down = [(len(kys), kys.step * self.taps[1] * tap), (len(kxs), kxs.step * tap)]
        count, wide = len(columns), len(chunk.channels)
        view = View.of(down, [(count, outputs), (wide, 1)])
        load = self.matrix.seen(first, len(kys) * len(kxs), count * wide, view)
        seen = View.of([(count, wide)], [(load.rows, count * wide), (wide, 1)])
        return Side((load,), count, chunk.tiles, seen, transposed=True)


@dataclass(frozen=True)
class Identity:
    """Ones on the diagonal of a tile, for every tap: sums of pixels.

    Attributes:
        matrix: a tile.
    """

    matrix: Matrix

    def side(self, chunk: Chunk, columns: range) -> Side:
        """See ``Weights``."""
        return Side((self.matrix,), chunk.tiles, 1, View(pitch=0), stays=True)


@dataclass(frozen=True)
class Target:
    """Where outputs go, planes of one layout, and what becomes of them on the way.

    Attributes:
        layout: of the planes.
        result: planes whole, start and epilogue.
        sums: finds words of this layout for sums of a part of K.
    """

    layout: Layout
    result: Result
    sums: Callable[[], Words]

    def part(self, window: Window, band: Band, columns: range, first: bool, last: bool) -> Result:
        """What a product of a part of K does.

        Args:
            window: of the outputs.
            band: outputs.
            columns: of their channels.
            first: whether it begins the sums,
            last: and whether it ends them.
        """
        result = self.result
        if not (first and last):
            sums = result.words or self.sums()
            if not first:
                result = replace(result, init=sums, bias=None)
            if not last:
                result = Result(sums, init=result.init, bias=result.bias)
        box = window.outputs(band.groups, band.rows, band.columns, columns)
        return replace(self, result=result).at(box)

    def at(self, box: Box) -> Result:
        """The part of a box."""
        columns = slice(box.channels.start, box.channels.stop)
        bias = self.result.bias and self.result.bias[0:1, columns]
        return _moved(self.result, lambda plane: self.layout.part(plane, box), bias)


def outputs(
    layer: str, window: Window, plane: Matrix, weights: Weights, target: Target, depth: int
) -> Iterator[Job]:
    """Products of all outputs of a window.

    Args:
        layer: whose they are.
        window: what outputs see.
        plane: its source.
        weights: what it is multiplied by.
        target: where the outputs go.
        depth: tiles of each tile memory.
    """
    whole = _tiled(layer, window, plane, weights, target, depth)
    if whole is not None:
        yield whole
        return
    parts = cut(window, target.layout.channels, depth)
    for columns in parts.columns:
        for number, chunk in enumerate(parts.chunks):
            some = chunk._replace(channels=columns) if window.depthwise else chunk
            ends = number == 0, number == len(parts.chunks) - 1
            for band in parts.bands:
                a = window.side(plane, band.groups, band.rows, band.columns, some)
                result = target.part(window, band, columns, *ends)
                yield Product(layer, a, weights.side(some, columns), result)


def weight_gradient(
    layer: str,
    window: Window,
    plane: Matrix,
    slope: Matrix,
    result: Result,
    bias: Words | None,
    ones: Matrix,
    depth: int,
) -> Iterator[Job]:
    """Products that add the gradient of weights and bias to them.

    Args:
        layer: whose they are.
        window: of the layer, forward.
        plane: its source.
        slope: gradient of its outputs, in the window's target layout.
        result: weights as words, which are added to, and as tiles.
        bias: its words, None without one.
        ones: a tile of ones.
        depth: tiles of each tile memory.
    """
    assert result.words is not None
    words = Result(result.words, init=result.words)
    whole = _tiled_gradient(layer, window, plane, slope, result, depth)
    parts = cut(window, window.target.channels, depth, gradient=True)
    for columns in parts.columns:
        for number, chunk in enumerate(parts.chunks):
            rows = _rows(chunk, window.taps[1], len(window.whole.channels))
            place = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            for band in parts.bands:
                at = band.groups, band.rows, band.columns
                box = window.outputs(*at, columns)
                b = Side(window.target.parts(slope, box), band.count, len(columns))
                if bias is not None and number == 0:  # short: the next loads hide behind the other
                    some = bias[0:1, columns.start : columns.stop]
                    sums = Side((ones,), 1, band.count, _ONE, stays=True)
                    yield Product(layer, sums, b, Result(some, init=some))
                if whole is None:
                    a = replace(window.side(plane, *at, chunk), transposed=True)
                    last = band is parts.bands[-1]
                    yield Product(layer, a, b, (result if last else words)[place])
    if whole is not None:
        yield whole


_ONE = View(pitch=0, crun=1, cjump=0)
"""A tile that is seen everywhere."""


def dense_gradient(
    layer: str, slope: Matrix, weights: Matrix, target: Target, depth: int
) -> Iterator[Job]:
    """Products of the gradient of a dense layer's input: of its output's and the weights.

    Args:
        layer: whose they are.
        slope: gradient of the outputs: a row of tiles for each group of images.
        weights: a row of tiles for each pixel and each column of channels.
        target: of the input.
        depth: tiles of each tile memory.
    """
    layout, result = target.layout, target.result
    line = layout.width * layout.channels
    high = 1 if layout.border else layout.height
    view, wide = View.of(layout.levels(layout.whole)[:1]), line * high
    for y in range(0, layout.height, high):
        first = layout.first(layout.whole._replace(ys=range(y, y + high)))
        place = partial(_seen, first=first, rows=layout.groups, columns=wide, view=view)
        whole = _moved(result, place, None)
        some = weights[y * line : (y + high) * line, :]
        a, b = (Side((m,), m.rows, m.columns) for m in (slope, some))
        if max(a.tiles, b.tiles) > depth // 2:
            yield Tiled(layer, slope, some, whole, b_transposed=True)
        else:
            yield Product(layer, a, replace(b, transposed=True), whole)


def _seen(plane: Stored, **place: Any) -> Stored:
    return plane.seen(**place)


def _moved(result: Result, place: Callable[[Any], Any], bias: Words | None) -> Result:
    """The same with all planes of C somewhere else."""
    planes = {
        name: place(plane)
        for name in ("words", "tiles", "init", "mask")
        if (plane := getattr(result, name)) is not None
    }
    return replace(result, bias=bias, **planes)


def _rows(chunk: Chunk, taps: int, channels: int) -> range:
    """Rows of tiles of weights that a chunk of K is, ``taps`` being those of a line."""
    first = (chunk.kys[0] * taps + chunk.kxs[0]) * channels + chunk.channels[0]
    return range(first, first + chunk.tiles)


def _tiled(
    layer: str, window: Window, plane: Matrix, weights: Weights, target: Target, depth: int
) -> Tiled | None:
    """All outputs as one product of plain matrices, where they are some that do not fit."""
    a = _plain(window, plane)
    if a is None or not isinstance(weights, Straight):
        return None
    result = target.part(window, _all(window), range(target.layout.channels), True, True)
    job = Tiled(layer, a, weights.matrix, result)
    return job if max(_tiles(job.a), _tiles(job.b)) > depth // 2 else None


def _tiled_gradient(
    layer: str, window: Window, plane: Matrix, slope: Matrix, result: Result, depth: int
) -> Tiled | None:
    """The same of the gradient of all weights."""
    a, band = _plain(window, plane), _all(window)
    if a is None:
        return None
    box = window.outputs(band.groups, band.rows, band.columns, range(window.target.channels))
    job = Tiled(layer, a, window.target.part(slope, box), result, a_transposed=True)
    return job if max(_tiles(job.a), _tiles(job.b)) > depth // 2 else None


def _plain(window: Window, plane: Matrix) -> Matrix | None:
    """The source as a matrix of all outputs and taps, where it is a plain one in memory."""
    view, band = window.plain(), _all(window)
    if view is None or window.depthwise:
        return None
    first = window.source.first(window.box(band.groups, band.rows, band.columns, window.whole))
    return plane.seen(first, band.count, window.whole.tiles, view)


def _all(window: Window) -> Band:
    """All outputs."""
    rows, columns = range(len(window.ys)), range(len(window.xs))
    return Band(range(window.source.groups), rows, columns)


def _tiles(matrix: Matrix) -> int:
    return matrix.rows * matrix.columns
