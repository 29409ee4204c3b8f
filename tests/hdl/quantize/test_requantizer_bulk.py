"""The tile re-quantizer: in bulk, as exported, and with bugs that these must catch."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from designs import NAMED, needs_gcc, needs_icarus, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import cxxrtl_simulator
from mxsf.golden import MXSF
from mxsf.hdl.quantize.requantizer import POINTS
from mxsf.sim.bench.requantizer import (
    Tiles,
    random_tiles,
    requantizer_stimulus,
)
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.payload import unpack
from mxsf.sim.stimulus.vectors import stream_vectors
from requantizing import ROUNDINGS, STALLS, build, mix


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


def joined(design, tiles):
    """Return the design with one output, and its stimulus."""
    if not design.component.both:
        return design, requantizer_stimulus(design.component, tiles)["o"]
    stimuli = requantizer_stimulus(design.component, tiles)
    bits = [
        np.unpackbits(s.outputs, axis=1, bitorder="little")[:, : s.widths[1]]
        for s in (stimuli["o"], stimuli["t"])
    ]
    outputs = np.packbits(np.concatenate(bits, axis=1), axis=1, bitorder="little")
    width = sum(stimulus.widths[1] for stimulus in stimuli.values())
    case = replace(stimuli["o"], outputs=outputs, widths=(stimuli["o"].widths[0], width))
    return replace(design, component=Joined(design.component)), case


@needs_gcc
@pytest.mark.parametrize("both", tiers(["yes"], ["no"]))
def test_compiled_run_catches_a_wrong_constant(both):
    design, case = joined(build(both=both), mix(build(both=both)))
    room = len(case.outputs) + 1  # a tile ended early has more rows out than in
    stalls = {"valid": 0.7, "ready": 0.7, "room": room}
    seen = cxxrtl_simulator(design).stream(case.inputs, case.outputs.shape[1], **stalls)
    assert not seen.violation
    np.testing.assert_array_equal(seen.outputs, case.outputs)
    other, _ = joined(build(both=both, element="e2m5"), mix(build()))
    replayed = cxxrtl_simulator(other).stream(case.inputs, case.outputs.shape[1], room=room)
    assert replayed.outputs.shape == case.outputs.shape
    assert (replayed.outputs != case.outputs).any()


def bulk(element, tiles, rounding="nearest_even", chunk=5000):
    """Random 8x8 tiles through compiled simulation: (tiles compared, beats wrong)."""
    options = {"element": element, "rounding": rounding, "storage": "memory", "stages": "output"}
    design = variant("requantizer", **options)
    simulator, random = (
        cxxrtl_simulator(design, optimise=2 if tiles > 500_000 else 1),
        np.random.default_rng(17),
    )
    done = wrong = 0
    while done < tiles:
        count = min(chunk, tiles - done)
        words = random_tiles(random, count, 8, design.component.source)
        case = requantizer_stimulus(design.component, Tiles.mixed(words, random))["o"]
        room, size = case.outputs.shape  # a tile ended early has more rows out than in
        seen = simulator.stream(
            case.inputs, size, valid=0.9, ready=0.9, seed=done + 1, room=room + 1
        )
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
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("element", NAMED)
def test_a_million_tiles(element, rounding):
    tiles = 1_000_000 if element == "mxsf" else 100_000
    done, wrong = bulk(element, tiles, rounding)
    print(f"{element} {rounding}: {done} tiles compared, {wrong} beats wrong")
    assert (done, wrong) == (tiles, 0)


@pytest.mark.long
@needs_gcc
def test_hardware_rounds_without_bias():
    """2^20 draws of the hardware's own: the mean is the value within 4 standard errors."""
    design = variant("requantizer", rounding="stochastic", storage="memory")
    part, simulator, count = design.component, cxxrtl_simulator(design), (1 << 20) // 64
    for value in (1.03, 0.0231, 2.0**-13):
        tiles = np.full((count, 8, 8), np.float32(value))
        tiles[:, :, 0] = MXSF.largest
        words = part.source.words(tiles)
        case = requantizer_stimulus(part, Tiles.full(words, np.full(count, False)))["o"]
        seen = simulator.stream(case.inputs, case.outputs.shape[1])
        np.testing.assert_array_equal(seen.outputs, case.outputs)
        values = MXSF.decode(unpack(part.o.payload.shape(), seen.outputs)["codes"][:, 1:])
        error = values.std() / np.sqrt(values.size)
        assert abs(values.mean() - np.float64(np.float32(value))) < 4 * error, value


# As exported.


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize(
    "options",
    [
        *({"element": name} for name in NAMED),
        {"storage": "memory", "stages": POINTS.path, "fabric": "fpga"},
        {"rounding": "stochastic", "storage": "memory"},
        {"rounding": "stochastic", "element": "int8", "fabric": "fpga", "both": "yes"},
        {"both": "yes", "rule": "rceil", "source": "bf16", "stages": 0},
        {"tile": 16, "storage": "memory", "element": "e5m2", "overflow": "ovf", "rule": "even"},
    ],
    ids=str,
)
def test_exported_verilog_under_icarus(options):
    design = variant("requantizer", **options)
    vectors = stream_vectors(requantizer_stimulus(design.component, mix(design, 200)))
    result = run_verilog(verilog(design), design.top, vectors, STALLS)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug():
    design = build()
    case = requantizer_stimulus(design.component, mix(design))["o"]
    text = verilog(design)
    broken = text.replace("8'hff", "8'hfe")
    assert broken != text
    assert run_verilog(broken, design.top, case, STALLS).count > 0
