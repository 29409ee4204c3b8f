"""FIFOs of readers and writers that count what is promised beside what is there."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.bursts import MOST_BEATS

__all__ = ["ReadQueue", "WriteQueue"]

_BEATS = range(MOST_BEATS + 1)


class ReadQueue(wiring.Component):
    """Beats that were read. Room is reserved for a burst before it is asked for, so none is lost.

    A beat in and a beat out in every cycle; it comes out two cycles later.

    Args:
        layout: of a beat.
        depth: beats that it holds.

    Members:
        i: In, stream of beats for which room was reserved: ready is high for them.
        reserve: In, beats for which room is reserved in this cycle, at most ``free``.
        free: Out, beats that are neither there nor reserved.
        flush: In, throw away what is there and what comes; ``o`` is not valid.
        o: Out, stream of beats.
        level: Out, beats that are there.
    """

    i: stream.Interface
    reserve: Signal
    free: Signal
    flush: Signal
    o: stream.Interface
    level: Signal

    def __init__(self, layout: data.StructLayout, depth: int):
        self.layout, self.depth = layout, depth
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "reserve": In(_BEATS),
                "free": Out(range(depth + 1), init=depth),
                "flush": In(1),
                "o": Out(stream.Signature(layout)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The FIFO; what leaves it is free again."""
        m = Module()
        m.submodules.beats = beats = fifo.SyncFIFOBuffered(width=self.layout.size, depth=self.depth)
        leaves = Signal()
        m.d.comb += [
            beats.w_data.eq(self.i.payload),
            beats.w_en.eq(self.i.valid),
            self.i.ready.eq(beats.w_rdy),
            Value.cast(self.o.payload).eq(beats.r_data),
            self.o.valid.eq(beats.r_rdy & ~self.flush),
            beats.r_en.eq(self.o.ready | self.flush),
            leaves.eq(beats.r_rdy & beats.r_en),
            self.level.eq(beats.level),
        ]
        m.d.sync += self.free.eq(self.free + leaves - self.reserve)
        return m


class WriteQueue(wiring.Component):
    """Beats to write. A burst begins when all of its beats are there: then none is waited for.

    A beat in and a beat out in every cycle; it comes out two cycles later.

    Args:
        layout: of a beat.
        depth: beats that it holds.

    Members:
        i: In, stream of beats, not ready in ``stop``.
        held: Out, beats that are there and of no burst that has begun.
        claim: In, beats of a burst that begins in this cycle, at most ``held``.
        o: Out, stream of beats; valid from the cycle after its burst began.
        stop: In, take no more.
        flush: In, throw away what is there; only in ``stop``, when no burst has beats left, and
            until ``level`` is 0.
        level: Out, beats that are there.
    """

    i: stream.Interface
    held: Signal
    claim: Signal
    o: stream.Interface
    stop: Signal
    flush: Signal
    level: Signal

    def __init__(self, layout: data.StructLayout, depth: int):
        self.layout, self.depth = layout, depth
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "held": Out(range(depth + 1)),
                "claim": In(_BEATS),
                "o": Out(stream.Signature(layout)),
                "stop": In(1),
                "flush": In(1),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The FIFO; what enters it is held until its burst begins."""
        m = Module()
        m.submodules.beats = beats = fifo.SyncFIFOBuffered(width=self.layout.size, depth=self.depth)
        enters = Signal()
        m.d.comb += [
            beats.w_data.eq(self.i.payload),
            self.i.ready.eq(beats.w_rdy & ~self.stop),
            enters.eq(self.i.valid & self.i.ready),
            beats.w_en.eq(enters),
            Value.cast(self.o.payload).eq(beats.r_data),
            self.o.valid.eq(beats.r_rdy),
            beats.r_en.eq(self.o.ready | self.flush),
            self.level.eq(beats.level),
        ]
        m.d.sync += self.held.eq(self.held + enters - self.claim)
        with m.If(self.flush):
            m.d.sync += self.held.eq(0)
        return m
