"""The hardware encoder: cycle by cycle, exhaustively, as exported, and with planted bugs."""

import numpy as np
import pytest
from designs import NAMED, OTHERS, encoder_case, needs_gcc, needs_icarus, tiers
from encoding import EXPONENTS, exhaust
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.netlist.netlist import netlist
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.golden import BF16, FP32, MXSF, ElementFormat, ScaleRule, quantize
from mxsf.hdl import Encoder
from mxsf.hdl.quantize.rounder import Rounder
from mxsf.sim.bench.encoder import encoder_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.payload import unpack
from mxsf.sim.stimulus.words import random_words

RULES = [rule.value for rule in ScaleRule]
STALLS = Stalls(valid=0.7, ready=0.6, seed=5)


def run(one, simulator="amaranth", stalls=NO_STALLS, blocks=40):
    result = run_stream(
        make_simulator(one, simulator, optimise=0), encoder_case(one, blocks), stalls
    )
    assert result.passed, result.mismatches
    return result


@pytest.mark.parametrize("fabric", ["asic", "fpga"])
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


@pytest.mark.parametrize("source", ["bf16", "fp32"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", ["mxsf", "e4m3", "int8"])
def test_every_rule(element, rule, source):
    run(variant("encoder", element=element, block=4, rule=rule, source=source))


@pytest.mark.parametrize("element", ["e4m3", "e5m2"])
def test_overflow_to_nan_or_inf(element):
    run(variant("encoder", element=element, block=4, overflow="ovf"))


@pytest.mark.parametrize(
    "stalls", tiers([NO_STALLS, STALLS], [Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
)
@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize(("block", "lanes"), [(8, 8), (8, 4), (8, 1), (6, 2)])
def test_every_cycle(block, lanes, stages, stalls):
    run(variant("encoder", block=block, lanes=lanes, stages=stages), stalls=stalls, blocks=20)


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize("lanes", [8, 2])
def test_latency_is_as_stated(lanes, stages):
    one = variant("encoder", block=8, lanes=lanes, stages=stages)
    assert run(one).latency == one.latency


def test_one_beat_a_cycle():
    one = variant("encoder", block=8, lanes=2)
    words = random_words(np.random.default_rng(3), 50, 8, BF16)
    result = run_stream(make_simulator(one, "amaranth"), encoder_stimulus(one.component, words))
    assert result.passed
    assert result.cycles == 50 * 4 + one.latency + 3  # 3: beats of the last block after its first


@needs_gcc
@pytest.mark.parametrize(("block", "lanes"), [(4, 4), (8, 2)])
def test_both_engines_agree(block, lanes):
    one = variant("encoder", block=block, lanes=lanes)
    slow = run(one, "amaranth", STALLS, 10)
    fast = run(one, "cxxrtl", STALLS, 10)
    assert (slow.cycles, slow.beats) == (fast.cycles, fast.beats)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=4, max_size=40), st.sampled_from(RULES))
def test_any_words(words, rule):
    one = variant("encoder", block=4, source="fp32", rule=rule)
    blocks = np.array(words[: len(words) // 4 * 4], dtype=np.uint32).reshape(-1, 4)
    result = run_stream(make_simulator(one, "amaranth"), encoder_stimulus(one.component, blocks))
    assert result.passed, result.mismatches


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"block": 0}, ValueError, "block must be 1 to 1024, not 0"),
        ({"lanes": 5}, ValueError, "lanes must divide block = 32, not 5"),
        ({"lanes": 0}, ValueError, "lanes must divide block = 32, not 0"),
        ({"stages": 0}, ValueError, "stages must be 1 to 4, not 0"),
        ({"stages": 5}, ValueError, "stages must be 1 to 4, not 5"),
        ({"overflow": "ovf"}, ValueError, "mxsf has none"),
        ({"fabric": "wool"}, ValueError, "fabric must be asic, fpga, dsp, not 'wool'"),
        ({"overflow": "wrap"}, ValueError, "not 'wrap'"),
        ({"element": "mxsf"}, TypeError, "an ElementFormat or a BlockFormat, not 'mxsf'"),
        ({"rule": "floor"}, TypeError, "rule must be a ScaleRule, not 'floor'"),
        ({"source": 16}, TypeError, "source must be of type WordFormat, not 16"),
        ({"block": 3.5}, TypeError, "block must be of type int, not 3.5"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        Encoder(**options)


# Planted bugs: each net must catch one.


def test_cycle_bench_catches_a_wrong_code(monkeypatch):
    class Broken(Rounder):
        def _increment(self, m, code, up, sign):
            super()._increment(m, code, up & ~code[1], sign)  # a carry dropped

    monkeypatch.setattr("mxsf.hdl.quantize.encoder.Rounder", Broken)
    one = variant("encoder", block=4)
    result = run_stream(make_simulator(one, "amaranth"), encoder_case(one))
    assert any("o.payload" in line for line in result.mismatches)


def test_cycle_bench_catches_a_wrong_handshake(monkeypatch):
    def deaf(m, source, *, name):
        target = register(m, source, name=name)
        m.d.comb += source.ready.eq(1)  # takes a beat although the next stage is stalled
        return target

    from mxsf.hdl.stream.register import register

    monkeypatch.setattr("mxsf.hdl.quantize.encoder.register", deaf)
    one = variant("encoder", block=4)
    result = run_stream(make_simulator(one, "amaranth"), encoder_case(one), STALLS)
    assert any("i.ready" in line for line in result.mismatches)


@needs_gcc
def test_compiled_run_catches_a_wrong_constant():
    one = variant("encoder", block=4)
    simulator = cxxrtl_simulator(one)
    case = encoder_case(one)
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
    one = variant("encoder", element=element, fabric="fpga" if element == "e4m3" else "asic")
    compared, wrong = exhaust(one, range(255) if everything else EXPONENTS)
    assert compared == 8_355_840 if everything else compared > 1_000_000
    assert wrong == 0


@pytest.mark.campaign
@needs_gcc
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", NAMED)
def test_every_word_at_every_scale(element, rule):
    one = variant("encoder", element=element, rule=rule)
    compared, wrong = exhaust(one, range(255))
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
    one = variant("encoder", block=16, lanes=4, **options)
    words = random_words(np.random.default_rng(11), 6000, 16, one.component.source)
    case = encoder_stimulus(one.component, words)
    seen = cxxrtl_simulator(one).stream(case.inputs, case.outputs.shape[1], valid=0.8, ready=0.8)
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
    one = variant("encoder", **options)
    result = run_verilog(verilog(one), one.top, encoder_case(one, 300), STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    one = variant("encoder", block=4)
    text = verilog(one)
    broken = text.replace("if (!rst)", "if (rst)").replace("8'hff", "8'hfe")
    assert broken != text
    assert run_verilog(broken, one.top, encoder_case(one), STALLS).count > 0


def test_stimulus_is_the_golden_answer():
    one = variant("encoder", block=4, source="fp32")
    words = random_words(np.random.default_rng(2), 20, 4, FP32)
    case = encoder_stimulus(one.component, words)
    fields = unpack(one.component.o.payload.shape(), case.outputs)
    golden = quantize(FP32.values(words), MXSF, (1, 4))
    np.testing.assert_array_equal(fields["codes"], golden.codes)
    np.testing.assert_array_equal(fields["scale"], golden.scales[:, 0])


def test_rounders_are_one_module():
    design = netlist(Encoder(stages=1), "top")
    assert design.instances["top__rounder"] == 32
