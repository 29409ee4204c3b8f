"""Lint: other people's tools accept every design, with few waivers that are explained."""

import re
import subprocess

import pytest
from designs import SMALL, interfaces, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.extras import extras
from mxsf.flow.export.verilog import verilog
from mxsf.sim.simulator.yosys import PINNED, YosysError

DESIGNS = [
    *SMALL,
    ("encoder", {"block": 4, "element": "e5m2", "rule": "rceil", "fabric": "fpga"}),
    ("encoder", {"block": 4, "reset": "async", "polarity": "low"}),
    ("dot", {"block": 4}),
    ("dot", {"block": 8, "lanes": 2, "outputs": 3, "element": "mxsf,e4m3"}),
    ("dot", {"block": 4, "fabric": "dsp", "element": "e5m2", "result": "bf16"}),
    ("product_sum", {"block": 8, "lanes": 4, "fabric": "fpga"}),
    ("requantizer", {"tile": 4, "rounding": "stochastic", "storage": "memory"}),
    ("baseline", {"block": 4, "stages": 2}),
]
CASES = [
    pytest.param(name, {**options, "interface": interface}, id=f"{name}-{options}-{interface}")
    for name, options in DESIGNS
    for interface in interfaces(name)
]
WAIVED = {
    *("WIDTH", "UNUSEDSIGNAL", "DECLFILENAME", "UNOPTFLAT", "CASEOVERLAP", "SYMRSVDWORD"),
    "UNUSEDPARAM",  # in the package
    "SYNCASYNCNET",  # between the design and what is bound into it
}


def run(folder, *command):
    """What a program says in a folder: stdout and stderr."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def verilator(folder, design, text):
    """What Verilator finds in a design's Verilog, with its waivers."""
    (folder / f"{design.top}.v").write_text(text)
    waivers = f"{design.top}.vlt"
    (folder / waivers).write_text(extras(design)[waivers])
    return run(folder, "verilator", "--lint-only", "-Wall", waivers, f"{design.top}.v")


def check(top, text):
    """Fail where Yosys finds a loop, a wire without a driver, or one with two."""
    script = f"read_verilog design.v\nhierarchy -check -top {top}\nproc\nflatten\ncheck -assert"
    PINNED.run(script, {"design.v": text})


@pytest.mark.long
@needs_icarus
@needs_verilator
@pytest.mark.parametrize(("name", "options"), CASES)
def test_lint(name, options, tmp_path):
    design = variant(name, **options)
    text = verilog(design)
    assert verilator(tmp_path, design, text) == ""
    assert run(tmp_path, "iverilog", "-g2005", "-Wall", "-t", "null", f"{design.top}.v") == ""
    check(design.top, text)


def test_waivers_are_few_and_explained():
    design = variant("decoder")
    text = extras(design)[f"{design.top}.vlt"]
    assert set(re.findall(r"-rule (\w+)", text)) == WAIVED
    for paragraph in re.findall(r"((?:^//.*\n)*)^lint_off .*", text, re.M):
        assert len(paragraph) > 40
    assert all(design.top in line for line in text.splitlines() if line.startswith("lint_off"))


@pytest.mark.long
@needs_verilator
def test_every_waiver_is_needed(tmp_path):
    design = variant("matmul", tile=4, pes=2, depth=8)
    (tmp_path / "design.v").write_text(verilog(design))
    output = run(tmp_path, "verilator", "--lint-only", "-Wall", "design.v")
    assert set(re.findall(r"^%Warning-(\w+)", output, re.M)) == WAIVED - {
        "UNUSEDPARAM",
        "SYNCASYNCNET",
    }


@pytest.mark.long
@needs_verilator
def test_lint_catches(tmp_path):
    design = variant("encoder", block=4)
    right = verilog(design)
    check(design.top, right)
    head, body = right.split(");", 1)
    undriven = "wire lost, kept; assign kept = lost & o__ready;"
    latch = "reg kept; always @* if (i__valid) kept = o__ready;"
    loop = "wire round, around; assign round = ~around; assign around = round & i__valid;"
    for plant, warning in ((undriven, "UNDRIVEN"), (latch, "LATCH")):
        assert warning in verilator(tmp_path, design, f"{head});\n{plant}\n{body}")
    for plant in (undriven, loop):
        with pytest.raises(YosysError, match="problems in 'check -assert'"):
            check(design.top, f"{head});\n{plant}\n{body}")
