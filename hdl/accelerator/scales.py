"""Scales to memory: bytes by strobes, those of a beat together."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ..stream.fork import fork
from ..stream.register import derive, link
from .planes import plane_layout
from .ports import burst_layout
from .view import ViewWalk, view_layout
from .writes import write_layout

__all__ = ["ScaleWriter"]


class ScaleWriter(wiring.Component):
    """Walks through a plane of scales to bursts of a beat with the bytes of their beat.

    A beat is written when the next scale belongs to another one, or with the last of a walk.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of ``plane_layout``.
        scales: In, stream of scales, in the order of the tiles of C.
        bursts, data: Out, to ``Writes``.
        busy: Out, a walk was taken whose beats have not all left.
    """

    i: stream.Interface
    scales: stream.Interface
    bursts: stream.Interface
    data: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        super().__init__(
            {
                "i": In(stream.Signature(plane_layout(built))),
                "scales": In(stream.Signature(unsigned(8))),
                "bursts": Out(stream.Signature(burst_layout(built.address))),
                "data": Out(stream.Signature(write_layout(built.bus))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Addresses, the open beat, what is written."""
        m = Module()
        built = self.built
        lanes = built.beat.bit_length() - 1
        m.submodules.walk = walk = ViewWalk(column_runs=False)
        names = [name for name, _ in view_layout(column_runs=False)]
        link(m, derive(m, self.i, walk.i.payload.shape(), name="viewed", copied=names), walk.i)
        start, address = Signal(built.address), Signal(built.address)
        with m.If(walk.i.ready):
            m.d.sync += start.eq(self.i.payload.start)
        m.d.comb += address.eq(start + walk.o.payload.index)

        written = {name: field.shape for name, field in write_layout(built.bus)}
        beat = data.StructLayout({"address": built.address - lanes, **written})
        opened: Any = Signal(beat, reset_less=True)
        open_, ended, same, takes = Signal(), Signal(), Signal(), Signal()
        flushed: Any = stream.Signature(beat).create(path=("flushed",))
        comes = walk.o.valid & self.scales.valid
        m.d.comb += [
            same.eq(opened.address == address[lanes:]),
            flushed.payload.eq(opened),
            flushed.valid.eq(open_ & (ended | (comes & ~same))),
            takes.eq(comes & (~open_ | (same & ~ended) | flushed.ready)),
            walk.o.ready.eq(takes),
            self.scales.ready.eq(takes),
        ]
        lane = address[:lanes]
        with m.If(flushed.valid & flushed.ready):
            m.d.sync += open_.eq(0)
        with m.If(takes):
            m.d.sync += [open_.eq(1), ended.eq(walk.o.payload.last)]
            m.d.sync += opened.address.eq(address[lanes:])
            m.d.sync += opened.data.word_select(lane, 8).eq(self.scales.payload)
            kept = Mux(open_ & same & ~ended, opened.strb, 0)
            m.d.sync += opened.strb.eq(kept | (1 << lane))
        m.d.comb += self.busy.eq(walk.o.valid | open_)
        to_bus, to_data = fork(m, flushed, 2, name="beat")
        burst = derive(m, to_bus, burst_layout(built.address), name="burst")
        m.d.comb += burst.payload.address.eq(Cat(Const(0, lanes), to_bus.payload.address))
        link(m, burst, self.bursts)
        layout = write_layout(built.bus)
        link(m, derive(m, to_data, layout, name="written", copied=written), self.data)
        return m
