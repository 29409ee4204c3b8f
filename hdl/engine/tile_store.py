"""Tile store: the memory of one operand, filled from a stream, read by rows or by columns.

A word of the memory is a whole tile, so that a read gives any of its rows or columns: reading a
tile transposed costs a multiplexer and no cycle.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ...golden.formats.scale import E8M0
from ..scale import scale_shape

__all__ = ["TileStore", "rows_layout", "vectors_layout"]


def rows_layout(element: ElementFormat, tile: int, rows: int = 1) -> data.StructLayout:
    """Fields of a beat of rows of a quantized tile, as the re-quantizer gives them for one row."""
    codes = data.ArrayLayout(unsigned(element.bits), rows * tile)
    marks = {"first": unsigned(1), "last": unsigned(1)}
    return data.StructLayout({"codes": codes, "scale": scale_shape(E8M0), **marks})


def vectors_layout(element: ElementFormat, tile: int, vectors: int) -> data.ArrayLayout:
    """Layout of some rows or columns of a tile."""
    return data.ArrayLayout(data.ArrayLayout(unsigned(element.bits), tile), vectors)


class TileStore(wiring.Component):
    """A memory of tiles, one port to write and one to read, both in every cycle.

    A load counts beats: ``tile / rows`` of them are a tile, whatever ``first`` and ``last`` say,
    and the scale is that of the last one. A read takes a cycle, and so does a choice of other rows
    or columns of the tile that was read; both stay until the next.

    Args:
        element: format of the codes.
        tile: rows and columns of a tile.
        depth: tiles.
        rows: rows of a tile in a beat of ``i``, a divisor of tile.
        vectors: rows or columns that a read gives, a divisor of tile.

    Members:
        i: In, stream of ``codes`` (array of rows * tile, row by row), ``scale``, ``first``,
            ``last``. Ready while a load is under way.
        start: In, begin a load of ``tiles`` tiles at address ``base``; only while not ``busy``.
        busy: Out, a load is under way.
        loaded: Out, a tile is complete in this cycle.
        read: In, read the tile at ``address``.
        select: In, choose: columns instead of rows where ``across``, and of them ``vectors``, by
            their number ``step``.
        vectors_read, scale: Out, what was chosen last of the tile that was read last.
    """

    i: stream.Interface

    def __init__(self, element: ElementFormat, tile: int, depth: int, *, rows: int, vectors: int):
        self.element, self.tile, self.depth = element, tile, depth
        self.rows, self.vectors = rows, vectors
        super().__init__(
            {
                "i": In(stream.Signature(rows_layout(element, tile, rows))),
                "start": In(1),
                "base": In(range(depth + 1)),
                "tiles": In(range(depth + 1)),
                "busy": Out(1),
                "loaded": Out(1),
                "read": In(1),
                "address": In(range(depth)),
                "select": In(1),
                "across": In(1),
                "step": In(range(tile // vectors)),
                "vectors_read": Out(vectors_layout(element, tile, vectors)),
                "scale": Out(scale_shape(E8M0)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Load, memories, selection."""
        m = Module()
        beats = self.tile // self.rows
        beat = Signal(range(beats))
        written = Signal(range(self.depth + 1), reset_less=True)
        left = Signal(range(self.depth + 1))
        write, ends = Signal(), Signal()
        m.d.comb += [
            self.busy.eq(left != 0),
            self.i.ready.eq(self.busy),
            write.eq(self.i.valid & self.busy),
            ends.eq(beat == beats - 1),
            self.loaded.eq(write & ends),
        ]
        with m.If(write):
            m.d.sync += beat.eq(beat + 1)
            with m.If(ends):
                m.d.sync += [beat.eq(0), written.eq(written + 1), left.eq(left - 1)]
        with m.If(self.start):
            m.d.sync += [written.eq(self.base), left.eq(self.tiles)]

        width = self.rows * self.tile * self.element.bits
        # As deep as an address can say, so that an idle port points at nothing beyond the end.
        room = 1 << len(self.address)
        codes = memory.Memory(shape=data.ArrayLayout(unsigned(width), beats), depth=room, init=[])
        scales = memory.Memory(shape=scale_shape(E8M0), depth=room, init=[])
        m.submodules.codes, m.submodules.scales = codes, scales
        ports = [codes.write_port(granularity=1), scales.write_port()]
        reads = [codes.read_port(), scales.read_port()]
        m.d.comb += [port.addr.eq(written) for port in ports]
        m.d.comb += [port.addr.eq(self.address) for port in reads]
        m.d.comb += [port.en.eq(self.read) for port in reads]
        m.d.comb += [
            ports[0].en.eq(write << beat),
            Value.cast(ports[0].data).eq(Value.cast(self.i.payload.codes).replicate(beats)),
            ports[1].en.eq(write),
            ports[1].data.eq(self.i.payload.scale),
            self.scale.eq(reads[1].data),
        ]
        self._select(m, Value.cast(reads[0].data))
        return m

    def _select(self, m: Module, whole: Value) -> None:
        """Rows or columns of the tile that was read, then those of the step."""
        size, bits = self.tile, self.element.bits
        across = Signal(name="was_across", reset_less=True)
        step = Signal.like(self.step, name="was_step", reset_less=True)
        with m.If(self.select):
            m.d.sync += [across.eq(self.across), step.eq(self.step)]
        turned = Signal(len(whole))
        columns = (whole.word_select(r * size + c, bits) for c in range(size) for r in range(size))
        m.d.comb += turned.eq(Mux(across, Cat(columns), whole))
        width = self.vectors * size * bits
        selected = Value.cast(self.vectors_read)
        with m.Switch(step):
            for number in range(size // self.vectors):
                with m.Case(number):
                    m.d.comb += selected.eq(turned[number * width : (number + 1) * width])
