"""Packing in hardware: every width, cycle by cycle, as exported, proved, and with planted bugs."""

import numpy as np
import pytest
from designs import check, needs_gcc, needs_icarus, tiers
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.flow.synth.proof import prove
from mxsf.golden import parse, quantize
from mxsf.golden.packing import pack, plane_widths, unpack_planes
from mxsf.hdl import Pack, Unpack, packing
from mxsf.hdl.ports import fields
from mxsf.sim.bench.packing import packing_case, packing_stimulus, packing_wires
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.payload import unpack
from planted import Planted, on

BOTH = ["pack", "unpack"]
WIDTHS = range(3, 17)
STALLS = Stalls(valid=0.7, ready=0.6, seed=5)
both = pytest.mark.parametrize("name", BOTH)
every_width = pytest.mark.parametrize("bits", WIDTHS)


BUGS = {  # two items change places; an item is taken a bit too low
    "pack": ("i__payload[41], i__payload[34]", "i__payload[34], i__payload[41]"),
    "unpack": ("i__payload[47:46], i__payload[31:28]", "i__payload[46:45], i__payload[31:28]"),
}


def planted(name, text):
    assert text.count(BUGS[name][0]) == 1
    return text.replace(*BUGS[name])


def fewest(bits):
    """Least lanes that a width can have."""
    return 8 // min(8, *plane_widths(bits))


@both
@every_width
def test_every_width(name, bits):
    """Each bit alone and random codes, every cycle, with stalls."""
    check(variant(name, bits=bits, lanes=8), "amaranth", STALLS)


@both
@pytest.mark.parametrize("stages", [0, 1])
@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS, Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
def test_every_cycle(name, stages, stalls):
    built = variant(name, bits=7, lanes=16, stages=stages)
    result = check(built, "amaranth", stalls)
    if stalls is NO_STALLS:
        assert result.latency == built.latency == stages
        assert result.cycles == result.beats + stages  # one beat a cycle


@needs_gcc
@both
@pytest.mark.parametrize(("bits", "lanes"), tiers([(5, 32)], [(3, 32), (7, 64), (9, 16), (16, 32)]))
def test_many_codes_compiled(name, bits, lanes):
    built = variant(name, bits=bits, lanes=lanes)
    codes = np.random.default_rng(bits).integers(0, 1 << bits, (4000, lanes))
    marks = np.random.default_rng(bits).integers(0, 2, (2, len(codes)))
    case = packing_stimulus(built.component, codes, *marks)
    simulator = cxxrtl_simulator(built)
    seen = simulator.stream(case.inputs, case.outputs.shape[1], valid=0.8, ready=0.8)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)


@settings(max_examples=10, deadline=None)
@given(bits=st.sampled_from(WIDTHS), beats=st.integers(1, 9), seed=st.integers(0, 99))
def test_beats_side_by_side_are_the_planes_of_all_codes(bits, beats, seed):
    component = Pack(bits, lanes=2 * fewest(bits))
    codes = np.random.default_rng(seed).integers(0, 1 << bits, (beats, component.lanes))
    marks = np.zeros((2, beats), int)
    case = packing_stimulus(component, codes, *marks)
    fields = unpack(component.o.payload.shape(), case.outputs)
    planes = pack(codes.reshape(-1), bits)
    for plane, width in zip(planes, plane_widths(bits), strict=True):
        np.testing.assert_array_equal(fields[f"plane_{width}"].reshape(-1), plane)
    np.testing.assert_array_equal(unpack_planes(planes, bits, codes.size), codes.reshape(-1))


@pytest.mark.parametrize("lanes", [1, 32])
@every_width
def test_unpacking_undoes_packing(bits, lanes):
    """The golden wires of one are the inverse of the other's; the proofs say both are built."""
    lanes = max(lanes, fewest(bits))
    there, back = (packing_wires(kind(bits, lanes=lanes)) for kind in (Pack, Unpack))
    assert [there[bit] for bit in back] == list(range(bits * lanes + 2))
    assert [back[bit] for bit in there] == list(range(bits * lanes + 2))


@pytest.mark.long
@both
@every_width
def test_proof(name, bits):
    assert prove(variant(name, bits=bits, lanes=fewest(bits), stages=0))


@pytest.mark.long
@both
def test_proof_of_wide_beats(name):
    assert prove(variant(name, bits=7, lanes=32, stages=0))


@both
def test_bench_catches_a_planted_bug(monkeypatch, name):
    """The planes are cut in the other order."""
    monkeypatch.setattr(packing, "plane_widths", lambda bits: plane_widths(bits)[::-1])
    built = variant(name, bits=7, lanes=8)
    result = built.bench(make_simulator(built, "amaranth"))
    assert result.count > 0
    assert "o.payload" in result.mismatches[0]


@both
def test_bench_catches_a_lost_mark(name):
    built = variant(name, bits=7, lanes=8)
    lost = on("o__payload", lambda value, pins: value & ~(1 << 57))  # last
    result = built.bench(Planted(make_simulator(built, "amaranth"), lost))
    assert result.count == result.blocks > 0


@pytest.mark.long
@both
def test_proof_catches_a_planted_bug(name):
    built = variant(name, bits=7, lanes=8, stages=0)
    text = verilog(built)
    assert prove(built, text)
    assert not prove(built, planted(name, text))


@pytest.mark.long
@needs_icarus
@both
@every_width
def test_exported_verilog_under_icarus(name, bits):
    built = variant(name, bits=bits, lanes=16)
    result = run_verilog(verilog(built), built.top, packing_case(built.component), STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
@both
def test_icarus_catches_a_planted_bug(name):
    built = variant(name, bits=7, lanes=8, stages=0)
    result = run_verilog(planted(name, verilog(built)), built.top, built.vectors(), clocking=None)
    assert result.count > 0


@both
def test_names_and_fields(name):
    built = variant(name, bits=7, lanes=8)
    assert built.top == f"mxsf_{name}_7bit_l8"
    assert variant(name).top == f"mxsf_{name}_6bit"
    planes, codes = ("o", "i") if name == "pack" else ("i", "o")
    sides = {
        side: [f.name for f in fields(getattr(built.component, side).payload.shape())]
        for side in "io"
    }
    assert sides[planes] == ["plane_4", "plane_2", "plane_1", "first", "last"]
    assert sides[codes] == ["codes", "first", "last"]
    assert not variant(name, stages=0).clocked


def test_a_tensor():
    """Rows of sign-magnitude integers, each from first to last."""
    built = variant("pack", bits=5, lanes=8)
    values = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)
    case = packing_case(built.component, values)
    beats = unpack(built.component.i.payload.shape(), case.inputs)
    golden = quantize(values, parse("e0m4"), (1, 8)).codes
    np.testing.assert_array_equal(beats["codes"].reshape(3, 24)[:, :20], golden)
    assert beats["first"].tolist() == [1, 0, 0] * 3
    assert beats["last"].tolist() == [0, 0, 1] * 3


@pytest.mark.parametrize("kind", [Pack, Unpack])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bits": 2}, ValueError, "bits must be 3 to 16, not 2"),
        ({"bits": 17}, ValueError, "bits must be 3 to 16, not 17"),
        ({"bits": 7.0}, TypeError, "bits must be of type int, not 7.0"),
        ({"lanes": 0}, ValueError, "lanes must be 1 to 1024, not 0"),
        (
            {"lanes": 12},
            ValueError,
            "multiple of 8, so that planes of 7 bits have whole bytes, not 12",
        ),
        ({"bits": 6, "lanes": 6}, ValueError, "lanes must be a multiple of 4, .* 6 bits .* not 6"),
        ({"bits": 12, "lanes": 3}, ValueError, "lanes must be a multiple of 2, .* not 3"),
        ({"stages": 2}, ValueError, "stages must be 0 to 1, or names, not 2"),
        ({"stages": True}, TypeError, "stages must be a number or a list of names, not True"),
    ],
)
def test_bad_parameters(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind(**{"bits": 7, **options})
