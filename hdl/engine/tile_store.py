"""Tile store: the memory of one operand, read by rows or by columns.

A word of the memory is a whole tile, so that a read gives any of its rows or columns: reading a
tile transposed costs a multiplexer and no cycle.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ...golden.formats.scale import E8M0
from ..scale import scale_shape

__all__ = ["TileStore", "codes_port", "scales_port", "vectors_layout"]


def vectors_layout(element: ElementFormat, tile: int, vectors: int) -> data.ArrayLayout:
    """Layout of some rows or columns of a tile."""
    return data.ArrayLayout(data.ArrayLayout(unsigned(element.bits), tile), vectors)


def codes_port(bits: int, beats: int, depth: int) -> wiring.Signature:
    """What writes codes: ``bits`` bits of the tile at ``address``, the ``beat``-th of its parts."""
    return wiring.Signature(
        {
            "enable": Out(1),
            "address": Out(range(depth)),
            "beat": Out(range(beats)),
            "data": Out(bits),
        }
    )


def scales_port(depth: int) -> wiring.Signature:
    """What writes scales: that of the tile at ``address``."""
    return wiring.Signature(
        {"enable": Out(1), "address": Out(range(depth)), "data": Out(scale_shape(E8M0))}
    )


class TileStore(wiring.Component):
    """A memory of tiles: codes and scales, written apart and read together.

    All ports may be used in every cycle. A read takes a cycle, and so does a choice of other rows
    or columns of the tile that was read; both stay until the next. What is written in the cycle of
    a read is not what it gives.

    Args:
        element: format of the codes.
        tile: rows and columns of a tile.
        depth: tiles.
        bits: bits of a tile that are written at once, its codes row by row; what the last part has
            beyond the tile is dropped.
        vectors: rows or columns that a read gives, a divisor of tile.

    Members:
        codes: In, ``codes_port``: where ``enable``, write ``data``, row by row.
        scales: In, ``scales_port``: where ``enable``, write ``data``.
        read: In, read the tile at ``address``.
        select: In, choose: columns instead of rows where ``across``, and of them ``vectors``, by
            their number ``step``.
        vectors_read, scale: Out, what was chosen last of the tile that was read last.
    """

    def __init__(self, element: ElementFormat, tile: int, depth: int, *, bits: int, vectors: int):
        self.element, self.tile, self.depth = element, tile, depth
        self.bits, self.vectors = bits, vectors
        self.beats = -(-(tile**2) * element.bits // bits)
        super().__init__(
            {
                "codes": In(codes_port(bits, self.beats, depth)),
                "scales": In(scales_port(depth)),
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
        """Memories, selection."""
        m = Module()
        beats, width = self.beats, self.bits
        # As deep as an address can say, so that an idle port points at nothing beyond the end.
        room = 1 << len(self.address)
        codes = memory.Memory(shape=data.ArrayLayout(unsigned(width), beats), depth=room, init=[])
        scales = memory.Memory(shape=scale_shape(E8M0), depth=room, init=[])
        m.submodules.codes, m.submodules.scales = codes, scales
        into: Any = self.codes
        port = codes.write_port(granularity=1)
        m.d.comb += [
            port.addr.eq(into.address),
            port.en.eq(into.enable << into.beat),
            Value.cast(port.data).eq(into.data.replicate(beats)),
        ]
        into, port = self.scales, scales.write_port()
        m.d.comb += [
            port.addr.eq(into.address),
            port.en.eq(into.enable),
            port.data.eq(into.data),
        ]
        reads = [codes.read_port(), scales.read_port()]
        m.d.comb += [port.addr.eq(self.address) for port in reads]
        m.d.comb += [port.en.eq(self.read) for port in reads]
        m.d.comb += self.scale.eq(reads[1].data)
        self._select(m, Value.cast(reads[0].data)[: self.tile**2 * self.element.bits])
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
