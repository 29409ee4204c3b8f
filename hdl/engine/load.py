"""Load: rows of tiles from a stream to the memory of one operand."""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ...golden.formats.scale import E8M0
from ..scale import scale_shape
from .tile_store import codes_port, scales_port

__all__ = ["TileLoad", "rows_layout"]


def rows_layout(element: ElementFormat, tile: int, rows: int = 1) -> data.StructLayout:
    """Fields of a beat of rows of a quantized tile, as the re-quantizer gives them for one row."""
    codes = data.ArrayLayout(unsigned(element.bits), rows * tile)
    marks = {"first": unsigned(1), "last": unsigned(1)}
    return data.StructLayout({"codes": codes, "scale": scale_shape(E8M0), **marks})


class TileLoad(wiring.Component):
    """A stream of tiles to successive addresses of a ``TileStore``, a beat a cycle.

    A load counts beats: ``tile / rows`` of them are a tile, whatever ``first`` and ``last`` say,
    and the scale is that of the last one.

    Args:
        element: format of the codes.
        tile: rows and columns of a tile.
        depth: tiles of the memory.
        rows: rows of a tile in a beat of ``i``, a divisor of tile.

    Members:
        i: In, stream of ``codes`` (array of rows * tile, row by row), ``scale``, ``first``,
            ``last``. Ready while a load is under way.
        start: In, begin a load of ``tiles`` tiles at address ``base``; only while not ``busy``.
        busy: Out, a load is under way.
        loaded: Out, a tile is complete in this cycle.
        codes, scales: Out, to the store's ports of these names.
    """

    i: stream.Interface

    def __init__(self, element: ElementFormat, tile: int, depth: int, *, rows: int):
        self.beats, self.depth = tile // rows, depth
        super().__init__(
            {
                "i": In(stream.Signature(rows_layout(element, tile, rows))),
                "start": In(1),
                "base": In(range(depth + 1)),
                "tiles": In(range(depth + 1)),
                "busy": Out(1),
                "loaded": Out(1),
                "codes": Out(codes_port(rows * tile * element.bits, self.beats, depth)),
                "scales": Out(scales_port(depth)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count beats and tiles; what comes is written as it is."""
        m = Module()
        codes: Any = self.codes
        scales: Any = self.scales
        beat = Signal(range(self.beats))
        address = Signal(range(self.depth + 1), reset_less=True)
        left = Signal(range(self.depth + 1))
        write, ends = Signal(), Signal()
        m.d.comb += [
            self.busy.eq(left != 0),
            self.i.ready.eq(self.busy),
            write.eq(self.i.valid & self.busy),
            ends.eq(beat == self.beats - 1),
            self.loaded.eq(write & ends),
            codes.enable.eq(write),
            codes.address.eq(address),
            codes.beat.eq(beat),
            codes.data.eq(self.i.payload.codes),
            scales.enable.eq(write),
            scales.address.eq(address),
            scales.data.eq(self.i.payload.scale),
        ]
        with m.If(write):
            m.d.sync += beat.eq(beat + 1)
            with m.If(ends):
                m.d.sync += [beat.eq(0), address.eq(address + 1), left.eq(left - 1)]
        with m.If(self.start):
            m.d.sync += [address.eq(self.base), left.eq(self.tiles)]
        return m
