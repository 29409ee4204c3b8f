"""The hardware decoder: every code of every format, four ways, and a bug that each way catches."""

import pytest
from designs import NAMED, OTHERS, check, needs_gcc, needs_icarus
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import make_simulator
from mxsf.flow.synth.proof import prove
from mxsf.golden import MXSF
from mxsf.hdl import Decoder
from mxsf.hdl.dot import decoder
from mxsf.sim.simulator.verilog import run_verilog

SMALL = [name for name in NAMED + OTHERS if name not in ("e8m7", "e4m11")]
BUG = ("code[6:5] + 2'h3", "code[6:5] + 2'h2")  # shift of the wide mantissa mode


def icarus(built, text):
    return run_verilog(text, built.top, built.vectors(), clocking=None)


def planted(text):
    assert text.count(BUG[0]) == 1
    return text.replace(*BUG)


@pytest.mark.parametrize("element", SMALL)
def test_every_code(element):
    built = variant("decoder", element=element)
    result = check(built, "amaranth")
    assert result.beats == 1 << built.component.element.bits


@needs_gcc
@pytest.mark.parametrize("element", ["mxsf", "e5m2", "e8m7", "e4m11"])
def test_every_code_compiled(element):
    built = variant("decoder", element=element)
    assert check(built, "cxxrtl").beats == 1 << built.component.element.bits


def test_bench_catches_a_planted_bug(monkeypatch):
    monkeypatch.setattr(decoder, "Const", lambda value, width: 1 - value)  # hidden bit lost
    built = variant("decoder")
    result = built.bench(make_simulator(built, "amaranth"))
    assert result.count > 0
    assert not result.passed


def test_a_bench_that_compares_nothing_has_not_passed():
    built = variant("decoder")
    result = built.design.bench(
        make_simulator(built, "amaranth"), built.component, None, None, None
    )
    result.beats = 0
    assert not result.passed


def test_ports():
    assert list(variant("decoder", element="mxsf").ports) == [
        "code",
        "sign",
        "significand",
        "shift",
    ]
    assert {"nan", "inf"} <= set(variant("decoder", element="e5m2").ports)
    assert "inf" not in variant("decoder", element="e4m3").ports
    assert "shift" not in variant("decoder", element="int8").ports


def test_bad_element():
    with pytest.raises(TypeError, match="an ElementFormat or a BlockFormat, not 'mxsf'"):
        Decoder("mxsf")
    assert Decoder(MXSF).element is MXSF


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize("element", SMALL)
def test_exported_verilog_under_icarus(element):
    built = variant("decoder", element=element)
    result = icarus(built, verilog(built))
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    built = variant("decoder")
    assert icarus(built, planted(verilog(built))).count > 0


@pytest.mark.long
@pytest.mark.parametrize("element", SMALL)
def test_proof(element):
    assert prove(variant("decoder", element=element))


@pytest.mark.long
def test_proof_catches_a_planted_bug():
    built = variant("decoder")
    assert not prove(built, planted(verilog(built)))
