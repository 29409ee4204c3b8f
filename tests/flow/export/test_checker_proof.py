"""Proofs of the handshake: small designs keep every rule of their checkers, whatever comes in."""

import pytest
from designs import exported
from faulty import faulty
from formal import bounded, induction, needs_abc, needs_z3, unbounded
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from planted import deafen

SMALLEST = {"element": "e2m1", "block": 1}

ALWAYS = [
    ("pack", {"bits": 3, "lanes": 8}),
    ("pack", {"bits": 3, "lanes": 8, "interface": "axi"}),
    ("encoder", SMALLEST | {"block": 2, "stages": 1, "reset": "async", "polarity": "low"}),
    ("dot", SMALLEST | {"stages": 2, "interface": "flat"}),
    ("dot", SMALLEST | {"block": 2, "lanes": 1, "stages": 2}),
    ("accumulator", SMALLEST | {"stages": 1, "outputs": 2}),
]
"""Proved for all time."""

DEPTH = 10
FIRST_CYCLES = [
    ("encoder", SMALLEST | {"block": 2, "lanes": 1, "stages": 1}),
    ("product_sum", SMALLEST | {"block": 2, "lanes": 1, "stages": 2, "interface": "axi"}),
]
"""Proved for that many cycles from power-up: what is held in banks, and marks that pass."""


@pytest.mark.long
@needs_abc
@pytest.mark.parametrize(("name", "options"), ALWAYS, ids=str)
def test_rules_hold_for_all_time(name, options, tmp_path):
    design, text = exported(name, **options)
    assert unbounded(tmp_path, design, text) == set()


@pytest.mark.long
@needs_z3
@pytest.mark.parametrize(("name", "options"), FIRST_CYCLES, ids=str)
def test_rules_hold_from_power_up(name, options, tmp_path):
    design, text = exported(name, **options)
    assert bounded(tmp_path, design, text, DEPTH) == set()


@pytest.mark.long
@needs_z3
def test_wires_keep_the_rules_by_induction(tmp_path):
    design, text = exported("unpack", bits=3, lanes=8, stages=0)
    assert induction(tmp_path, design, text, 2) == set()


@pytest.mark.long
@needs_z3
@pytest.mark.parametrize("rule", ["valid_stays", "in_order", "not_early", "prompt"])
def test_proof_finds_a_fault(rule, tmp_path):
    design, text = exported("pack", bits=3, lanes=8)
    assert f"o_{rule}" in bounded(tmp_path, design, faulty(design, text, rule), DEPTH)


@pytest.mark.long
@needs_z3
def test_proof_finds_a_register_that_is_deaf(monkeypatch, tmp_path):
    """It takes a beat although the next stage is stalled: the one that waits is lost."""
    deafen(monkeypatch)
    design = variant("dot", **SMALLEST, stages=2)
    assert bounded(tmp_path, design, verilog(design), DEPTH) >= {"o_payload_stays"}
