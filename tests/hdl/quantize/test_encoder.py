"""The hardware encoder: cycle by cycle, exhaustively, as exported, and with planted bugs."""

import numpy as np
import pytest
from designs import NAMED, OTHERS, edge_blocks, needs_gcc, needs_icarus, tiers
from encoding import EXPONENTS, exhaust
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.netlist.netlist import netlist
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.golden import BF16, FP32, MXSF, ElementFormat, Rounding, ScaleRule, quantize
from mxsf.hdl import Encoder
from mxsf.hdl.quantize.encoder import POINTS
from mxsf.sim.bench.encoder import encoder_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.payload import unpack
from mxsf.sim.stimulus.words import random_words
from planted import deafen
from quantizing import draw_always, drop_a_carry

RULES = [rule.value for rule in ScaleRule]
STALLS = Stalls(valid=0.7, ready=0.6, seed=5)


def run(design, simulator="amaranth", stalls=NO_STALLS, blocks=40):
    result = run_stream(make_simulator(design, simulator), edge_blocks(design, blocks), stalls)
    assert result.passed, result.mismatches
    return result


@pytest.mark.parametrize("fabric", tiers(["asic"], ["fpga"]))
@pytest.mark.parametrize("element", NAMED + OTHERS)
def test_every_format(element, fabric):
    run(variant("encoder", element=element, block=4, fabric=fabric), stalls=STALLS)


@pytest.mark.parametrize("block", [1, 3, 5])
@pytest.mark.parametrize("fabric", ["asic", "fpga"])
def test_odd_blocks(block, fabric):
    run(variant("encoder", block=block, fabric=fabric, rule="rceil"), stalls=STALLS)


@pytest.mark.parametrize("special", ["none", "nan", "ieee"])
def test_words_above_every_binade(special):
    element = ElementFormat("low", 3, 2, bias=12, special=special)  # emax < 0: the scale ends first
    for overflow in ("saturate", "ovf") if special != "none" else ("saturate",):
        run(variant("encoder", element=element, block=4, overflow=overflow))


@pytest.mark.parametrize("source", tiers(["bf16"], ["bf16", "fp32"]))
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", ["mxsf", "e4m3", "int8"])
def test_every_rule(element, rule, source):
    run(variant("encoder", element=element, block=4, rule=rule, source=source))


@pytest.mark.parametrize("element", ["e4m3", "e5m2"])
def test_overflow_to_nan_or_inf(element):
    run(variant("encoder", element=element, block=4, overflow="ovf"))


@pytest.mark.parametrize("rounding", ["half_away", "stochastic"])
@pytest.mark.parametrize(
    "element", tiers(["mxsf", "int8", "mx9", "mx4", "e0m5"], [*NAMED, *OTHERS, "mx6"])
)
def test_every_rounding(element, rounding):
    """Stochastic with beats among them that are rounded to nearest even."""
    options = {"block": 8, "lanes": 4, "source": "fp32", "fabric": "fpga"}
    run(variant("encoder", element=element, rounding=rounding, **options), stalls=STALLS)


def test_numbers_follow_transfers_only():
    """A stall draws nothing, a beat that does not ask draws nothing, whatever registers there are.

    The last beat has to be of a block that is rounded by numbers, else none would be missed.
    """
    words = random_words(np.random.default_rng(3), 30, 8, BF16)
    asked = np.random.default_rng(4).random((30, 4)) < 0.5
    asked[-1] = True
    for stages in (1, ("input", "keys4", "search", "skid", "output")):
        design = variant("encoder", block=8, lanes=2, rounding="stochastic", stages=stages)
        case = encoder_stimulus(design.component, words, stochastic=asked)
        for stalls in (NO_STALLS, STALLS, Stalls(0.2, 0.9, 1)):
            result = run_stream(make_simulator(design, "amaranth"), case, stalls)
            assert result.passed, result.mismatches
    others = encoder_stimulus(design.component, words, stochastic=~asked)
    assert (others.outputs != case.outputs).any()


@pytest.mark.parametrize(
    "stalls", tiers([STALLS], [NO_STALLS, Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
)
@pytest.mark.parametrize("stages", [0, 1, 2, 3, 4, POINTS.path])
@pytest.mark.parametrize(
    ("block", "lanes", "storage"),
    [(8, 8, "memory"), (8, 4, "memory"), (8, 1, "registers"), (6, 2, "registers")],
)
def test_every_cycle(block, lanes, storage, stages, stalls):
    design = variant("encoder", block=block, lanes=lanes, storage=storage, stages=stages)
    run(design, stalls=stalls, blocks=20)


@pytest.mark.parametrize("place", POINTS.path)
def test_a_register_at_every_place(place):
    options = {"element": "mx9", "rounding": "stochastic", "fabric": "fpga"}
    run(variant("encoder", block=8, lanes=4, stages=(place,), **options), blocks=10)


@pytest.mark.parametrize("stages", [0, 1, 2, 3, 4, ("skid", "output")])
@pytest.mark.parametrize(("lanes", "storage"), [(8, "memory"), (2, "memory"), (2, "registers")])
def test_latency_is_as_stated(lanes, storage, stages):
    design = variant("encoder", block=8, lanes=lanes, storage=storage, stages=stages)
    assert run(design).latency == design.latency
    held = {"memory": 2, "registers": 1}[storage] if lanes < 8 else 0
    assert design.latency == held + (stages if isinstance(stages, int) else 1)


def test_a_number_of_stages_means_these_points():
    named = [Encoder(stages=number).points for number in range(1, 5)]
    assert named == [
        ("output",),
        ("search", "output"),
        ("keys4", "search", "output"),
        ("input", "keys4", "search", "output"),
    ]


def test_one_beat_a_cycle():
    design = variant("encoder", block=8, lanes=2)
    words = random_words(np.random.default_rng(3), 50, 8, BF16)
    result = run_stream(
        make_simulator(design, "amaranth"), encoder_stimulus(design.component, words)
    )
    assert result.passed
    after_first = 3  # beats of the last block
    assert result.cycles == 50 * 4 + design.latency + after_first


@needs_gcc
@pytest.mark.parametrize(("block", "lanes"), [(4, 4), (8, 2)])
def test_both_engines_agree(block, lanes):
    design = variant("encoder", block=block, lanes=lanes)
    slow = run(design, "amaranth", STALLS, 10)
    fast = run(design, "cxxrtl", STALLS, 10)
    assert (slow.cycles, slow.beats) == (fast.cycles, fast.beats)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=4, max_size=40), st.sampled_from(RULES))
def test_any_words(words, rule):
    design = variant("encoder", block=4, source="fp32", rule=rule)
    blocks = np.array(words[: len(words) // 4 * 4], dtype=np.uint32).reshape(-1, 4)
    result = run_stream(
        make_simulator(design, "amaranth"), encoder_stimulus(design.component, blocks)
    )
    assert result.passed, result.mismatches


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"block": 0}, ValueError, "block must be 1 to 1024, not 0"),
        ({"lanes": 5}, ValueError, "lanes must divide block = 32, not 5"),
        ({"lanes": 0}, ValueError, "lanes must divide block = 32, not 0"),
        ({"stages": 12}, ValueError, "stages must be 0 to 11, or names, not 12"),
        ({"stages": ("tree",)}, ValueError, "stages must be names of input, keys, .* not 'tree'"),
        ({"storage": "paper"}, ValueError, "storage must be registers or memory, not 'paper'"),
        (
            {"block": 64, "rounding": Rounding.STOCHASTIC},
            ValueError,
            "lanes must be at most 32 for stochastic rounding, not 64",
        ),
        ({"overflow": "ovf"}, ValueError, "mxsf has none"),
        ({"fabric": "wool"}, ValueError, "fabric must be asic, fpga, dsp, not 'wool'"),
        ({"overflow": "wrap"}, ValueError, "not 'wrap'"),
        ({"element": "mxsf"}, TypeError, "an ElementFormat or a BlockFormat, not 'mxsf'"),
        ({"rule": "floor"}, TypeError, "rule must be a ScaleRule or a QuotientRule, not 'floor'"),
        ({"source": 16}, TypeError, "source must be of type WordFormat, not 16"),
        ({"block": 3.5}, TypeError, "block must be of type int, not 3.5"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        Encoder(**options)


# Planted bugs: each net must catch one.


def test_cycle_bench_catches_a_wrong_code(monkeypatch):
    drop_a_carry(monkeypatch)
    design = variant("encoder", block=4)
    result = run_stream(make_simulator(design, "amaranth"), edge_blocks(design))
    assert any("o.payload" in line for line in result.mismatches)


def test_cycle_bench_catches_a_number_too_many(monkeypatch):
    draw_always(monkeypatch)
    design = variant("encoder", block=4, rounding="stochastic")
    result = run_stream(make_simulator(design, "amaranth"), edge_blocks(design), STALLS)
    assert any("o.payload" in line for line in result.mismatches)


def test_cycle_bench_catches_a_wrong_handshake(monkeypatch):
    deafen(monkeypatch)
    design = variant("encoder", block=4)
    result = run_stream(make_simulator(design, "amaranth"), edge_blocks(design), STALLS)
    assert any("i.ready" in line for line in result.mismatches)


@needs_gcc
def test_compiled_run_catches_a_wrong_constant():
    design = variant("encoder", block=4)
    simulator = cxxrtl_simulator(design)
    case = edge_blocks(design)
    seen = simulator.stream(case.inputs, case.outputs.shape[1], valid=0.7, ready=0.7)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)
    broken = variant("encoder", block=4, element="e2m5")  # the same ports, another format
    other = cxxrtl_simulator(broken).stream(case.inputs, case.outputs.shape[1])
    assert (other.outputs != case.outputs).any()


# The long tier.


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("element", NAMED)
def test_every_word_at_every_scale_that_matters(element):
    everything = element in ("mxsf", "e4m3")
    design = variant("encoder", element=element, fabric="fpga" if element == "e4m3" else "asic")
    compared, wrong = exhaust(design, range(255) if everything else EXPONENTS)
    assert compared == 8_355_840 if everything else compared > 1_000_000
    assert wrong == 0


@pytest.mark.campaign
@needs_gcc
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", NAMED)
def test_every_word_at_every_scale(element, rule):
    design = variant("encoder", element=element, rule=rule)
    compared, wrong = exhaust(design, range(255))
    print(f"{element} {rule}: {compared} words compared, {wrong} blocks wrong")
    assert compared == 8_355_840
    assert wrong == 0


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("source", ["bf16", "fp32"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", NAMED)
def test_many_random_blocks(element, rule, source):
    fabric = "asic" if source == "bf16" else "fpga"
    options = {"element": element, "rule": rule, "source": source, "fabric": fabric}
    design = variant("encoder", block=16, lanes=4, **options)
    words = random_words(np.random.default_rng(11), 6000, 16, design.component.source)
    case = encoder_stimulus(design.component, words)
    seen = cxxrtl_simulator(design).stream(case.inputs, case.outputs.shape[1], valid=0.8, ready=0.8)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize(
    "options",
    [
        *({"element": name} for name in NAMED),
        {"lanes": 8, "stages": 3},
        {"lanes": 1, "source": "fp32", "rule": "rceil", "stages": 4},
        {"element": "e4m3", "source": "fp32", "rule": "even", "overflow": "ovf"},
        {"element": "int8", "rule": "ceil", "stages": 1},
        {"fabric": "fpga"},
        {"fabric": "fpga", "element": "int8", "rule": "even", "source": "fp32"},
    ],
    ids=str,
)
def test_exported_verilog_under_icarus(options):
    design = variant("encoder", **options)
    result = run_verilog(verilog(design), design.top, edge_blocks(design, 300), STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    design = variant("encoder", block=4)
    text = verilog(design)
    broken = text.replace("if (!rst)", "if (rst)").replace("8'hff", "8'hfe")
    assert broken != text
    assert run_verilog(broken, design.top, edge_blocks(design), STALLS).count > 0


def test_stimulus_is_the_golden_answer():
    design = variant("encoder", block=4, source="fp32")
    words = random_words(np.random.default_rng(2), 20, 4, FP32)
    case = encoder_stimulus(design.component, words)
    fields = unpack(design.component.o.payload.shape(), case.outputs)
    golden = quantize(FP32.values(words), MXSF, (1, 4))
    np.testing.assert_array_equal(fields["codes"], golden.codes)
    np.testing.assert_array_equal(fields["scale"], golden.scales[:, 0])


def test_rounders_are_one_module():
    design = netlist(Encoder(stages=1), "top")
    for name in ("placer", "chooser", "incrementer"):
        assert design.instances[f"top__{name}"] == 32
