"""The tile re-quantizer: every cycle, every parameter, real tensors."""

import itertools

import numpy as np
import pytest
from designs import NAMED, OTHERS, needs_gcc, tiers
from mxsf.flow.catalogue.catalogue import tensors, variant
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.golden import MX9, MXSF, ElementFormat, ScaleRule, quantize
from mxsf.hdl import Requantizer
from mxsf.hdl.quantize.requantizer import POINTS
from mxsf.hdl.quantize.storage import STORAGES
from mxsf.sim.bench.requantizer import (
    Tiles,
    random_tiles,
    requantizer_stimulus,
    requantizer_tiles,
)
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.stimulus.payload import unpack
from requantizing import ROUNDINGS, STALLS, build, mix, run

RULES = [rule.value for rule in ScaleRule]


@pytest.mark.parametrize(
    ("element", "rounding"),
    tiers(itertools.product(NAMED, ROUNDINGS), itertools.product(OTHERS, ROUNDINGS)),
)
def test_every_format(element, rounding):
    run(build(element=element, rounding=rounding))


WAYS = {  # from words to codes: source, rounding, fabric
    "plain": ("bf16", "nearest_even", "fpga"),
    "long": ("fp32", "stochastic", "asic"),
    "short": ("bf16", "stochastic", "fpga"),
}


@pytest.mark.parametrize(
    ("element", "rule", "way"),
    tiers(
        [(e, rule, way) for e, way in (("int8", "long"), ("mxsf", "short")) for rule in RULES],
        itertools.product(["mxsf", "int8"], RULES, WAYS),
    ),
)
def test_every_rule(element, rule, way):
    source, rounding, fabric = WAYS[way]
    run(build(element=element, rule=rule, source=source, rounding=rounding, fabric=fabric))


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("element", ["e4m3", "e5m2"])
def test_overflow_to_nan_or_inf(element, rounding):
    run(build(element=element, overflow="ovf", rounding=rounding))


@pytest.mark.parametrize("special", ["none", "ieee"])
def test_words_above_every_binade(special):
    element = ElementFormat("low", 3, 2, bias=12, special=special)  # emax < 0: the scale ends first
    run(build(element=element))
    run(build(element=element, rounding="stochastic"))


@pytest.mark.parametrize(
    "stalls", tiers([STALLS], [NO_STALLS, Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
)
@pytest.mark.parametrize("stages", [0, POINTS.path])
@pytest.mark.parametrize(
    ("storage", "both"), [("registers", "no"), ("memory", "no"), ("memory", "yes")]
)
def test_every_cycle(both, storage, stages, stalls):
    run(build(both=both, storage=storage, stages=stages, fabric="fpga"), stalls=stalls, count=16)


KINDS = {
    "plain": {},
    "both": {"both": "yes"},
    "drawn": {"rounding": "stochastic", "both": "yes", "fabric": "fpga"},
}


@needs_gcc
@pytest.mark.parametrize(
    ("size", "storage", "kind"),
    [
        *tiers(
            [(8, "registers", "plain"), (8, "memory", "drawn")],
            [*itertools.product([8], STORAGES, KINDS), (16, "registers", "both")],
        ),
        *(
            pytest.param(*case, marks=pytest.mark.campaign)
            for case in itertools.product([16, 32], STORAGES, KINDS)
            if case != (16, "registers", "both")
        ),
    ],
)
def test_every_size(size, storage, kind):
    design = build(tile=size, storage=storage, **KINDS[kind])
    run(design, "cxxrtl", count=30)


@pytest.mark.parametrize("place", POINTS.path)
def test_a_register_at_every_place(place):
    design = build(stages=(place,), rounding="stochastic", both="yes", fabric="fpga")
    run(design, count=10)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    "stages",
    [
        4,
        ("skid", "output"),
        *(pytest.param(n, marks=pytest.mark.long) for n in (0, len(POINTS.priority))),
    ],
)
def test_latency_is_as_stated(stages, storage):
    for both in ("no", "yes"):
        design = build(stages=stages, storage=storage, both=both, fabric="fpga")
        assert run(design, stalls=NO_STALLS, count=10).latency == design.latency
    words = 1 if stages == ("skid", "output") else len(design.component.points)
    assert design.latency == 1 + (storage == "memory") + words


@pytest.mark.parametrize("both", ["no", "yes"])
@pytest.mark.parametrize("storage", STORAGES)
def test_one_row_a_cycle(storage, both):
    """Back to back, straight and transposed tiles in any order."""
    design = build(storage=storage, both=both)
    random = np.random.default_rng(3)
    words = random_tiles(random, 50, 4, design.component.source)
    tiles = Tiles.full(words, random.random(50) < 0.5)
    result = run(design, stalls=NO_STALLS, tiles=tiles)
    assert result.cycles == 50 * 4 + design.latency + 3  # 3: beats of the last tile after its first


@needs_gcc
def test_both_engines_agree():
    design = build(storage="memory", rounding="stochastic", stages=POINTS.default)
    slow, fast = (run(design, simulator, count=12) for simulator in ("amaranth", "cxxrtl"))
    assert (slow.cycles, slow.beats) == (fast.cycles, fast.beats)


@needs_gcc
@pytest.mark.parametrize(
    ("both", "rounding"),
    tiers(
        [("no", "nearest_even"), ("yes", "stochastic")], itertools.product(["no", "yes"], ROUNDINGS)
    ),
)
def test_real_tensors(both, rounding):
    design = variant("requantizer", both=both, rounding=rounding, storage="memory")
    simulator = make_simulator(design, "cxxrtl")
    for name, values in tensors().items():
        result = design.bench(simulator, values, STALLS)
        assert result.passed, (name, result.mismatches)


@needs_gcc
def test_transposing_twice_is_the_identity():
    """Through the hardware: the codes of the transposed tile, sent back as words, transposed."""
    design = variant("requantizer", storage="memory")
    part, simulator = design.component, cxxrtl_simulator(design)
    words = requantizer_tiles(part, tensors()["h"])
    q = quantize(part.source.values(words), MXSF, (8, 8))

    def turn(words):
        case = requantizer_stimulus(part, Tiles.full(words, np.full(len(words), True)))["o"]
        seen = simulator.stream(case.inputs, case.outputs.shape[1], valid=0.9, ready=0.9)
        fields = unpack(part.o.payload.shape(), seen.outputs)
        return fields["codes"].reshape(-1, 8, 8), fields["scale"].reshape(-1, 8)

    codes, scale = turn(words)
    np.testing.assert_array_equal(codes, q.codes.swapaxes(1, 2))
    assert (scale == scale[:, :1]).all()
    factors = np.ldexp(np.float32(1), scale[:, :1, None].astype(int) - 127)
    again, _ = turn(part.source.words(MXSF.decode(codes).astype(np.float32) * factors))
    np.testing.assert_array_equal(again, q.codes)


def test_numbers_follow_transfers_only():
    """A stall draws nothing, a missing row draws nothing: the same codes under any stalls."""
    design = build(rounding="stochastic", stages=("input", "keys4", "output"), fabric="fpga")
    tiles = mix(design, 30)
    assert (tiles.rows < 4).any()
    for stalls in (NO_STALLS, STALLS, Stalls(0.2, 0.9, 1)):
        run(design, stalls=stalls, tiles=tiles)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tile": 5}, ValueError, "tile must be 4, 8, 16, 32, not 5"),
        ({"tile": 8.0}, TypeError, "tile must be of type int, not 8.0"),
        ({"storage": "paper"}, ValueError, "storage must be registers or memory, not 'paper'"),
        ({"both": 1}, TypeError, "both must be of type bool, not 1"),
        ({"element": MX9}, TypeError, "element must be of type ElementFormat, not .*mx9"),
        ({"rounding": "up"}, TypeError, "rounding must be of type Rounding, not 'up'"),
        ({"stages": 12}, ValueError, "stages must be 0 to 11, or names, not 12"),
        ({"stages": ("tree",)}, ValueError, "stages must be names of input, keys, .* not 'tree'"),
        ({"stages": ("skid", "skid")}, ValueError, "stages must name skid once"),
        ({"overflow": "ovf"}, ValueError, "mxsf has none"),
        ({"fabric": "wool"}, ValueError, "fabric must be asic, fpga, dsp, not 'wool'"),
        ({"element": "mxsf"}, TypeError, "element must be of type ElementFormat, not 'mxsf'"),
        ({"rule": "floor"}, TypeError, "rule must be of type ScaleRule, not 'floor'"),
        ({"source": 32}, TypeError, "source must be of type WordFormat, not 32"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        Requantizer(**options)


def test_names_are_unique():
    assert variant("requantizer").top == "mxsf_requantizer_mxsf_t8"
    full = variant(
        "requantizer",
        element="e4m3",
        tile="16",
        source="bf16",
        rule="ceil",
        rounding="stochastic",
        both="yes",
        storage="memory",
        stages="2",
    )
    assert full.top == "mxsf_requantizer_e4m3_t16_bf16_ceil_stochastic_both_memory_s2"
    assert full.settings()["rounding"] == "stochastic"


def test_stimulus_is_the_golden_answer():
    design = build()
    part, random = design.component, np.random.default_rng(2)
    words = random_tiles(random, 20, 4, part.source)
    case = requantizer_stimulus(part, Tiles.full(words))["o"]
    fields = unpack(part.o.payload.shape(), case.outputs)
    golden = quantize(part.source.values(words), MXSF, (4, 4))
    codes = golden.codes.copy()
    codes[1::2] = codes[1::2].swapaxes(1, 2)
    np.testing.assert_array_equal(fields["codes"].reshape(-1, 4, 4), codes)
    np.testing.assert_array_equal(fields["scale"].reshape(-1, 4)[:, 0], golden.scales[:, 0, 0])


def test_a_short_tile_leaves_whole():
    """Missing rows are zeros: rows of them when straight, the tails of columns when transposed."""
    design = build()
    part = design.component
    words = part.source.words(np.full((2, 4, 4), -1.0, np.float32))
    turned, marked = np.array([False, True]), np.array([True, True])
    tiles = Tiles(words, np.array([3, 3]), turned, marked, np.full((2, 4), False))
    case = requantizer_stimulus(part, tiles)["o"]
    codes = unpack(part.o.payload.shape(), case.outputs)["codes"].reshape(2, 4, 4)
    assert len(case.inputs) == 6
    assert (codes[0] != 0).tolist() == [[True] * 4] * 3 + [[False] * 4]
    np.testing.assert_array_equal(codes[1], codes[0].T)
    result = run_stream(make_simulator(design, "amaranth"), case, STALLS)
    assert result.passed, result.mismatches
