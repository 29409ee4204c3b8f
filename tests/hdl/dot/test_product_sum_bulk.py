"""The hardware product sum: every pair of codes, in bulk, as exported, with planted bugs."""

import itertools

import numpy as np
import pytest
from designs import NAMED, needs_gcc, needs_icarus, tiers
from mxsf.flow.netlist.netlist import netlist
from mxsf.golden.dot.product_sum import product_sum
from mxsf.hdl.dot.product_sum import ProductSum
from mxsf.sim.bench.product_sum import product_sum_stimulus
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.simulator.yosys import BUNDLED
from mxsf.sim.stimulus.codes import adversarial_codes, random_codes
from summing import FABRICS, MIXED, STALLS, build, compiled, some


def every_pair(component, lane=0):
    """Every code of a with every code of b in one lane, all other codes 0: codes of a and b."""
    bits = [f.bits for f in component.pair]
    a = np.zeros((1 << sum(bits), component.block), np.int64)
    b = a.copy()
    a[:, lane] = np.arange(len(a)) >> bits[1]
    b[:, lane] = np.arange(len(b)) & ((1 << bits[1]) - 1)
    return a, b


def exhaust(component, a, b):
    """Count blocks whose sum or flags differ from the golden model's."""
    stimulus = product_sum_stimulus(component, a, b)
    simulator = compiled(component)
    seen = simulator.stream(stimulus.inputs, stimulus.outputs.shape[1], ready=0.9)
    assert not seen.violation
    assert len(seen.outputs) == len(stimulus.outputs)
    return int((seen.outputs != stimulus.outputs).any(axis=1).sum())


@needs_gcc
@pytest.mark.parametrize(
    ("element", "fabric"),
    tiers(
        [*itertools.product(["mxsf"], FABRICS), ("int8", "asic")],
        [*((e, "asic") for e in NAMED + MIXED), *itertools.product(("e4m3", "e5m2"), FABRICS)],
    ),
)
def test_every_pair_of_codes(element, fabric):
    component = build(element, block=1, stages=("sum",), fabric=fabric)
    a, b = every_pair(component)
    assert len(a) == 1 << sum(f.bits for f in component.pair)
    assert exhaust(component, a, b) == 0


@needs_gcc
@pytest.mark.parametrize("fabric", tiers(["asic"], FABRICS))
def test_every_pair_of_codes_among_zeros(fabric):
    component = ProductSum(block=2, stages=("shift",), fabric=fabric)
    assert exhaust(component, *every_pair(component, lane=0)) == 0


@needs_gcc
def test_exhaustion_catches_one_wrong_pair(monkeypatch):
    component = ProductSum(block=1, stages=("sum",))
    a, b = every_pair(component)
    monkeypatch.setattr(
        "mxsf.sim.bench.product_sum.product_sum",
        lambda x, y, pair: product_sum(x, y, pair)._replace(
            sum=product_sum(x, y, pair).sum + ((x == 0x7F) & (y == 0xA1)).any(axis=-1)
        ),
    )
    assert exhaust(component, a, b) == 1


# The long tier.


def many_blocks(element, block, lanes, fabric):
    component = build(element, block=block, lanes=lanes, stages=("product", "sum"), fabric=fabric)
    random = np.random.default_rng(11)
    drawn, directed = random_codes(random, component, 5000), adversarial_codes(component)
    a, b = (np.concatenate(parts) for parts in zip(drawn, directed, strict=True))
    return exhaust(component, a, b)


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("element", [*NAMED, *MIXED])
def test_many_blocks(element):
    assert many_blocks(element, 8, 4, "asic") == 0


@pytest.mark.campaign
@needs_gcc
@pytest.mark.parametrize("fabric", FABRICS)
@pytest.mark.parametrize(("block", "lanes"), [(32, 32), (32, 8), (16, 16)])
@pytest.mark.parametrize("element", [*NAMED, *MIXED])
def test_many_wide_blocks(element, block, lanes, fabric):
    assert many_blocks(element, block, lanes, fabric) == 0


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize("fabric", FABRICS)
@pytest.mark.parametrize("element", ["mxsf", "e4m3", "e5m2", "int8", "int8/mxsf"])
def test_exported_verilog_under_icarus(element, fabric):
    component = build(element, block=8, lanes=4, stages=("product", "sum"), fabric=fabric)
    a, b = some(component, 150)
    stimulus = product_sum_stimulus(component, a, b)
    result = run_verilog(exported(component), "top", stimulus, STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    component = ProductSum(block=4, stages=("sum",))
    text = exported(component)
    broken = text.replace("assign carry = ", "assign carry = 1'h1 ^ ", 1)
    assert broken != text
    a, b = some(component)
    stimulus = product_sum_stimulus(component, a, b)
    assert run_verilog(broken, "top", stimulus, STALLS).count > 0


def exported(component):
    script = "read_rtlil design.il\nproc -norom\nopt_clean\nwrite_verilog -noattr design.v"
    return BUNDLED.run(script, {"design.il": netlist(component, "top").text}, read="design.v")
