"""The tile re-quantizer: cycle by cycle, in bulk, as exported, and with planted bugs."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from designs import NAMED, OTHERS, needs_gcc, needs_icarus
from mxsf.flow.catalogue import tensors, variant
from mxsf.flow.simulate import cxxrtl_engine, make_engine
from mxsf.flow.verilog import verilog
from mxsf.golden import MXSF, ElementFormat, ScaleRule, quantize
from mxsf.hdl import Requantizer
from mxsf.hdl.block import BlockBuffer
from mxsf.hdl.digest import Digest
from mxsf.hdl.lfsr import Lfsr
from mxsf.hdl.requantizer import ORDER, POINTS
from mxsf.hdl.rounder import Rounder
from mxsf.hdl.tile import TileMemory, TileRegisters
from mxsf.sim.bench import NO_STALLS, Stalls, run_stream
from mxsf.sim.payload import unpack
from mxsf.sim.requantizer import (
    Tiles,
    directed_tiles,
    random_tiles,
    requantizer_stimulus,
    requantizer_tiles,
    run_requantizer,
)
from mxsf.sim.vectors import stream_vectors
from mxsf.sim.verilog import run_verilog

RULES = [rule.value for rule in ScaleRule]
STALLS = Stalls(valid=0.8, ready=0.7, seed=5)
LARGE = [
    pytest.param(16, marks=pytest.mark.long),
    pytest.param(32, marks=pytest.mark.campaign),
]


def build(**options):
    return variant("requantizer", **{"tile": 4, "stages": 1, **options})


def mix(one, count=24, seed=0):
    """Edge, directed and random tiles, straight, transposed, and some of them ended early."""
    part, random = one.component, np.random.default_rng(seed)
    directed = directed_tiles(random, part.element, part.tile, part.source)
    chosen = directed[random.permutation(len(directed))[:count]]
    extra = directed[-48::4]  # one huge value, Inf and NaN, subnormal words, one word all over
    words = [chosen, extra, random_tiles(random, count // 2, part.tile, part.source)]
    return Tiles.mixed(np.concatenate(words), random)


def run(one, engine="amaranth", stalls=STALLS, count=24, tiles=None):
    tiles = mix(one, count) if tiles is None else tiles
    result = run_requantizer(
        make_engine(one, engine, optimise=0), one.component, stalls=stalls, tiles=tiles
    )
    assert result.passed, result.mismatches
    assert result.blocks == len(tiles.words)
    return result


class Joined(wiring.Component):
    """Both outputs of a re-quantizer as one stream, for runs that know only ``o``."""

    def __init__(self, inner):
        self.inner, self.beats, self.latency = inner, inner.beats, inner.latency
        both = {name: getattr(inner, name).payload.shape() for name in ("o", "t")}
        super().__init__(
            {
                "i": In(stream.Signature(inner.i.payload.shape())),
                "o": Out(stream.Signature(data.StructLayout(both))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += [
            inner.i.payload.eq(self.i.payload),
            inner.i.valid.eq(self.i.valid),
            self.i.ready.eq(inner.i.ready),
            self.o.valid.eq(inner.o.valid & inner.t.valid),
            inner.o.ready.eq(self.o.ready & inner.t.valid),
            inner.t.ready.eq(self.o.ready & inner.o.valid),
            self.o.payload.o.eq(inner.o.payload),
            self.o.payload.t.eq(inner.t.payload),
        ]
        return m


def joined(one, tiles):
    """Return the design with one output, and its stimulus."""
    if not one.component.both:
        return one, requantizer_stimulus(one.component, tiles)["o"]
    found = requantizer_stimulus(one.component, tiles)
    bits = [
        np.unpackbits(s.outputs, axis=1, bitorder="little")[:, : s.widths[1]]
        for s in (found["o"], found["t"])
    ]
    outputs = np.packbits(np.concatenate(bits, axis=1), axis=1, bitorder="little")
    width = sum(stimulus.widths[1] for stimulus in found.values())
    case = replace(found["o"], outputs=outputs, widths=(found["o"].widths[0], width))
    return replace(one, component=Joined(one.component)), case


@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("element", NAMED + OTHERS)
def test_every_format(element, rounding):
    run(build(element=element, rounding=rounding))


@pytest.mark.parametrize(
    ("source", "rounding", "fabric"),
    [
        ("bf16", "nearest_even", "fpga"),
        ("fp32", "stochastic", "asic"),
        ("bf16", "stochastic", "fpga"),
    ],
)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("element", ["mxsf", "int8"])
def test_every_rule(element, rule, source, rounding, fabric):
    run(build(element=element, rule=rule, source=source, rounding=rounding, fabric=fabric))


@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("element", ["e4m3", "e5m2"])
def test_overflow_to_nan_or_inf(element, rounding):
    run(build(element=element, overflow="ovf", rounding=rounding))


@pytest.mark.parametrize("special", ["none", "ieee"])
def test_words_above_every_binade(special):
    element = ElementFormat("low", 3, 2, bias=12, special=special)  # emax < 0: the scale ends first
    run(build(element=element))
    run(build(element=element, rounding="stochastic"))


@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS, Stalls(0.3, 1.0, 7), Stalls(1.0, 0.3, 8)])
@pytest.mark.parametrize("stages", [0, POINTS])
@pytest.mark.parametrize(
    ("storage", "both"), [("registers", "no"), ("memory", "no"), ("memory", "yes")]
)
def test_every_cycle(both, storage, stages, stalls):
    run(build(both=both, storage=storage, stages=stages, fabric="fpga"), stalls=stalls, count=16)


@needs_gcc
@pytest.mark.parametrize("size", [8, *LARGE])
@pytest.mark.parametrize("storage", ["registers", "memory"])
@pytest.mark.parametrize(
    "options",
    [{}, {"both": "yes"}, {"rounding": "stochastic", "both": "yes", "fabric": "fpga"}],
    ids=str,
)
def test_every_size(size, storage, options):
    one = build(tile=size, storage=storage, **options)
    run(one, "cxxrtl", count=30)


@pytest.mark.parametrize("place", POINTS)
def test_a_register_at_every_place(place):
    one = build(stages=(place,), rounding="stochastic", both="yes")
    run(one, count=10)


@pytest.mark.parametrize("storage", ["registers", "memory"])
@pytest.mark.parametrize("stages", [0, 4, len(ORDER), ("skid", "output")])
def test_latency_is_as_stated(stages, storage):
    for both in ("no", "yes"):
        one = build(stages=stages, storage=storage, both=both)
        assert run(one, stalls=NO_STALLS, count=10).latency == one.latency
    words = 1 if stages == ("skid", "output") else len(one.component.points)
    assert one.latency == 1 + (storage == "memory") + words


@pytest.mark.parametrize("both", ["no", "yes"])
@pytest.mark.parametrize("storage", ["registers", "memory"])
def test_one_row_a_cycle(storage, both):
    """Back to back, straight and transposed tiles in any order."""
    one = build(storage=storage, both=both)
    random = np.random.default_rng(3)
    words = random_tiles(random, 50, 4, one.component.source)
    tiles = Tiles.full(words, random.random(50) < 0.5)
    result = run(one, stalls=NO_STALLS, tiles=tiles)
    assert result.cycles == 50 * 4 + one.latency + 3  # 3: beats of the last tile after its first


@needs_gcc
def test_both_engines_agree():
    one = variant("requantizer", storage="memory", rounding="stochastic")
    slow, fast = (run(one, engine, count=12) for engine in ("amaranth", "cxxrtl"))
    assert (slow.cycles, slow.beats) == (fast.cycles, fast.beats)


@needs_gcc
@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("both", ["no", "yes"])
def test_real_tensors(both, rounding):
    one = variant("requantizer", both=both, rounding=rounding, storage="memory")
    engine = make_engine(one, "cxxrtl")
    for name, values in tensors().items():
        result = one.bench(engine, values, STALLS)
        assert result.passed, (name, result.mismatches)


@needs_gcc
def test_transposing_twice_is_the_identity():
    """Through the hardware: the codes of the transposed tile, sent back as words, transposed."""
    one = variant("requantizer", storage="memory")
    part, engine = one.component, cxxrtl_engine(one)
    words = requantizer_tiles(part, tensors()["h"])
    q = quantize(part.source.values(words), MXSF, (8, 8))

    def turn(words):
        case = requantizer_stimulus(part, Tiles.full(words, np.full(len(words), True)))["o"]
        seen = engine.stream(case.inputs, case.outputs.shape[1], valid=0.9, ready=0.9)
        found = unpack(part.o.payload.shape(), seen.outputs)
        return found["codes"].reshape(-1, 8, 8), found["scale"].reshape(-1, 8)

    codes, scale = turn(words)
    np.testing.assert_array_equal(codes, q.codes.swapaxes(1, 2))
    assert (scale == scale[:, :1]).all()
    factors = np.ldexp(np.float32(1), scale[:, :1, None].astype(int) - 127)
    again, _ = turn(part.source.words(MXSF.decode(codes).astype(np.float32) * factors))
    np.testing.assert_array_equal(again, q.codes)


def test_numbers_follow_transfers_only():
    """A stall draws nothing, a missing row draws nothing: the same codes under any stalls."""
    one = build(rounding="stochastic", stages=("input", "keys4", "output"))
    tiles = mix(one, 30)
    assert (tiles.rows < 4).any()
    for stalls in (NO_STALLS, STALLS, Stalls(0.2, 0.9, 1)):
        run(one, stalls=stalls, tiles=tiles)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tile": 5}, ValueError, "tile must be 4, 8, 16, 32, not 5"),
        ({"tile": 8.0}, TypeError, "tile must be of type int, not 8.0"),
        ({"storage": "paper"}, ValueError, "storage must be registers or memory, not 'paper'"),
        ({"both": 1}, TypeError, "both must be of type bool, not 1"),
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


# Planted bugs: each net must catch one.


def broken_rounding(monkeypatch):
    class Broken(Rounder):
        def _increment(self, m, code, up, sign):
            super()._increment(m, code, up & ~code[1], sign)  # a carry dropped

    monkeypatch.setattr("mxsf.hdl.lanes.Rounder", Broken)


def mismatches(one, stalls=STALLS):
    engine = make_engine(one, "amaranth")
    result = run_requantizer(engine, one.component, stalls=stalls, tiles=mix(one))
    return "\n".join(result.mismatches)


def test_cycle_bench_catches_a_wrong_code(monkeypatch):
    broken_rounding(monkeypatch)
    assert "o.payload" in mismatches(build())
    assert "t.payload" in mismatches(build(both="yes"))


@pytest.mark.parametrize("store", [TileRegisters, TileMemory])
def test_cycle_bench_catches_a_wrong_order(monkeypatch, store):
    class Broken(store):
        def _across(self, reader):
            across = super()._across(reader)
            return across & (getattr(self, f"{reader}_step") != 2)  # column 2 is read as a row

    monkeypatch.setattr(f"mxsf.hdl.block.{store.__name__}", Broken)
    storage = "registers" if store is TileRegisters else "memory"
    if store is TileRegisters:  # with both outputs the readers are fixed
        assert "o.payload" in mismatches(build(storage=storage))
    else:
        assert "t.payload" in mismatches(build(storage=storage, both="yes"))


def test_cycle_bench_catches_a_lost_bank(monkeypatch):
    class Broken(BlockBuffer):
        def _reader(self, m, reader, side, full, marks, advance, delay):
            late = {**marks, "last": marks["last"] & marks["present"][0]}
            late["present"] = marks["present"] & ~marks["last"]  # the last row of every tile
            super()._reader(m, reader, side, full, late, advance, delay)

    monkeypatch.setattr("mxsf.hdl.requantizer.BlockBuffer", Broken)
    assert mismatches(build())


def test_cycle_bench_catches_a_number_too_many(monkeypatch):
    class Broken(Lfsr):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            outer = Module()
            outer.submodules.inner = inner = Lfsr(len(self.seeds))
            del m
            outer.d.comb += [self.numbers.eq(inner.numbers), inner.advance.eq(1)]
            return outer

    monkeypatch.setattr("mxsf.hdl.requantizer.Lfsr", Broken)
    one = build(rounding="stochastic")
    assert mismatches(one, STALLS)


def test_cycle_bench_catches_a_lost_sticky_bit(monkeypatch):
    class Broken(Digest):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            outer = Module()
            outer.submodules.inner = inner = Digest(self.element, self.source, self.rounding)
            del m
            outer.d.comb += [inner.word.eq(self.word), self.digest.eq(inner.digest)]
            cut = self.source.mantissa_bits - len(self.digest.mantissa)
            outer.d.comb += self.digest.mantissa.eq(self.word.mantissa[cut:])
            return outer

    monkeypatch.setattr("mxsf.hdl.requantizer.Digest", Broken)
    assert "o.payload" in mismatches(build())


def test_cycle_bench_catches_a_wrong_handshake(monkeypatch):
    from mxsf.hdl.stream import register

    def deaf(m, source, *, name):
        target = register(m, source, name=name)
        m.d.comb += source.ready.eq(1)  # takes a beat although the next stage is stalled
        return target

    monkeypatch.setattr("mxsf.hdl.requantizer.register", deaf)
    assert "i.ready" in mismatches(build(stages=("input",)))


@needs_gcc
@pytest.mark.parametrize("both", ["no", "yes"])
def test_compiled_run_catches_a_wrong_constant(both):
    one, case = joined(build(both=both), mix(build(both=both)))
    room = len(case.outputs) + 1  # a tile ended early has more rows out than in
    stalls = {"valid": 0.7, "ready": 0.7, "room": room}
    seen = cxxrtl_engine(one).stream(case.inputs, case.outputs.shape[1], **stalls)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)
    other, _ = joined(build(both=both, element="e2m5"), mix(build()))
    found = cxxrtl_engine(other).stream(case.inputs, case.outputs.shape[1], room=room)
    assert found.outputs.shape == case.outputs.shape
    assert (found.outputs != case.outputs).any()


# In bulk.


def bulk(element, tiles, rounding="nearest_even", chunk=5000):
    """Random 8x8 tiles through compiled simulation: (tiles compared, beats wrong)."""
    options = {"element": element, "rounding": rounding, "storage": "memory", "stages": "output"}
    one = variant("requantizer", **options)
    engine, random = (
        cxxrtl_engine(one, optimise=2 if tiles > 500_000 else 1),
        np.random.default_rng(17),
    )
    done = wrong = 0
    while done < tiles:
        count = min(chunk, tiles - done)
        words = random_tiles(random, count, 8, one.component.source)
        case = requantizer_stimulus(one.component, Tiles.mixed(words, random))["o"]
        room, size = case.outputs.shape  # a tile ended early has more rows out than in
        seen = engine.stream(case.inputs, size, valid=0.9, ready=0.9, seed=done + 1, room=room + 1)
        assert not seen.violation
        assert seen.outputs.shape == case.outputs.shape
        wrong += int((seen.outputs != case.outputs).any(axis=1).sum())
        done += count
    return done, wrong


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize(
    ("element", "rounding"),
    [
        *((element, "nearest_even") for element in NAMED),
        *((element, "stochastic") for element in ("mxsf", "e4m3", "int8")),
    ],
)
def test_many_tiles(element, rounding):
    tiles = 10_000 if element == "mxsf" else 1000
    assert bulk(element, tiles, rounding) == (tiles, 0)


@pytest.mark.campaign
@needs_gcc
@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("element", NAMED)
def test_a_million_tiles(element, rounding):
    tiles = 1_000_000 if element == "mxsf" else 100_000
    done, wrong = bulk(element, tiles, rounding)
    print(f"{element} {rounding}: {done} tiles compared, {wrong} beats wrong")
    assert (done, wrong) == (tiles, 0)


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("value", [1.03, 0.0231, 2.0**-13])
def test_hardware_rounds_without_bias(value):
    """2^20 draws of the hardware's own: the mean is the value within 4 standard errors."""
    one = variant("requantizer", rounding="stochastic", storage="memory")
    part, count = one.component, (1 << 20) // 64
    tiles = np.full((count, 8, 8), np.float32(value))
    tiles[:, :, 0] = MXSF.largest
    case = requantizer_stimulus(part, Tiles.full(part.source.words(tiles), np.full(count, False)))
    seen = cxxrtl_engine(one, optimise=2).stream(case["o"].inputs, case["o"].outputs.shape[1])
    np.testing.assert_array_equal(seen.outputs, case["o"].outputs)
    found = MXSF.decode(unpack(part.o.payload.shape(), seen.outputs)["codes"][:, 1:])
    error = found.std() / np.sqrt(found.size)
    assert abs(found.mean() - np.float64(np.float32(value))) < 4 * error


# As exported.


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize(
    "options",
    [
        *({"element": name} for name in NAMED),
        {"storage": "memory", "stages": POINTS, "fabric": "fpga"},
        {"rounding": "stochastic", "storage": "memory"},
        {"rounding": "stochastic", "element": "int8", "fabric": "fpga", "both": "yes"},
        {"both": "yes", "rule": "rceil", "source": "bf16", "stages": 0},
        {"tile": 16, "storage": "memory", "element": "e5m2", "overflow": "ovf", "rule": "even"},
    ],
    ids=str,
)
def test_exported_verilog_under_icarus(options):
    one = variant("requantizer", **options)
    vectors = stream_vectors(requantizer_stimulus(one.component, mix(one, 200)))
    result = run_verilog(verilog(one), one.top, vectors, STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    one = build()
    case = requantizer_stimulus(one.component, mix(one))["o"]
    text = verilog(one)
    broken = text.replace("8'hff", "8'hfe")
    assert broken != text
    assert run_verilog(broken, one.top, case, STALLS).count > 0


def test_stimulus_is_the_golden_answer():
    one = build()
    part, random = one.component, np.random.default_rng(2)
    words = random_tiles(random, 20, 4, part.source)
    case = requantizer_stimulus(part, Tiles.full(words))["o"]
    found = unpack(part.o.payload.shape(), case.outputs)
    golden = quantize(part.source.values(words), MXSF, (4, 4))
    codes = golden.codes.copy()
    codes[1::2] = codes[1::2].swapaxes(1, 2)
    np.testing.assert_array_equal(found["codes"].reshape(-1, 4, 4), codes)
    np.testing.assert_array_equal(found["scale"].reshape(-1, 4)[:, 0], golden.scales[:, 0, 0])


def test_a_short_tile_leaves_whole():
    """Missing rows are zeros: rows of them when straight, the tails of columns when transposed."""
    one = build()
    part = one.component
    words = part.source.words(np.full((2, 4, 4), -1.0, np.float32))
    turned, marked = np.array([False, True]), np.array([True, True])
    tiles = Tiles(words, np.array([3, 3]), turned, marked, np.full((2, 4), False))
    case = requantizer_stimulus(part, tiles)["o"]
    found = unpack(part.o.payload.shape(), case.outputs)["codes"].reshape(2, 4, 4)
    assert len(case.inputs) == 6
    assert (found[0] != 0).tolist() == [[True] * 4] * 3 + [[False] * 4]
    np.testing.assert_array_equal(found[1], found[0].T)
    result = run_stream(make_engine(one, "amaranth"), case, STALLS)
    assert result.passed, result.mismatches
