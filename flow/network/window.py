"""Windows over a plane: every output pixel sees the pixels under some taps.

A convolution forward is one of these, and so is each part of its gradient: at stride 1 taps in
reverse order over the output's gradient, at stride s one set of taps for each of the s * s
remainders of a pixel's place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...golden.accelerator.plane import Matrix
from ...golden.accelerator.view import View, collapsed
from .layout import Box, Layout
from .schedule import Side

__all__ = ["Chunk", "Window", "backward", "forward", "reach"]


class Chunk(NamedTuple):
    """Some of the taps: a part of K.

    Attributes:
        kys, kxs: taps.
        channels: of the source, columns of tiles.
    """

    kys: range
    kxs: range
    channels: range

    @property
    def tiles(self) -> int:
        """Tiles of K."""
        return len(self.kys) * len(self.kxs) * len(self.channels)


@dataclass(frozen=True)
class Window:
    """Output pixel (i, j) sees ``source[top + i * stride + ky, left + j * stride + kx]``.

    Attributes:
        source: plane that is read.
        target: plane that is written.
        ys, xs: the pixels of the target.
        taps: lines and pixels of a window.
        stride: of the source.
        top, left: pixel of the source under the first tap of the first output.
        depthwise: whether an output channel sees its own source channel only; a chunk then has one.
    """

    source: Layout
    target: Layout
    ys: range
    xs: range
    taps: tuple[int, int]
    stride: int
    top: int
    left: int
    depthwise: bool = False

    @property
    def whole(self) -> Chunk:
        """All taps and channels."""
        channels = 1 if self.depthwise else self.source.channels
        return Chunk(*(range(n) for n in (*self.taps, channels)))

    def alone(self) -> "Window":
        """The same with each channel by itself."""
        return replace(self, depthwise=True)

    def box(self, groups: range, rows: range, columns: range, chunk: Chunk) -> Box:
        """The source under some outputs.

        Args:
            groups: of images.
            rows: lines of outputs, counted from the first of ``ys``.
            columns: the same of pixels of a line.
            chunk: taps.
        """
        ys = self._pixels(self.top, rows, chunk.kys)
        xs = self._pixels(self.left, columns, chunk.kxs)
        return Box(groups, ys, xs, chunk.channels)

    def _pixels(self, start: int, some: range, taps: range) -> range:
        """Pixels of one axis under some outputs: of a single tap those that it meets."""
        first, last = (start + n * self.stride for n in (some[0], some[-1]))
        step = self.stride if len(taps) == 1 else 1
        return range(first + taps[0], last + taps[-1] + 1, step)

    def seen(self, groups: range, rows: range, columns: range, chunk: Chunk) -> View | None:
        """What outputs see of their box in a tile memory, a row each; None: no view says it."""
        _, height, width, channels = self.box(groups, rows, columns, chunk).sizes
        line = width * channels
        high, wide = (1 if len(taps) == 1 else self.stride for taps in (chunk.kys, chunk.kxs))
        down = collapsed(
            [
                (len(groups), height * line),
                (len(rows), high * line),
                (len(columns), wide * channels),
            ]
        )
        across = [(len(chunk.kys), line), (len(chunk.kxs), channels), (channels, 1)]
        return None if len(down) > 2 else View.of(down, across)

    def side(self, plane: Matrix, groups: range, rows: range, columns: range, chunk: Chunk) -> Side:
        """The operand of some outputs: a row for each, a column for each tile of K."""
        box = self.box(groups, rows, columns, chunk)
        count = len(groups) * len(rows) * len(columns)
        view = self.seen(groups, rows, columns, chunk)
        assert view is not None
        return Side(self.source.parts(plane, box), count, chunk.tiles, view)

    def outputs(self, groups: range, rows: range, columns: range, channels: range) -> Box:
        """Where some outputs go."""
        ys, xs = self.ys[rows[0] : rows[-1] + 1], self.xs[columns[0] : columns[-1] + 1]
        return Box(groups, ys, xs, channels)

    def plain(self) -> View | None:
        """The source as a plain matrix of all outputs and taps in memory; None: it is none."""
        box = self.source.whole._replace(
            ys=range(self.top, self.top + len(self.ys) * self.stride, self.stride),
            xs=range(self.left, self.left + len(self.xs) * self.stride, self.stride),
        )
        down = collapsed(self.source.levels(box))
        line = (self.source.width + 2 * self.source.border) * self.source.channels
        taps = [(self.taps[0], line), (self.taps[1] * self.source.channels, 1)]
        target = self.target.whole._replace(ys=self.ys, xs=self.xs)
        if any(len(collapsed(each)) > 1 for each in (down, taps, self.target.levels(target))):
            return None
        return View.of(down)


def forward(
    source: Layout, target: Layout, taps: tuple[int, int], stride: int, padding: int
) -> Window:
    """Windows of a convolution or a pool."""
    ys, xs = range(target.height), range(target.width)
    return Window(source, target, ys, xs, taps, stride, -padding, -padding)


@dataclass(frozen=True)
class _Remainder:
    """Pixels of one axis that see the same taps: those with one remainder by the stride.

    Attributes:
        pixels: which.
        taps: in the order of the gradient's pixels: falling.
        first: pixel of the gradient under the first of these, for the first pixel.
    """

    pixels: range
    taps: range
    first: int


def _remainders(size: int, taps: int, stride: int, padding: int) -> Iterator[_Remainder]:
    """Pixel y sees tap k where y + padding - k is a multiple of the stride: that of an output."""
    for remainder in range(stride):
        pixels = range((remainder - padding) % stride, size, stride)
        seen = range(remainder, taps, stride)
        if pixels:
            last = (pixels[0] + padding - remainder) // stride  # output under the first tap
            yield _Remainder(pixels, seen[::-1], last - len(seen) + 1)


def backward(
    source: Layout, target: Layout, taps: tuple[int, int], stride: int, padding: int
) -> Iterator[tuple[Window, range, range]]:
    """Windows of the gradient of a convolution or a pool.

    Args:
        source: of the output's gradient.
        target: of the input's gradient.
        taps: of the layer.
        stride: of the layer.
        padding: of the layer.

    Yields:
        A window, and which lines and pixels of the layer's taps its own are; none where no output
        sees the pixels.
    """
    for y in _remainders(target.height, taps[0], stride, padding):
        for x in _remainders(target.width, taps[1], stride, padding):
            some = len(y.taps), len(x.taps)
            places = y.pixels, x.pixels
            yield Window(source, target, *places, some, 1, y.first, x.first), y.taps, x.taps


def reach(size: int, outputs: int, taps: int, stride: int, padding: int) -> tuple[int, int]:
    """Border that windows over one axis need: of a layer's input, and of its output's gradient."""
    ahead = max(padding, (outputs - 1) * stride + taps - padding - size, 0)
    behind = 0
    for each in _remainders(size, taps, stride, padding):
        if each.taps:
            last = each.first + len(each.pixels) - 1 + len(each.taps) - 1
            behind = max(behind, -each.first, last - outputs + 1)
    return ahead, behind
