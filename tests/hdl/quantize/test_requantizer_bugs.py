"""Planted bugs in the tile re-quantizer: the bench of cycles must catch each."""

import pytest
from amaranth.hdl import Module
from mxsf.flow.simulate import make_simulator
from mxsf.hdl.quantize.bank_pair import BankPair
from mxsf.hdl.quantize.digest import Digest
from mxsf.hdl.quantize.storage import BankMemory, BankRegisters
from mxsf.sim.bench.requantizer import (
    run_requantizer,
)
from planted import deafen
from quantizing import draw_always, drop_a_carry
from requantizing import STALLS, build, mix


def mismatches(design, stalls=STALLS):
    simulator = make_simulator(design, "amaranth")
    result = run_requantizer(simulator, design.component, stalls=stalls, tiles=mix(design))
    return "\n".join(result.mismatches)


def test_cycle_bench_catches_a_wrong_code(monkeypatch):
    drop_a_carry(monkeypatch)
    assert "o.payload" in mismatches(build())
    assert "t.payload" in mismatches(build(both="yes"))


@pytest.mark.parametrize("store", [BankRegisters, BankMemory])
def test_cycle_bench_catches_a_wrong_order(monkeypatch, store):
    class Broken(store):
        def _across(self, reader):
            across = super()._across(reader)
            return across & (getattr(self, f"{reader}_step") != 2)  # column 2 is read as a row

    monkeypatch.setattr(f"mxsf.hdl.quantize.bank_pair.{store.__name__}", Broken)
    storage = "registers" if store is BankRegisters else "memory"
    if store is BankRegisters:  # with both outputs the readers are fixed
        assert "o.payload" in mismatches(build(storage=storage))
    else:
        assert "t.payload" in mismatches(build(storage=storage, both="yes"))


def test_cycle_bench_catches_a_lost_bank(monkeypatch):
    class Broken(BankPair):
        def _reader(self, m, reader, side, full, marks, advance, delay):
            late = {**marks, "last": marks["last"] & marks["present"][0]}
            late["present"] = marks["present"] & ~marks["last"]  # the last row of every tile
            super()._reader(m, reader, side, full, late, advance, delay)

    monkeypatch.setattr("mxsf.hdl.quantize.requantizer.BankPair", Broken)
    assert mismatches(build())


def test_cycle_bench_catches_a_number_too_many(monkeypatch):
    draw_always(monkeypatch)
    assert mismatches(build(rounding="stochastic"), STALLS)


def test_cycle_bench_catches_a_lost_sticky_bit(monkeypatch):
    class Broken(Digest):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            outer = Module()
            outer.submodules.inner = inner = Digest(self.element, self.source, self.rounding)
            del m
            outer.d.comb += [inner.word.eq(self.word), self.digest.eq(inner.digest)]
            cut = self.source.mantissa_bits - len(self.digest.mantissa)
            outer.d.comb += self.digest.mantissa.eq(self.word.mantissa[cut:])
            return outer

    monkeypatch.setattr("mxsf.hdl.quantize.search.Digest", Broken)
    assert "o.payload" in mismatches(build())


def test_cycle_bench_catches_a_wrong_handshake(monkeypatch):
    deafen(monkeypatch)
    assert "i.ready" in mismatches(build(stages=("input",)))
