"""``mxsf generate``: the Verilog of a design, and what goes beside it."""

from pathlib import Path
from typing import Any

import click

from ..export.extras import write_extras
from ..export.fusesoc import write_core
from ..export.verilog import generate as write_design
from .design_command import design_command
from .options import fusesoc_option, output_option, prefix_option, read_variant, shell_options
from .values import Quantity

__all__ = ["generate"]


@design_command()
@output_option
@prefix_option
@click.option("--extras", is_flag=True, help="Also an instance, a package, SDC, XDC, waivers.")
@click.option(
    "--period",
    type=Quantity(0.001, 1_000_000, "ns"),
    help="Of the clock in SDC and XDC [default: 10 ns].",
)
@fusesoc_option
@shell_options
def generate(
    name: str,
    output: Path,
    prefix: str,
    extras: bool,
    period: float | None,
    fusesoc: bool,
    **options: Any,
) -> None:
    """Write the Verilog of a design and its JSON manifest."""
    if period is not None and not extras:
        raise ValueError(f"--period {period:g} has no effect without --extras")
    design = read_variant(name, options, prefix)
    paths = write_design(design, output)
    if extras:
        paths += write_extras(design, output, 10 if period is None else period)
    if fusesoc:
        paths += write_core(design, output)
    for path in dict.fromkeys(paths):
        print(path)
