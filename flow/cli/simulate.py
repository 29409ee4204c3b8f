"""``mxsf simulate``: a design against the golden model."""

import sys
from pathlib import Path
from typing import Any

import click

from ...sim.result import Stalls
from ...sim.simulator.waveform import check_waveform
from ..simulate import SIMULATORS, default_simulator, make_simulator
from .design_command import design_command
from .inputs import FILE, load_array
from .options import input_option, read_variant, seed_option, shell_options, stall_options
from .progress import progress

__all__ = ["simulate"]


@design_command()
@input_option
@click.option(
    "--simulator",
    type=click.Choice(SIMULATORS, case_sensitive=False),
    help="Simulator [default: the fastest here].",
)
@click.option("--vcd", type=FILE, help="Waveform file to write, with a .gtkw layout.")
@seed_option
@shell_options
@stall_options
def simulate(
    name: str,
    tensor: Path | None,
    simulator: str | None,
    vcd: Path | None,
    seed: int,
    valid: float,
    ready: float,
    **options: Any,
) -> None:
    """Run a design against the golden model, every cycle compared."""
    design = read_variant(name, options)
    values = None if tensor is None else load_array(tensor)
    if vcd is not None:
        check_waveform(vcd)
    running = make_simulator(design, simulator or default_simulator(), vcd)
    with progress() as step:
        result = design.bench(
            running,
            values,
            Stalls(valid, ready, seed),
            lambda beats: step(f"{design.top}: {beats} beats", 0, 0),
        )
    print(
        f"{design.top} on {result.simulator}: {result.blocks} blocks, {result.cycles} cycles, "
        f"{result.count} mismatches"
    )
    for line in result.mismatches:
        print(f"  {line}")
    if not result.passed:
        sys.exit(1)
