"""Count: how far something is from its end, which a register says beforehand."""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Count"]


class Count(wiring.Component):
    """Counts x = 0, 1, 2, ... to the last one of ``size``, which ``ends`` tells from a register.

    Of several inputs that are high in a cycle ``back`` counts before ``restart``, and that before
    ``advance``. Nothing is reset: the first is a restart.

    Args:
        bits: of ``size``.
        keeps: whether an x can be kept and returned to.

    Members:
        size: In, at least 1; read in a restart.
        advance: In, to the next x; not where ``ends``, but with another input.
        restart: In, to x = 0.
        keep: In, keep the x that the other inputs lead to. Where ``keeps``.
        back: In, to the x that was kept last. Where ``keeps``.
        ends: Out, x is the last one.
    """

    def __init__(self, bits: int, *, keeps: bool = False):
        self.bits, self.keeps = bits, keeps
        names = ("advance", "restart", *(("keep", "back") if keeps else ()))
        super().__init__({"size": In(bits), **{name: In(1) for name in names}, "ends": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        """What is left, this x too, and whether that is 1."""
        m = Module()
        state = data.StructLayout({"left": unsigned(self.bits), "ends": unsigned(1)})
        here: Any = Signal(state, reset_less=True)
        following: Any = Signal(state)
        m.d.comb += [self.ends.eq(here.ends), following.eq(here)]
        with m.If(self.restart):
            m.d.comb += [following.left.eq(self.size), following.ends.eq(self.size == 1)]
        with m.Elif(self.advance):
            m.d.comb += [following.left.eq(here.left - 1), following.ends.eq(here.left == 2)]
        m.d.sync += here.eq(following)
        if self.keeps:
            kept = Signal(state, reset_less=True)
            with m.If(self.keep):
                m.d.sync += kept.eq(following)
            with m.If(self.back):
                m.d.sync += here.eq(kept)
        return m
