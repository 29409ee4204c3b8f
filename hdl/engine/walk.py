"""Walk: the positions of one dimension in a memory, one after another, without a multiplier.

Two levels of a matrix's rows or columns, such as the rows of an image that stand in different rows
of images: ``run`` positions lie ``pitch`` apart, and then the next run begins ``jump`` further than
this one.
"""

from typing import Any

from amaranth.hdl import Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .count import Count

__all__ = ["RUN_BITS", "Walk", "view_layout"]

RUN_BITS = 16
"""Bits of the length of a run."""


def view_layout(depth: int, *, runs: bool) -> data.StructLayout:
    """Fields that say how a dimension lies in a memory of ``depth`` tiles.

    ``pitch`` and ``jump`` are modulo the memory's addresses: signed numbers, cut to their bits.
    ``run`` is not 0. Without ``runs`` there is ``pitch`` only.
    """
    address = range(depth)
    further = {"run": unsigned(RUN_BITS), "jump": address} if runs else {}
    return data.StructLayout({"pitch": address, **further})


class Walk(wiring.Component):
    """Positions of x = 0, 1, 2, ... in one dimension, a step a cycle.

        position(x) = (x // run) * jump + (x % run) * pitch      modulo the memory's addresses

    and x * pitch without runs. Of the inputs that are high in a cycle ``back`` counts before
    ``restart``, and that before ``advance``. Reset leaves x alone: a restart comes first.

    Args:
        depth: tiles of the memory; a position has the bits of an address.
        runs: whether there are runs.
        keeps: whether an x can be kept and returned to.

    Members:
        view: In, ``view_layout``; the same from a restart, in that cycle too, to the next.
        advance: In, go to the next x.
        restart: In, go to x = 0.
        keep: In, where ``keeps``: keep the x that ``advance`` or ``restart`` leads to, or this one.
        back: In, where ``keeps``: go to the x that was kept last.
        position: Out.
    """

    def __init__(self, depth: int, *, runs: bool, keeps: bool):
        self.depth, self.runs, self.keeps = depth, runs, keeps
        names = ("advance", "restart", *(("keep", "back") if keeps else ()))
        super().__init__(
            {
                "view": In(view_layout(depth, runs=runs)),
                **{name: In(1) for name in names},
                "position": Out(range(depth)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The next state from this one; the state that is kept."""
        m = Module()
        view: Any = self.view
        address = range(self.depth)
        within = {"begin": address} if self.runs else {}
        state = data.StructLayout({"position": address, **within})
        here: Any = Signal(state, reset_less=True)
        following: Any = Signal(state)
        m.d.comb += [self.position.eq(here.position), following.eq(here)]
        run_ends = self._run(m) if self.runs else None
        with m.If(self.restart):
            m.d.comb += following.eq(0)
        with m.Elif(self.advance):
            m.d.comb += following.position.eq(here.position + view.pitch)
            if run_ends is not None:
                begin = self._next_run(here)
                with m.If(run_ends):
                    m.d.comb += [following.position.eq(begin), following.begin.eq(begin)]
        m.d.sync += here.eq(following)
        if self.keeps:
            kept = Signal(state, reset_less=True)
            with m.If(self.keep):
                m.d.sync += kept.eq(following)
            with m.If(self.back):
                m.d.sync += here.eq(kept)
        return m

    def _next_run(self, here: Any) -> Value:
        """Where the next run begins."""
        begin: Value = here.begin + self.view.jump
        return begin

    def _run(self, m: Module) -> Value:
        """Whether the position is the last one of its run."""
        m.submodules.run = run = Count(RUN_BITS, keeps=self.keeps)
        view: Any = self.view
        names = ("keep", "back") if self.keeps else ()
        m.d.comb += [getattr(run, name).eq(getattr(self, name)) for name in names]
        m.d.comb += [
            run.size.eq(view.run),
            run.advance.eq(self.advance),
            run.restart.eq(self.restart | (self.advance & run.ends)),
        ]
        return run.ends
