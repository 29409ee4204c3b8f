"""AXI: ports keep the rules of the bus, and carry the golden answers."""

from dataclasses import replace
from functools import cache

import pytest
from designs import STREAMING, needs_gcc, needs_icarus
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import cxxrtl_simulator
from mxsf.hdl.interface.axi_stream import axi_streams
from mxsf.sim.interface.axi import run_axi
from mxsf.sim.result import Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.vectors import Column
from planted import Planted, on

STALLS = Stalls(0.7, 0.6, 3)
CASES = [
    *((name, options) for name, options in STREAMING if name != "matmul"),
    ("encoder", {"block": 4, "element": "e2m1", "tkeep": "no"}),
    ("dot", {"block": 8, "lanes": 4, "stages": 3}),
    ("dot", {"block": 8, "lanes": 4, "outputs": 3}),
]
SLOW = ("product_sum", "dot", "baseline")  # g++ takes long
RULES = [
    pytest.param(name, options, marks=[pytest.mark.long] if name in SLOW else [])
    for name, options in CASES
]


def short(vectors, beats):
    """Only the first beats of a design with a beat out for each beat in."""

    def cut(columns):
        return {n: Column(c.bits, c.values[:beats]) for n, c in columns.items()}

    return replace(vectors, inputs=cut(vectors.inputs), outputs=cut(vectors.outputs))


def small():
    """A small encoder with AXI ports and vectors for it, the last block whole."""
    design = variant("encoder", block=4, stages=2, interface="axi")
    return design, short(design.vectors(), 60)


@cache
def compiled():
    """The same, and a simulator of it."""
    design, vectors = small()
    return design, vectors, cxxrtl_simulator(design)


@needs_gcc
@pytest.mark.parametrize(("name", "options"), RULES, ids=str)
def test_the_rules_hold(name, options):
    design = variant(name, interface="axi", **options)
    result = run_axi(
        cxxrtl_simulator(design),
        design.outside,
        design.vectors(),
        STALLS,
        reset_after=25,
    )
    assert result.passed, result.mismatches


@needs_icarus
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_vectors_run_on_the_bus(name, options):
    design = variant(name, interface="axi", **options)
    text, vectors = verilog(design), design.vectors()
    result = run_verilog(
        text, design.top, vectors, STALLS, clocking=design.clock, links=design.links
    )
    assert result.passed, result.mismatches


PLANTED = {
    "m_axis_tvalid fell": on("m_axis_tvalid", lambda v, pins: v & (pins.ticks % 3 != 0)),
    "m_axis_tdata changed": on("m_axis_tdata", lambda v, pins: v ^ (pins.ticks % 2)),
    "m_axis_tvalid depends": on("m_axis_tvalid", lambda v, p: v & p.driven["m_axis_tready"]),
    "s_axis_tready depends": on("s_axis_tready", lambda v, p: v & p.driven["m_axis_tready"]),
    "high in reset": on("m_axis_tvalid", lambda v, p: v | (not p.driven["aresetn"])),
    "high before an edge": on("m_axis_tvalid", lambda v, p: v | (p.ticks == 3)),
    "m_axis_tuser of beat": on("m_axis_tuser", lambda v, pins: v ^ 1),
    "m_axis_tlast of beat": on("m_axis_tlast", lambda v, pins: 0),
}


@needs_gcc
@pytest.mark.parametrize("problem", PLANTED)
def test_a_broken_rule_is_caught(problem):
    design, vectors, simulator = compiled()
    assert run_axi(simulator, design.outside, vectors, STALLS).passed
    result = run_axi(Planted(simulator, PLANTED[problem]), design.outside, vectors, STALLS)
    assert any(problem in line for line in result.mismatches), result.mismatches


@needs_gcc
def test_a_shell_without_skid_buffers_is_caught(monkeypatch):
    monkeypatch.setattr("mxsf.hdl.interface.axi.skid", lambda m, source, name: source)
    design, vectors = small()
    result = run_axi(cxxrtl_simulator(design), design.outside, vectors, STALLS)
    assert any("s_axis_tready depends" in line for line in result.mismatches)


@needs_gcc
@pytest.mark.parametrize("element", [pytest.param("mxsf", marks=pytest.mark.long), "e2m3"])
def test_bytes_that_are_not_kept_count_as_zero(element):
    """A dot product of a pair whose codes have 8 and 6 bits: one code shares bytes with two."""
    design = variant("dot", block=4, element=f"{element},mxsf", stages=1, interface="axi")
    (axis, _) = design.outside.streams
    vectors = design.vectors()
    codes = next(p for p in axis.fields if p.field.name == "a.codes")
    width = codes.field.width
    touched = [k for k in range(4) if k * width // 8 <= 1 <= (k * width + width - 1) // 8]
    assert touched == ([1] if width == 8 else [1, 2])
    keep = axis.offsets["tkeep"]
    cleared = sum((1 << width) - 1 << codes.offset + k * width for k in touched)

    simulator = cxxrtl_simulator(design)

    def answers(change):
        beats = [change(value) for value in vectors.inputs["i"].values[:40]]
        changed = replace(vectors, inputs={"i": Column(axis.bits, beats)})
        golden = replace(changed, outputs={"o": Column(changed.outputs["o"].bits, [0] * 40)})
        result = run_axi(simulator, design.outside, golden)
        seen = [line.split(", must")[0].split(": ")[1] for line in result.mismatches]
        return seen, result.count

    partial = answers(lambda v: v & ~(1 << keep + 1))
    assert partial == answers(lambda v: v & ~cleared)
    assert partial != answers(lambda v: v)


def test_the_map_of_a_dot_product():
    design = variant("dot", block=8, lanes=4, outputs=3, interface="axi", element="e2m3,mxsf")
    source, sink = axi_streams(design.component)
    assert (source.name, sink.name) == ("s_axis", "m_axis")
    assert [(p.field.name, p.signal, p.offset) for p in source.fields] == [
        ("a.codes", "tdata", 0),
        ("a.scale", "tuser", 0),
        ("b.codes", "tdata", 24),
        ("b.scale", "tuser", 8),
        ("acc", "tuser", 16),
        ("output", "tuser", 48),
        ("first", "tuser", 56),
        ("last", "tlast", 0),
    ]
    assert source.widths == {"tdata": 56, "tkeep": 7, "tlast": 1, "tuser": 64}
    source_without, _ = axi_streams(design.component, keep=False)
    assert source_without.widths == {"tdata": 56, "tlast": 1, "tuser": 64}
    assert sink.widths == {"tdata": 32, "tlast": 1, "tuser": 8}
    assert variant("dot", block=8, interface="axi", stages=0).latency == 1


def test_bad_axi():
    with pytest.raises(ValueError, match="decoder has no streams"):
        verilog(variant("decoder", interface="axi"))
    with pytest.raises(ValueError, match="no reset polarity 'high': use low"):
        variant("encoder", interface="axi", polarity="high")
