"""Commands that write a design for other tools: ``mxsf generate`` and ``mxsf vectors``."""

from pathlib import Path
from typing import Any

import click

from ...sim.result import Stalls
from ..export.extras import write_extras
from ..export.fusesoc import write_core
from ..export.vectors import write_vectors
from ..export.verilog import generate as write_design
from .inputs import load_array
from .options import (
    EXISTING,
    FOLDER,
    design_options,
    fusesoc_option,
    read_variant,
    shell_options,
    stall_options,
)

__all__ = ["WRITERS"]


@click.command()
@click.argument("design")
@design_options()
@click.option("--output", type=FOLDER, default=Path("build"), help="Folder [default: build].")
@click.option("--prefix", default="", help="Text in front of every module name.")
@click.option("--extras", is_flag=True, help="Also an instance, a package, SDC, XDC, waivers.")
@click.option(
    "--period",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    help="Of the clock in SDC and XDC [default: 10 ns].",
)
@fusesoc_option
@shell_options
def generate(
    design: str,
    output: Path,
    prefix: str,
    extras: bool,
    period: float,
    fusesoc: bool,
    **options: Any,
) -> None:
    """Write the Verilog of DESIGN and its JSON manifest."""
    one = read_variant(design, options, prefix)
    paths = write_design(one, output)
    if extras:
        paths += write_extras(one, output, period)
    if fusesoc:
        paths += write_core(one, output)
    for path in dict.fromkeys(paths):
        print(path)


@click.command()
@click.argument("design")
@design_options()
@click.option("--input", "tensor", type=EXISTING, help="Float tensor (.npy) to run on.")
@click.option("--output", type=FOLDER, default=Path("build"), help="Folder [default: build].")
@click.option("--prefix", default="", help="Text in front of every module name.")
@click.option("--seed", type=int, default=0, help="Seed of words and stalls [default: 0].")
@fusesoc_option
@shell_options
@stall_options
def vectors(
    design: str,
    tensor: Path | None,
    output: Path,
    prefix: str,
    seed: int,
    valid: float,
    ready: float,
    fusesoc: bool,
    **options: Any,
) -> None:
    """Write the Verilog of DESIGN with a self-checking testbench and its hex files.

    Any Verilog simulator runs it in the folder: iverilog -o tb TOP_tb.v TOP.v && vvp tb
    """
    values = None if tensor is None else load_array(tensor)
    one = read_variant(design, options, prefix)
    paths = write_vectors(one, output, values, Stalls(valid, ready, seed))
    if fusesoc:
        paths += write_core(one, output, [p.name for p in paths if p.suffix == ".hex"])
    for path in paths:
        print(path)


WRITERS = (generate, vectors)
"""The commands."""
