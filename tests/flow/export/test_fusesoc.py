"""FuseSoC takes the core files: it lints and simulates what they name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from designs import ACCELERATOR, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.fusesoc import write_core
from mxsf.flow.export.vectors import write_vectors
from mxsf.sim.result import Stalls

PROGRAMS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
needs_fusesoc = pytest.mark.skipif(
    shutil.which("fusesoc", path=PROGRAMS) is None, reason="needs fusesoc"
)
DESIGNS = [
    ("decoder", {}),
    ("encoder", {"block": 4}),
    ("encoder", {"block": 4, "interface": "axi", "tkeep": "no", "prefix": "acme_"}),
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "interface": "axi"}),
    ACCELERATOR,
]


def fusesoc(folder, target, top):
    """Run a target of a core in a folder: (exit code, what it said)."""
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    done = subprocess.run(
        ["fusesoc", "--cores-root", ".", "run", f"--target={target}", f"mxsf:generated:{top}"],
        cwd=folder,
        env={**os.environ, **home, "PATH": PROGRAMS},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def write(folder, name, options):
    """Write a design with its testbench and core file; the name of its top module."""
    design = variant(name, **options)
    paths = write_vectors(design, folder, None, Stalls(0.7, 0.6, 3))
    write_core(design, folder, [path.name for path in paths if path.suffix == ".hex"])
    return design.top


@pytest.mark.long
@needs_fusesoc
@needs_icarus
@needs_verilator
@pytest.mark.parametrize(("name", "options"), DESIGNS, ids=str)
def test_targets(name, options, tmp_path):
    top = write(tmp_path, name, options)
    code, said = fusesoc(tmp_path, "lint", top)
    assert code == 0, said
    code, said = fusesoc(tmp_path, "sim", top)
    assert code == 0, said
    assert "\nPASS\n" in said


@pytest.mark.long
@needs_fusesoc
@needs_icarus
@needs_verilator
def test_what_is_wrong_is_caught(tmp_path):
    top = write(tmp_path, "decoder", {})
    answers = tmp_path / f"{top}_significand.hex"
    answers.write_text(answers.read_text().replace("1", "2", 1))
    code, said = fusesoc(tmp_path, "sim", top)
    assert code != 0
    assert "\nFAIL\n" in said
    design = tmp_path / f"{top}.v"
    head, body = design.read_text().split(");", 1)
    design.write_text(f"{head});\nwire lost, kept; assign kept = lost;\n{body}")
    code, said = fusesoc(tmp_path, "lint", top)
    assert code != 0
    assert "UNDRIVEN" in said


@needs_fusesoc
def test_without_vectors_there_is_no_simulation(tmp_path):
    design = variant("decoder")
    core, waivers = write_core(design, tmp_path)
    assert (core.name, waivers.name) == (f"{design.top}.core", f"{design.top}.vlt")
    assert "  lint:" in core.read_text()
    assert "  sim:" not in core.read_text()
