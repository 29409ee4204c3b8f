"""Extremes: the least and the largest position of a walk along one axis of a view."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .view import COUNT_BITS, INDEX_BITS

__all__ = ["Extremes"]


class Extremes(wiring.Component):
    """Walks positions ``(x // run) * jump + (x % run) * pitch`` for x from 0 to ``count`` - 1.

    One a cycle, by additions alone.

    Members:
        start: In, begin; position 0, which is 0, counts at once.
        count, run: In, at least 1; they and the steps stay until the end.
        pitch, jump: In, signed.
        ends: Out, this is the last position.
        least, most: Out, signed, of the positions so far, this one too.
        beyond: Out, one of them does not fit 32 bits signed.
    """

    def __init__(self) -> None:
        position, count = signed(INDEX_BITS), COUNT_BITS
        super().__init__(
            {
                "start": In(1),
                **{"count": In(count), "run": In(count)},
                **{"pitch": In(position), "jump": In(position)},
                **{"ends": Out(1), "least": Out(position), "most": Out(position)},
                "beyond": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Position, its run, what was met."""
        m = Module()
        here, run_start = Signal(signed(INDEX_BITS)), Signal(signed(INDEX_BITS))
        following = Signal(signed(INDEX_BITS + 1))
        number, in_run = Signal(COUNT_BITS, init=1), Signal(COUNT_BITS, init=1)
        ends_run = Signal()
        m.d.comb += [
            self.ends.eq(number == self.count),
            ends_run.eq(in_run == self.run),
            following.eq(Mux(ends_run, run_start, here) + Mux(ends_run, self.jump, self.pitch)),
        ]
        m.d.sync += [number.eq(number + 1), in_run.eq(in_run + 1), here.eq(following)]
        with m.If(ends_run):
            m.d.sync += [run_start.eq(following), in_run.eq(1)]
        with m.If(~self.ends):
            with m.If(following < self.least):
                m.d.sync += self.least.eq(following)
            with m.If(following > self.most):
                m.d.sync += self.most.eq(following)
            with m.If(following[-1] != following[-2]):
                m.d.sync += self.beyond.eq(1)
        with m.If(self.start):
            m.d.sync += [value.eq(1) for value in (number, in_run)]
            m.d.sync += [value.eq(0) for value in (here, run_start, self.least, self.most)]
            m.d.sync += self.beyond.eq(0)
        return m
