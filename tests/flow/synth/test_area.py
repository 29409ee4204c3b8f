"""Synthesis: figures by target, and a budget that no change may pass unnoticed.

``python tests/flow/synth/test_area.py`` writes the budget anew.
"""

import json
from pathlib import Path

import pytest
from cells import LIBRARY
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.synth.area import area, check_target
from mxsf.sim.simulator.yosys import Yosys, YosysError

BUDGET = Path(__file__).parents[2] / "area_budget.json"
GROWTH = 1.03
GUARDED = [
    *(("decoder", {"element": e}) for e in ("mxsf", "e4m3", "e5m2", "int8")),
    *(("encoder", {"element": e, "stages": 2}) for e in ("mxsf", "e2m5", "e4m3", "int8", "mx9")),
    ("encoder", {"lanes": 8, "stages": 2}),
    ("encoder", {"fabric": "fpga", "stages": 2}),
    ("encoder", {"source": "fp32", "rule": "rceil", "stages": 2}),
    *(
        ("product_sum", {"element": e, "block": 8})
        for e in ("mxsf", "e4m3", "e5m2", "int8", "mx9", "mx4")
    ),
    *(("product_sum", {"block": 8, "fabric": fabric}) for fabric in ("fpga", "dsp")),
    *(("accumulator", {"fabric": fabric, "stages": 0}) for fabric in ("asic", "fpga")),
    *(("baseline", {"method": method, "block": 4}) for method in ("tree", "window")),
    ("requantizer", {}),
    ("requantizer", {"fabric": "fpga", "storage": "memory"}),
]


def measure(name, options):
    """What the design's fabric is to save: gates, or LUTs, whose mapping scatters otherwise."""
    design = variant(name, **options)
    fabric = options.get("fabric", "asic")
    if fabric == "asic":
        return design.top, {"gates": area(design.netlist).gates}
    target = "ecp5-dsp" if fabric == "dsp" else "ecp5"
    return design.top, {"lut4": area(design.netlist, target).luts}


@pytest.mark.long
@pytest.mark.parametrize(("name", "options"), GUARDED, ids=str)
def test_budget(name, options):
    budget = json.loads(BUDGET.read_text())
    top, figures = measure(name, options)
    for kind, seen in figures.items():
        assert seen <= budget[top][kind] * GROWTH, (
            f"{top} grew: {kind} {budget[top][kind]} -> {seen}"
        )


@pytest.mark.long
@pytest.mark.parametrize("target", ["ice40", "ecp5-dsp", "xilinx"])
def test_fpga_targets(target):
    design = variant("encoder", block=2, stages=1)
    counted = area(design.netlist, target)
    assert counted.luts
    assert counted.flip_flops == 2 * 8 + 8 + 1  # codes, scale, valid


@pytest.mark.long
def test_liberty(tmp_path):
    library = tmp_path / "tiny.lib"
    library.write_text(LIBRARY)
    design = variant("encoder", block=2, stages=1)
    counted = area(design.netlist, f"liberty={library}")
    assert set(counted.cells) <= {"BUF", "INV", "NAND2", "DFF"}
    assert counted.flip_flops == 25
    total = 1.5 * counted.cells.get("BUF", 0)
    total += counted.cells["INV"] + 2 * counted.cells["NAND2"] + 8 * 25
    assert counted.square_microns == total
    assert counted.nand2 == total / 2


@pytest.mark.long
@pytest.mark.parametrize("name", ["pack", "unpack"])
def test_wires_have_no_area(name, tmp_path):
    library = tmp_path / "tiny.lib"
    library.write_text(LIBRARY)
    wires = variant(name, bits=7, lanes=8, stages=0)
    assert wires.netlist.only_wires
    for target in ("generic", "ecp5", f"liberty={library}"):
        assert area(wires.netlist, target).measure[1] == 0
    registered = variant(name, bits=7, lanes=8)
    assert not registered.netlist.only_wires
    counted = area(registered.netlist)
    assert (counted.gates, counted.flip_flops) == (1, 7 * 8 + 2 + 1)  # marks and valid


@pytest.mark.long
def test_no_area_is_an_error(tmp_path):
    library = tmp_path / "empty.lib"
    library.write_text("library(empty) { }\n")
    design = variant("decoder")
    with pytest.raises(YosysError):
        area(design.netlist, f"liberty={library}")


def test_bad_targets(tmp_path):
    with pytest.raises(ValueError, match="unknown target 'asic'"):
        check_target("asic")
    with pytest.raises(ValueError, match="no liberty file"):
        check_target(f"liberty={tmp_path}/no.lib")


def test_missing_package_says_what_to_install():
    missing = Yosys(("false",), "Nowhere Yosys", needs="no_such_package", hint="pip install it")
    with pytest.raises(YosysError, match="Nowhere Yosys is not installed: pip install it"):
        missing.run("", {})


if __name__ == "__main__":
    BUDGET.write_text(json.dumps(dict(measure(*case) for case in GUARDED), indent=2) + "\n")
