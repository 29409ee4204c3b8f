"""The exported Verilog under Icarus Verilog or Verilator: simulators that did not make it.

They run the testbench of ``mxsf.sim.simulator.testbench``.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from ...golden.leftovers import scratch_folder
from ...hdl.interface.link import Link
from ...hdl.interface.shell import PLAIN, Clocking
from ..result import NO_STALLS, Result, Stalls
from ..stimulus.program_vectors import ProgramVectors
from ..stimulus.stimulus import Stimulus
from ..stimulus.vectors import Vectors, stream_vectors
from .process import run_child
from .testbench import testbench

__all__ = ["ICARUS", "VERILATOR", "VERILATOR_FLAGS", "VerilogSimulator", "run_verilog"]


@dataclass(frozen=True)
class VerilogSimulator:
    """A simulator of Verilog files.

    Args:
        name: its name.
        package: Debian package that brings it.
        programs: programs that it needs.
        commands: what compiles and runs ``bench.v`` and ``design.v`` in the current folder.
    """

    name: str
    package: str
    programs: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]

    def available(self) -> bool:
        """Whether it is installed."""
        return all(shutil.which(program) for program in self.programs)


ICARUS = VerilogSimulator(
    "icarus",
    "iverilog",
    ("iverilog", "vvp"),
    (
        ("iverilog", "-g2005", "-Wall", "-o", "bench.vvp", "bench.v", "design.v"),
        ("vvp", "-n", "bench.vvp"),
    ),
)
"""Interpreted, four-valued: sees what is not initialised."""

VERILATOR_FLAGS = (
    *("-Wno-fatal", "-Wno-lint", "-Wno-style"),
    # Verilator 5.006 would write a combinational sum as one expression of 200 MB.
    "-fno-dfg",
)
"""What every run of Verilator is told."""

VERILATOR = VerilogSimulator(
    "verilator",
    "verilator",
    ("verilator", "g++", "make"),
    (
        (
            *("verilator", "--binary", "--timing", *VERILATOR_FLAGS),
            *("-MAKEFLAGS", "OPT_FAST=-O0"),  # the C++ takes longer to compile than to run
            *("--top-module", "bench", "-o", "bench", "bench.v", "design.v"),
        ),
        ("./obj_dir/bench",),
    ),
)
"""Compiled: for large designs."""


def run_verilog(
    verilog: str,
    top: str,
    vectors: Vectors | ProgramVectors | Stimulus,
    stalls: Stalls = NO_STALLS,
    *,
    clocking: Clocking | None = PLAIN,
    links: Mapping[str, Link] | None = None,
    simulator: VerilogSimulator = ICARUS,
) -> Result:
    """Run a design's Verilog in its testbench, every beat or row compared.

    Args:
        verilog: text of the design.
        top: name of its top module.
        vectors: what goes in and what must come out.
        stalls: how to stall.
        clocking: its clock and reset, None where it is combinational.
        links: its ports, for a design in a shell; by default those that the vectors name.
        simulator: the simulator.

    Raises:
        RuntimeError: the simulator is not installed or does not accept the Verilog.
    """
    if isinstance(vectors, Stimulus):
        vectors = stream_vectors({"o": vectors})
    if not simulator.available():
        raise RuntimeError(
            f"{simulator.name} is not installed (Debian: apt-get install {simulator.package})"
        )
    bench = testbench(
        vectors,
        top,
        stalls,
        clocking=clocking,
        links=links,
        name="bench",
        stem="bench",
        checks=None,
    )
    files = {"design.v": verilog, "bench.v": bench, **vectors.files("bench")}
    result = Result(simulator.name, blocks=vectors.blocks)
    with scratch_folder() as folder:
        for file, text in files.items():
            (folder / file).write_text(text)
        *compile_commands, run_command = simulator.commands
        for command in compile_commands:
            done = run_child(command, folder)
            if done.returncode:
                raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
        run = run_child(run_command, folder)
    for line in run.stdout.splitlines():
        if line.startswith("MISMATCH "):
            result.mismatches.append(line.removeprefix("MISMATCH "))
        elif match := re.fullmatch(r"DONE (\d+) beats (\d+) cycles (\d+) wrong", line):
            result.beats, result.cycles, result.count = (int(number) for number in match.groups())
            if (run.returncode == 0) != result.passed:
                raise RuntimeError(f"{run_command[0]} ends with {run.returncode} after: {line}")
            return result
    said = (run.stdout + run.stderr).strip()[-300:]
    raise RuntimeError(f"the testbench did not finish: {said}")
