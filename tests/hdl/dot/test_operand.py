"""Operands of products: every code of every format in both forms, proved, and planted bugs."""

import pytest
from designs import NAMED, OTHERS
from mxsf.flow.synth.proof import prove_operand
from mxsf.golden import MXSF, parse
from mxsf.hdl.dot import operand as operand_module
from mxsf.hdl.dot.operand import Operand
from mxsf.sim.bench.operand import operand_case
from mxsf.sim.bench.stream import compare_table
from mxsf.sim.simulator.amaranth import AmaranthSimulator

FORMATS = [name for name in NAMED + OTHERS if name not in ("e8m7", "e4m11")]


def run(component):
    return compare_table(AmaranthSimulator(component), *operand_case(component))


def deafen(monkeypatch):
    """Every code is of its innermost level."""
    levels = operand_module.levels
    monkeypatch.setattr(
        operand_module, "levels", lambda *args, **names: levels(*args, **names)[-1:]
    )


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("element", FORMATS)
def test_every_code(element, shifted):
    component = Operand(parse(element), True, shifted)
    result = run(component)
    assert result.passed, result.mismatches
    assert result.beats == 1 << component.element.bits


def test_bench_catches_a_planted_bug(monkeypatch):
    deafen(monkeypatch)
    assert run(Operand(MXSF)).count > 0


@pytest.mark.long
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("element", FORMATS)
def test_proof(element, shifted):
    assert prove_operand(Operand(parse(element), True, shifted))


@pytest.mark.long
def test_proof_catches_a_planted_bug(monkeypatch):
    deafen(monkeypatch)
    assert not prove_operand(Operand(MXSF))
