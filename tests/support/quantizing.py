"""Planted bugs that the tests of both quantizers need."""

from amaranth.hdl import Module
from mxsf.hdl.quantize.lfsr import Lfsr
from mxsf.hdl.quantize.rounder import Chooser


def drop_a_carry(monkeypatch):
    """Round no code up whose second bit is set."""

    class Broken(Chooser):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            with m.If(self.chosen.code[1]):
                m.d.comb += self.chosen.rises.eq(0)
            return m

    monkeypatch.setattr("mxsf.hdl.quantize.lanes.Chooser", Broken)


def draw_always(monkeypatch):
    """Take random numbers in every cycle, not only with beats that ask for them."""

    class Broken(Lfsr):
        def elaborate(self, platform):
            outer = Module()
            outer.submodules.inner = inner = Lfsr(len(self.seeds))
            outer.d.comb += [self.numbers.eq(inner.numbers), inner.advance.eq(1)]
            return outer

    monkeypatch.setattr("mxsf.hdl.quantize.search.Lfsr", Broken)
