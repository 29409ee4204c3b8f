"""The BF16 baselines: every cycle, in bulk through CXXRTL, as exported, and with planted bugs."""

import numpy as np
import pytest
from designs import needs_gcc, needs_icarus, tiers
from mxsf.flow.catalogue.catalogue import tensors, variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import verilog
from mxsf.flow.netlist.netlist import netlist
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.hdl.arith import result_rounder
from mxsf.hdl.baseline.baseline import Baseline
from mxsf.hdl.baseline.fp32_adder import Fp32Adder
from mxsf.sim.bench.baseline import baseline_stimulus, random_blocks, run_baseline
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import run_verilog

STALLS = Stalls(valid=0.7, ready=0.6, seed=5)
METHODS = ["tree", "window"]
ALL = {
    "tree": ("product", "sum/1", "round"),
    "window": ("product", "largest", "align", "sum/1", "add", "normalise", "round"),
}


def case(built, count=150, seed=0):
    blocks = random_blocks(np.random.default_rng(seed), built.component.block, count)
    return baseline_stimulus(built.component, blocks)


def run(built, stalls=NO_STALLS, count=100):
    result = run_stream(make_simulator(built, "amaranth"), case(built, count), stalls)
    assert result.passed, result.mismatches
    return result


@pytest.mark.parametrize(
    ("block", "fabric", "count"),
    tiers(
        [
            *((block, "fpga", 100) for block in (1, 2, 3)),
            (3, "asic", 60),  # chains of gates are slow to simulate
            (3, "dsp", 40),
        ],
        [(4, "fpga", 100), (8, "fpga", 100)],
    ),
)
@pytest.mark.parametrize("method", METHODS)
def test_every_structure(method, block, fabric, count):
    run(variant("baseline", method=method, block=block, fabric=fabric), STALLS, count)


@pytest.mark.parametrize("window", tiers([8, 16, 25, 32], [15, 23, 24, 31]))
def test_every_window(window):
    run(variant("baseline", method="window", window=window, block=4, fabric="fpga"))


@pytest.mark.parametrize(
    "stalls", tiers([NO_STALLS, STALLS], [Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
)
@pytest.mark.parametrize(
    ("method", "stages"),
    [
        *(("tree", stages) for stages in (0, 1, 2, 3, ALL["tree"], ("sum/2",))),
        *(("window", stages) for stages in (0, 1, 3, 7, ALL["window"], ("sum/2", "sum"))),
    ],
)
def test_every_cycle(method, stages, stalls):
    built = variant("baseline", method=method, block=4, stages=stages, fabric="fpga")
    result = run(built, stalls, 40)
    if stalls is NO_STALLS:
        assert result.latency == built.latency


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("block", "latency"), [(1, 2), (2, 2), (4, 3), (5, 4), (8, 4)])
def test_latency_is_the_number_of_registers(method, block, latency):
    # A tree of n words has ceil(log2(n)) levels; a block of one has a register all the same.
    stages = ("sum/1", "sum", "round")[block == 1 :]
    assert variant("baseline", method=method, block=block, stages=stages).latency == latency


@pytest.mark.parametrize("method", METHODS)
def test_a_block_a_cycle(method):
    built = variant("baseline", method=method, block=4, stages=3, fabric="fpga")
    assert run(built, count=50).cycles == 50 + built.latency


@pytest.mark.parametrize("method", METHODS)
def test_real_tensors(method):
    values = next(iter(tensors().values()))[:10]
    built = variant("baseline", method=method, block=8, stages=1, fabric="fpga")
    result = run_baseline(make_simulator(built, "amaranth"), built.component, values)
    assert result.passed, result.mismatches


@pytest.mark.parametrize("method", METHODS)
def test_nodes_are_one_module(method):
    instances = netlist(Baseline(8, method=method, fabric="fpga"), "top").instances
    kinds = {name: n for name, n in instances.items() if "adder" in name or "shifter" in name}
    # Four additions of products, three of sums and acc's, each with a shifter; nine terms to align.
    expected = [4, 4, 4, 4] if method == "tree" else [1, 8]
    assert sorted(kinds.values()) == expected


def test_names_and_manifest():
    assert variant("baseline").top == "mxsf_baseline_b32"
    built = variant("baseline", method="window", window="24", block="8", stages="align,round")
    assert built.top == "mxsf_baseline_b8_window_w24_s_align_round"
    described = manifest(built)
    assert described["latency"] == 2
    fields = [(f["name"], f["width"], f["length"]) for f in described["payloads"]["i"]]
    assert fields == [("a.words", 16, 8), ("b.words", 16, 8), ("acc", 32, 1)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"block": 0}, ValueError, "block must be 1 to 1024, not 0"),
        ({"method": "sum"}, ValueError, "method must be tree or window, not 'sum'"),
        ({"window": 33}, ValueError, "window must be 8 to 32 bits, not 33"),
        ({"window": 2.5}, TypeError, "window must be of type int, not 2.5"),
        ({"stages": 4}, ValueError, "stages must be 0 to 3, or names, not 4"),
        ({"stages": ["align"]}, ValueError, "stages must be names of product, sum/k, sum, round"),
        ({"block": 4, "stages": ["sum/3"]}, ValueError, "tree use sum/1 to sum/2, not 'sum/3'"),
        ({"fabric": "wool"}, ValueError, "fabric must be asic, fpga, dsp, not 'wool'"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        Baseline(**options)


# Planted bugs: each net must catch one.


def broken(method, monkeypatch):
    if method == "tree":  # the sticky bit never comes
        good = Fp32Adder._round
        monkeypatch.setattr(
            Fp32Adder,
            "_round",
            lambda self, m, value, inexact, larger: good(self, m, value, inexact & 0, larger),
        )
    else:
        monkeypatch.setattr(
            result_rounder, "_missing", lambda guard, lowest, inexact, sign: sign & 0
        )


@pytest.mark.parametrize("method", METHODS)
def test_bench_catches_a_planted_bug(method, monkeypatch):
    broken(method, monkeypatch)
    built = variant("baseline", method=method, block=4, fabric="fpga")
    result = run_stream(make_simulator(built, "amaranth"), case(built, 200))
    assert any("o.payload" in line for line in result.mismatches)


def bulk(built, count, seed=1):
    """Random and adversarial blocks through the compiled netlist; returns how many were wrong."""
    stimulus = case(built, count, seed)
    simulator = cxxrtl_simulator(built, optimise=2 if count > 5_000_000 else 1)
    seen = simulator.stream(stimulus.inputs, 4, valid=0.9, ready=0.9, seed=seed)
    assert not seen.violation
    assert len(seen.outputs) == count
    return int((seen.outputs != stimulus.outputs).any(axis=1).sum())


@needs_gcc
@pytest.mark.parametrize("method", METHODS)
def test_bulk_catches_a_planted_bug(method, monkeypatch):
    options = {"method": method, "block": 2, "fabric": "fpga"}
    assert bulk(variant("baseline", **options), 2000) == 0
    broken(method, monkeypatch)
    assert bulk(variant("baseline", **options), 2000) > 0


@needs_gcc
@pytest.mark.parametrize("fabric", ["asic", "fpga"])
@pytest.mark.parametrize(
    ("method", "window", "block", "count"),
    [
        pytest.param("tree", 26, 2, 100_000, marks=pytest.mark.long),
        pytest.param("tree", 26, 4, 100_000, marks=pytest.mark.campaign),
        pytest.param("tree", 26, 32, 30_000, marks=pytest.mark.campaign),
        pytest.param("window", 26, 2, 100_000, marks=pytest.mark.long),
        pytest.param("window", 26, 4, 100_000, marks=pytest.mark.campaign),
        pytest.param("window", 26, 32, 30_000, marks=pytest.mark.campaign),
        pytest.param("window", 11, 3, 30_000, marks=pytest.mark.long),
        pytest.param("window", 11, 7, 30_000, marks=pytest.mark.campaign),
        pytest.param("window", 32, 7, 30_000, marks=pytest.mark.campaign),
    ],
)
def test_blocks_in_bulk(method, window, block, count, fabric):
    built = variant("baseline", method=method, window=window, block=block, fabric=fabric)
    assert bulk(built, count) == 0


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize("stages", [0, 3])
@pytest.mark.parametrize("method", METHODS)
def test_exported_verilog(method, stages):
    built = variant("baseline", method=method, block=4, stages=stages)
    text, stimulus = verilog(built), case(built, 500)
    result = run_verilog(text, built.top, stimulus, STALLS, clocking=built.clock)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize("method", METHODS)
def test_icarus_catches_a_planted_bug(method, monkeypatch):
    broken(method, monkeypatch)
    built = variant("baseline", method=method, block=4, stages=1)
    assert run_verilog(verilog(built), built.top, case(built, 1000), STALLS).count > 0
