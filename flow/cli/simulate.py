"""``mxsf simulate``: a design against the golden model."""

import sys
from pathlib import Path

import click

from ...sim.simulator.waveform import check_waveform
from ..simulate import (
    SIMULATORS,
    VERILOG_SIMULATORS,
    default_simulator,
    make_simulator,
    simulate_verilog,
)
from .chosen import Chosen
from .design_command import design_command
from .inputs import FILE, load_array
from .options import input_option, read_stalls, shell_options, stall_options
from .progress import progress

__all__ = ["simulate"]


@design_command()
@input_option
@click.option(
    "--simulator",
    type=click.Choice((*SIMULATORS, *VERILOG_SIMULATORS), case_sensitive=False),
    help="Simulator [default: the fastest here]; icarus and verilator run what vectors writes.",
)
@click.option("--vcd", type=FILE, help="Waveform file of amaranth or cxxrtl, with a .gtkw layout.")
@shell_options
@stall_options
def simulate(
    chosen: Chosen,
    tensor: Path | None,
    simulator: str | None,
    vcd: Path | None,
    seed: int | None,
    valid: float | None,
    ready: float | None,
) -> None:
    """Run a design and compare what it answers with the golden model."""
    values = None if tensor is None else load_array(tensor)
    if vcd is not None:
        if simulator in VERILOG_SIMULATORS:
            raise ValueError(f"--vcd {vcd} has no effect with --simulator {simulator}")
        check_waveform(vcd)
    with progress(f"building {chosen.name}") as step:
        design = chosen.one()
        stalls = read_stalls(design, valid, ready, seed)
        name = simulator or default_simulator()
        step(f"making {design.top} ready for {name}")
        if name in VERILOG_SIMULATORS:
            result = simulate_verilog(design, name, values, stalls)
        else:
            running = make_simulator(design, name, vcd)
            step(f"stimulus and golden answers of {design.top}")

            def count(done: int, total: int) -> None:
                step(f"simulating {design.top}: {done} {f'of {total} ' if total else ''}beats")

            result = design.bench(running, values, stalls, count)
    print(
        f"{design.top} on {result.simulator}: {result.blocks} blocks, {result.cycles} cycles, "
        f"{result.count} mismatches"
    )
    for line in result.mismatches:
        print(f"  {line}")
    if not result.passed:
        sys.exit(1)
