"""The dot product: every cycle, in bulk through CXXRTL, as exported, and with planted bugs."""

import numpy as np
import pytest
from designs import NAMED, OTHERS, needs_gcc, needs_icarus, needs_verilator, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import verilog
from mxsf.flow.netlist.netlist import netlist
from mxsf.flow.simulate import cxxrtl_simulator, default_simulator, make_simulator
from mxsf.golden import dot
from mxsf.hdl import Dot
from mxsf.hdl.arith import result_rounder
from mxsf.sim.bench.dot import dot_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import ICARUS, VERILATOR, run_verilog
from mxsf.sim.stimulus.payload import pack, unpack
from mxsf.sim.stimulus.products import random_products

STALLS = Stalls(valid=0.7, ready=0.6, seed=5)
PAIRS = ["mxsf,e4m3", "int8,mxsf", "e5m2,e2m1"]
EVERYTHING = ("decode", "product", "shift", "sum/1", "exponent", "align", "add", "count")


def case(built, count=150, seed=0):
    component = built.component
    random = np.random.default_rng(seed)
    drawn = random_products(
        random,
        component.pair,
        component.block,
        count,
        lanes=component.lanes,
        longest=3 if component.outputs else 1,
    )
    return dot_stimulus(component, drawn, random)


def run(built, simulator="amaranth", stalls=NO_STALLS, count=150):
    result = run_stream(make_simulator(built, simulator), case(built, count), stalls)
    assert result.passed, result.mismatches
    return result


@pytest.mark.parametrize(
    ("element", "fabric"),
    tiers(
        [*((element, "asic") for element in [*NAMED, PAIRS[0]]), ("mxsf", "fpga"), ("mxsf", "dsp")],
        [
            *((element, "asic") for element in [*OTHERS[:6], *PAIRS]),
            *((element, "fpga") for element in ("e5m2", "int8", "mxsf,e4m3")),
            *((element, "dsp") for element in ("int8", "e5m2,e2m1")),
        ],
    ),
)
def test_every_format(element, fabric):
    built = variant("dot", element=element, block=2, fabric=fabric, stages=1)
    run(built, stalls=STALLS, count=80)  # so few cycles take less than a compiler


@pytest.mark.parametrize(
    "options",
    [
        {"stages": 0},
        {"stages": 0, "lanes": 2},
        {"stages": ("product", "sum/2", "round"), "block": 8, "lanes": 4},
        {"stages": ("product", "skid", "round")},
        {"stages": (*EVERYTHING, "normalise", "round")},
        {"accumulate": False},
        {"result": "bf16", "stages": 3},
        {"outputs": 3, "stages": 5},
        {"outputs": 2, "lanes": 2, "result": "bf16", "element": "e5m2"},
    ],
    ids=str,
)
@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS], ids=["free", "stalled"])
def test_every_parameter(options, stalls):
    built = variant("dot", **{"block": 4, "fabric": "fpga", **options})
    result = run(built, stalls=stalls, count=40)
    if stalls is NO_STALLS and not built.component.outputs:  # there blocks wait for each other
        assert result.latency == built.latency


def test_a_block_a_cycle():
    built = variant("dot", block=4, stages=5)
    assert run(built, count=100).cycles == 100 + 5


def test_payload_fields():
    built = variant("dot", element="mxsf,e4m3", block=8, lanes=4)
    fields = {
        stream: [field["name"] for field in listed]
        for stream, listed in manifest(built)["payloads"].items()
    }
    operands = ["a.codes", "a.scale", "b.codes", "b.scale"]
    assert fields == {"i": [*operands, "acc", "first", "last"], "o": ["acc"]}
    assert built.top == "mxsf_dot_mxsf_e4m3_b8_l4"


def test_lanes_are_merged():
    instances = netlist(Dot(block=8), "top").instances
    assert max(instances.values()) >= 8
    assert len(instances) < 20


def test_bench_catches_a_wrong_rounding(monkeypatch):
    monkeypatch.setattr(result_rounder, "rounds_up", lambda guard, lowest, inexact, sign: guard)
    built = variant("dot", block=2, stages=1)
    simulator = make_simulator(built, default_simulator())
    assert run_stream(simulator, case(built, 1500)).count > 0


def bulk(built, count, seed, chunk=50_000):
    """Random and adversarial blocks through the compiled netlist; returns how many were wrong."""
    simulator, component = (
        cxxrtl_simulator(built, optimise=2 if count > 5_000_000 else 1),
        built.component,
    )
    layout, wrong = component.i.payload.shape(), 0
    random = np.random.default_rng(seed)
    for start in range(0, count, chunk):
        size = min(chunk, count - start)
        p = random_products(random, component.pair, component.block, size)
        a, b, a_scale, b_scale = (x[:, 0] for x in (p.a_codes, p.b_codes, p.a_scale, p.b_scale))
        golden = dot(a, a_scale, b, b_scale, p.acc.view(np.float32), component.pair)
        fields = {"a.codes": a, "a.scale": a_scale, "b.codes": b, "b.scale": b_scale, "acc": p.acc}
        seen = simulator.stream(pack(layout, fields), 4, valid=0.9, ready=0.9, seed=start)
        assert not seen.violation
        assert len(seen.outputs) == size
        words = unpack(component.o.payload.shape(), seen.outputs)["acc"]
        wrong += int((words != golden.view(np.uint32)).sum())
    return wrong


@needs_gcc
def test_bulk_catches_a_planted_bug(monkeypatch):
    monkeypatch.setattr(result_rounder, "rounds_up", lambda guard, lowest, inexact, sign: guard)
    assert bulk(variant("dot", block=2), 10_000, 1) > 0


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("element", [*NAMED, *PAIRS])
def test_blocks_in_bulk(element):
    count = 100_000 if element == "mxsf" else 10_000
    assert bulk(variant("dot", element=element, block=4), count, seed=1) == 0


@needs_gcc
@pytest.mark.parametrize(
    "fabric",
    [
        pytest.param("fpga", marks=pytest.mark.campaign),
        pytest.param("dsp", marks=pytest.mark.long),
    ],
)
def test_wide_blocks_in_bulk(fabric):
    assert bulk(variant("dot", fabric=fabric), 10_000, seed=1) == 0


@pytest.mark.campaign
@needs_gcc
@pytest.mark.parametrize("element", NAMED)
def test_blocks_in_full(element):
    count = 10_000_000 if element == "mxsf" else 1_000_000
    wrong = bulk(variant("dot", element=element), count, seed=2)
    print(f"{element}: {count} blocks compared, {wrong} wrong")
    assert wrong == 0


EXPORTED = [
    {"fabric": "fpga"},
    *({"element": name, "block": 4} for name in ("mxsf", "e4m3", "e5m2", "int8", PAIRS[0])),
    {"stages": 0, "block": 4},
    {"block": 16, "lanes": 4, "outputs": 4, "stages": 6},
    {"fabric": "fpga", "result": "bf16", "block": 4},
    {"fabric": "dsp", "accumulate": False, "block": 4},
]


@pytest.mark.long
@pytest.mark.parametrize("options", EXPORTED, ids=str)
@pytest.mark.parametrize(
    "simulator",
    [pytest.param(ICARUS, marks=needs_icarus), pytest.param(VERILATOR, marks=needs_verilator)],
    ids=lambda simulator: simulator.name,
)
def test_exported_verilog(options, simulator):
    built = variant("dot", **options)
    text, stimulus = verilog(built), case(built, 300)
    result = run_verilog(
        text, built.top, stimulus, STALLS, clocking=built.clock, simulator=simulator
    )
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_verilator
def test_verilator_catches_a_planted_bug(monkeypatch):
    monkeypatch.setattr(result_rounder, "rounds_up", lambda guard, lowest, inexact, sign: guard)
    built = variant("dot", block=4, stages=1)
    stimulus = case(built, 1500)
    result = run_verilog(verilog(built), built.top, stimulus, STALLS, simulator=VERILATOR)
    assert result.count > 0


def test_bad_parameters():
    with pytest.raises(ValueError, match="stages must be 0 to 10, or names, not 11"):
        Dot(stages=11)
    with pytest.raises(ValueError, match="exponent bits"):
        variant("dot", element="e8m7")
    with pytest.raises(ValueError, match="a format or two"):
        variant("dot", element="mxsf,mxsf,mxsf")
