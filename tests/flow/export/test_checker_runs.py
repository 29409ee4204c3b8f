"""Checkers in the testbenches that ship, and bound: silent on every design, loud on faults."""

import subprocess

import numpy as np
import pytest
from designs import STREAMING, exported, needs_icarus, needs_verilator
from faulty import FAULTS, faulty
from mxsf.flow.export.extras import write_extras
from mxsf.flow.export.vectors import write_vectors
from mxsf.sim.result import Stalls
from mxsf.sim.simulator.verilog import VERILATOR
from mxsf.sim.simulator.yosys import NATIVE, PINNED

STALLS = Stalls(0.7, 0.6, 3)
BLOCKS = ("encoder", {"element": "e2m1", "block": 4, "lanes": 2, "stages": 1})
MORE = [
    ("encoder", {"block": 8, "lanes": 1, "storage": "registers"}),
    ("encoder", {"block": 4, "stages": "keys_skid,skid,output"}),
    ("product_sum", {"block": 4, "lanes": 2}),
    ("dot", {"block": 4, "lanes": 1, "element": "e2m1,int8"}),
    ("dot", {"block": 4, "lanes": 2, "outputs": 3}),
    ("dot", {"block": 4, "outputs": 1, "stages": 0}),
    ("requantizer", {"tile": 4, "stages": 0, "reset": "async", "polarity": "low"}),
    ("encoder", {"block": 4, "lanes": 2, "interface": "axi", "reset": "async", "tkeep": "no"}),
]
CASES = [
    (name, options | {"interface": interface})
    for name, options in [*STREAMING, *MORE]
    for interface in (("stream", "flat", "axi") if "interface" not in options else ("axi",))
    if interface != "axi" or options.get("polarity") is None
]


def in_tiers(cases, quick):
    """Parameters of a test: all but the quick ones in the long tier."""
    return [
        pytest.param(*case, marks=() if case in quick else pytest.mark.long, id=str(case))
        for case in cases
    ]


def written(folder, case, stalls=STALLS, fault=False):
    """Write a design with testbench, checker and bind file: its name."""
    name, options = case
    design, text = exported(name, **options)
    if fault:
        few = np.random.default_rng(0).standard_normal((16, 8))
        write_vectors(design, folder, few, Stalls(0.3, 0.9, 3))
    else:
        write_vectors(design, folder, None, stalls)
    write_extras(design, folder)
    if fault:
        (folder / f"{design.top}.v").write_text(faulty(design, text))
    return design.top


def icarus(folder, top):
    """Compile with the checker, without a warning; what runs it: (exit status, what it printed)."""
    files = [f"{top}_tb.v", f"{top}.v", f"{top}_checker.sv"]
    options = ["-g2012", "-Wall", "-DCHECKER", "-DSIMULATED", "-o", "tb"]
    command = ["iverilog", *options, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert not done.stderr

    def run(*plusargs):
        command = ["vvp", "-n", "tb", *plusargs]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout

    return run


def verilated(folder, top, *options):
    """The same under Verilator, with more options and files."""
    command = VERILATOR.commands[0]
    command = [*command[: command.index("--top-module") + 1], f"{top}_tb", "-o", "tb"]
    command += ["-DSIMULATED", *options, f"{top}_tb.v", f"{top}.v", f"{top}_checker.sv"]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)

    def run(*plusargs):
        command = ["./obj_dir/tb", *plusargs]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


@needs_icarus
@pytest.mark.parametrize(("name", "options"), in_tiers(CASES, CASES[3:4] + CASES[6:8]))
def test_no_design_breaks_a_rule(name, options, tmp_path):
    status, printed = icarus(tmp_path, written(tmp_path, (name, options)))()
    assert (status, printed.splitlines()[-1]) == (0, "PASS")
    assert "ERROR" not in printed  # nor an assertion


@pytest.mark.long
@needs_icarus
@pytest.mark.parametrize("stalls", [Stalls(), Stalls(0.3, 1, 1), Stalls(1, 0.5, 2)], ids=str)
@pytest.mark.parametrize(
    ("name", "options"), [BLOCKS, *MORE[:4], ("requantizer", {"tile": 4, "both": True})], ids=str
)
def test_no_pattern_of_stalls_breaks_a_rule(name, options, stalls, tmp_path):
    """Least of all that what is due is there."""
    status, printed = icarus(tmp_path, written(tmp_path, (name, options), stalls))()
    assert (status, printed.splitlines()[-1]) == (0, "PASS")


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """A design with faults to choose from in its testbench with its checker, under Icarus."""
    folder = tmp_path_factory.mktemp("faults")
    return icarus(folder, written(folder, BLOCKS, fault=True))


@needs_icarus
@pytest.mark.parametrize("rule", FAULTS)
def test_the_testbench_names_what_is_broken(rule, faults):
    status, printed = faults(f"+fault={list(FAULTS).index(rule)}")
    assert (status == 0) == (rule == "none")
    named = {r for line in printed.splitlines() for r in line.partition("broken rules:")[2].split()}
    assert f"o_{rule}" in named or rule == "none"
    assert bool(named) == ("ERROR" in printed)


@pytest.mark.long
@needs_verilator
def test_the_testbench_names_what_is_broken_under_verilator(tmp_path):
    run = verilated(tmp_path, written(tmp_path, BLOCKS, fault=True), "-DCHECKER")
    for number, rule in enumerate(FAULTS):
        if rule.endswith("_known"):  # Verilator has no X
            continue
        status, printed = run(f"+fault={number}")
        assert (status == 0) == (rule == "none")
        assert f"o_{rule}" in printed or rule == "none"


@pytest.mark.long
@needs_verilator
def test_bound_properties_catch_faults(tmp_path):
    """In a testbench that knows of no checker; they, or the checker with them, end the run."""
    top = written(tmp_path, BLOCKS, fault=True)
    run = verilated(tmp_path, top, "--assert", f"{top}_bind.sv")
    for number, rule in enumerate(FAULTS):
        if rule.endswith("_known"):
            continue
        status, printed = run(f"+fault={number}")
        assert (status == 0) == (rule == "none")
        assert ("PASS" if rule == "none" else f"{top}_bind.") in printed


@pytest.mark.long
@needs_verilator
@pytest.mark.parametrize(
    ("name", "options"), [case for case in CASES if case[1]["interface"] != "flat"], ids=str
)
def test_verilator_has_nothing_to_say(name, options, tmp_path):
    """Of the checker and of the properties bound into the design."""
    design, text = exported(name, **options)
    write_extras(design, tmp_path)
    (tmp_path / f"{design.top}.v").write_text(text)
    top, files = f"{design.top}_checker", [f"{design.top}.vlt", f"{design.top}_checker.sv"]
    if design.clocked:
        top, files = design.top, [*files, f"{design.top}.v", f"{design.top}_bind.sv"]
    command = ["verilator", "--lint-only", "-Wall", "--assert", "--top-module", top]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("name", "options"), in_tiers([BLOCKS, *STREAMING, *MORE], [BLOCKS, STREAMING[-1]])
)
def test_yosys_reads_it(name, options, tmp_path):
    """By its own reader and by slang, to the same registers without a loop."""
    design, _ = exported(name, **options)
    write_extras(design, tmp_path)
    file = f"{design.top}_checker.sv"
    reads = [f"read_verilog -sv {file}"]
    reads += [f"read_slang {file} --top {design.top}_checker"] * (PINNED is NATIVE)
    for read in reads:
        script = f"{read}\nhierarchy -check -top {design.top}_checker\nproc\ncheck -assert"
        PINNED.run(script, {file: (tmp_path / file).read_text()})
