"""The hardware product sum: every format, every cycle, every parameter, planted bugs."""

import itertools

import numpy as np
import pytest
from amaranth.hdl import Const
from designs import NAMED, needs_gcc, tiers
from mxsf.flow.netlist.netlist import netlist
from mxsf.golden import E2M1, E4M3, E5M2, INT8, MXSF, parse
from mxsf.golden.dot.product_sum import product_sum
from mxsf.hdl.arith import adder
from mxsf.hdl.dot.product_plan import ProductPlan
from mxsf.hdl.dot.product_sum import ProductSum, sum_bits, sum_layout
from mxsf.sim.bench.product_sum import (
    product_sum_stimulus,
    run_product_sum,
)
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.stimulus.payload import pack, unpack
from planted import deafen
from summing import FABRICS, MIXED, STALLS, amaranth, build, compiled, run, some

ODD = ["e3m4", "e0m5", "e5m0", "e1m2", "e2m3+e2m1", "e3m3+e2m1+e1m0"]
EVERYWHERE = ("decode", "product", "shift", "sum/1", "sum")


@needs_gcc
@pytest.mark.parametrize(
    ("element", "fabric"),
    tiers(
        [
            *((e, "asic") for e in ("mxsf", "e2m1", "int8", "int8/mxsf")),
            *(("mxsf", "fpga"), ("e5m2/int8", "dsp")),
        ],
        [
            *((e, "asic") for e in NAMED + MIXED + ODD),
            *(("mxsf", fabric) for fabric in FABRICS),
            *itertools.product(MIXED[:3], FABRICS),
        ],
    ),
)
def test_every_format(element, fabric):
    component = build(element, block=2, fabric=fabric)
    result = run_product_sum(compiled(component), component, stalls=STALLS)
    assert result.passed, result.mismatches
    assert result.beats > 300


@pytest.mark.parametrize("fabric", FABRICS)
@pytest.mark.parametrize("lanes", [1, 3, 5])
def test_odd_lanes(lanes, fabric):
    component = build("e2m1", block=lanes, fabric=fabric)
    values = np.random.default_rng(2).standard_normal((3, 4 * lanes)).astype(np.float32)
    for tensor in (None, values):
        result = run_product_sum(amaranth(component), component, tensor)
        assert result.passed, result.mismatches


@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS, Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
@pytest.mark.parametrize("stages", [EVERYWHERE, ("product", "sum")])
def test_every_cycle(stages, stalls):
    run(build("e2m1", block=8, lanes=4, stages=stages, tag=5), stalls=stalls, count=20)


@pytest.mark.parametrize("point", EVERYWHERE)
def test_each_register(point):
    run(build("e2m1", block=4, lanes=2, stages=(point,), tag=1), stalls=STALLS, count=15)


@pytest.mark.parametrize("fabric", FABRICS)
@pytest.mark.parametrize("element", ["mxsf", "e5m2", "int8/e4m3"])
def test_registers_everywhere(element, fabric):
    component = build(element, block=4, lanes=2, stages=EVERYWHERE, tag=77, fabric=fabric)
    run(component, stalls=STALLS, count=15)


@pytest.mark.parametrize(
    ("stages", "lanes", "latency"),
    [
        ((), 32, 0),
        (("sum",), 32, 1),
        (("sum", "decode", "product", "shift"), 32, 4),
        (("sum/1",), 32, 5),
        (("sum/2",), 32, 2),
        (("sum/2", "sum"), 32, 3),
        (("sum/5", "sum"), 32, 1),
        (("sum/1", "product"), 5, 4),
        (("sum", "shift"), 1, 1),
    ],
)
def test_latency(stages, lanes, latency):
    assert ProductSum(block=lanes, stages=stages).latency == latency


@pytest.mark.parametrize("stages", [("shift",), EVERYWHERE])
def test_latency_is_as_stated(stages):
    component = build("e2m1", block=4, stages=stages)
    assert run(component).latency == component.latency


def test_one_beat_a_cycle():
    component = build("e2m1", block=4, stages=EVERYWHERE)
    assert run(component, count=50).cycles == 100 + component.latency


@pytest.mark.parametrize(
    ("element", "count", "bits"),
    [
        (MXSF, 32, 30),
        (E4M3, 32, 42),
        (E5M2, 32, 70),
        (INT8, 32, 21),
        (INT8, 1, 16),
        ((INT8, MXSF), 32, 25),
        (E2M1, 1, 9),
    ],
)
def test_sum_bits(element, count, bits):
    assert sum_bits(element, count) == bits
    assert sum_layout(element, count)["sum"].width == bits


def test_payloads():
    component = ProductSum((E5M2, E4M3), block=8, lanes=4, tag=3)
    assert [name for name, _ in component.i.payload.shape()] == ["a", "b", "tag", "first", "last"]
    assert [name for name, _ in component.o.payload.shape()] == [
        *("sum", "nan", "inf", "inf_sign"),
        *("tag", "first", "last"),
    ]
    assert [name for name, _ in ProductSum(E4M3).o.payload.shape()] == ["sum", "nan"]
    assert [name for name, _ in ProductSum().o.payload.shape()] == ["sum"]
    assert ProductSum().element is MXSF
    assert ProductSum((MXSF, MXSF)).element is MXSF
    assert component.element == component.pair == (E5M2, E4M3)


def test_equal_parts_are_one_module():
    counts = netlist(ProductSum(block=8), "top").instances
    assert counts["top__operand"] == 16
    assert counts["top__multiplier"] == counts["top__aligner"] == 8


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"block": 0}, ValueError, "block must be 1 to 1024, not 0"),
        ({"lanes": 5}, ValueError, "lanes must divide block = 32, not 5"),
        ({"tag": -1}, ValueError, "tag must be at least 0, not -1"),
        ({"stages": ("end",)}, ValueError, "stages must be names of .*, sum/k, sum, not 'end'"),
        ({"stages": ("sum/0",)}, ValueError, "not 'sum/0'"),
        ({"stages": ("sum/9",)}, ValueError, "adder tree use sum/1 to sum/5, not 'sum/9'"),
        ({"block": 1, "stages": ("sum/1",)}, ValueError, "no level, it is one term: sum, not"),
        ({"stages": (3,)}, ValueError, "not 3"),
        ({"stages": "sum"}, TypeError, "stages must be a number or a list of names, not 'sum'"),
        ({"fabric": "wool"}, ValueError, "fabric must be asic, fpga, dsp, not 'wool'"),
        ({"element": "mxsf"}, TypeError, "a BlockFormat or a pair of them, not 'mxsf'"),
        ({"element": parse("e8m2")}, ValueError, "at most 5 exponent bits .* not e8m2"),
        ({"element": parse("e1m6+e6m0")}, ValueError, "not e1m6\\+e6m0"),
        ({"block": 3.5}, TypeError, "block must be of type int, not 3.5"),
        ({"tag": True}, TypeError, "tag must be of type int, not True"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        ProductSum(**options)


# Planted bugs: each net must catch one.


def test_a_lost_carry_is_caught(monkeypatch):
    honest = adder._full

    def broken(m, a, b, c):
        total, carry = honest(m, a, b, c)
        return total, carry if isinstance(c, Const) else carry & c

    monkeypatch.setattr(adder, "_full", broken)
    component = build("e2m1", block=4, stages=("sum",))
    a, b = some(component)
    result = run_stream(amaranth(component), product_sum_stimulus(component, a, b))
    assert any("o.payload" in line for line in result.mismatches)


def test_a_lost_correction_is_caught(monkeypatch):
    monkeypatch.setattr(ProductPlan, "negative", lambda self, a, b: a.sign)
    component = build("e2m1", block=4)
    assert run_product_sum(amaranth(component), component).count > 0


def test_deaf_register_is_caught(monkeypatch):
    deafen(monkeypatch)
    component = build("e2m1", block=4, stages=("product", "sum"))
    a, b = some(component)
    result = run_stream(amaranth(component), product_sum_stimulus(component, a, b), STALLS)
    assert any("i.ready" in line for line in result.mismatches)


def test_stimulus_is_the_golden_answer():
    component = ProductSum((E5M2, MXSF), block=4, lanes=2, tag=70)
    a, b = some(component)
    case = product_sum_stimulus(component, a, b)
    fields = unpack(component.o.payload.shape(), case.outputs)
    golden = product_sum(a.reshape(-1, 2), b.reshape(-1, 2), component.pair)
    np.testing.assert_array_equal(fields["sum"], golden.sum)
    np.testing.assert_array_equal(fields["inf_sign"], golden.inf_sign)
    incoming = unpack(component.i.payload.shape(), case.inputs)
    np.testing.assert_array_equal(fields["tag"], incoming["tag"])
    np.testing.assert_array_equal(fields["last"], np.tile([0, 1], len(a)))
    np.testing.assert_array_equal(pack(component.o.payload.shape(), fields), case.outputs)
