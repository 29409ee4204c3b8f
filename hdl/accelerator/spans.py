"""Spans: the bytes that bursts were asked for, one after the other, out of their beats."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from .bursts import span_layout
from .reads import read_layout

__all__ = ["Spans"]

_BURSTS = 16  # bursts whose beats are still to come


class Spans(wiring.Component):
    """Beats to the bytes of a plane of scales, a byte a cycle.

    Args:
        built: what the accelerator is.

    Members:
        bursts: In, stream of the bursts that are asked for, in that order: ``span_layout``.
        data: In, stream of their beats.
        o: Out, stream of bytes.
    """

    bursts: stream.Interface
    data: stream.Interface
    o: stream.Interface

    def __init__(self, built: Configuration):
        self.lanes = built.beat
        self._layout = span_layout(built.bus, built.address, 1)
        super().__init__(
            {
                "bursts": In(stream.Signature(self._layout)),
                "data": In(stream.Signature(read_layout(built.bus))),
                "o": Out(stream.Signature(unsigned(8))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Which byte of which burst; a beat is left with its last byte."""
        m = Module()
        burst: Any = self.bursts.payload
        lanes, count = len(burst.lane), len(burst.bytes)
        m.submodules.queue = queue = fifo.SyncFIFO(width=lanes + count, depth=_BURSTS)
        m.d.comb += [
            queue.w_data.eq(Cat(burst.lane, burst.bytes)),
            queue.w_en.eq(self.bursts.valid),
            self.bursts.ready.eq(queue.w_rdy),
        ]
        number, lane = Signal(count), Signal(lanes)
        last, moves = Signal(), Signal()
        m.d.comb += [
            lane.eq(queue.r_data[:lanes] + number),
            last.eq(number + 1 == queue.r_data[lanes:]),
            self.o.payload.eq(self.data.payload.data.word_select(lane, 8)),
            self.o.valid.eq(self.data.valid & queue.r_rdy),
            moves.eq(self.o.valid & self.o.ready),
            queue.r_en.eq(moves & last),
            self.data.ready.eq(moves & (last | lane.all())),
        ]
        with m.If(moves):
            m.d.sync += number.eq(Mux(last, 0, number + 1))
        return m
