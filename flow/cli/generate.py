"""``mxsf generate``: the Verilog of a design, and what goes beside it."""

from pathlib import Path
from typing import Any

import click

from ..export.extras import write_extras
from ..export.fusesoc import write_core
from ..export.verilog import generate as write_design
from .design_command import design_command
from .options import fusesoc_option, output_option, prefix_option, read_variant, shell_options

__all__ = ["generate"]


@design_command()
@output_option
@prefix_option
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
    name: str,
    output: Path,
    prefix: str,
    extras: bool,
    period: float,
    fusesoc: bool,
    **options: Any,
) -> None:
    """Write the Verilog of a design and its JSON manifest."""
    design = read_variant(name, options, prefix)
    paths = write_design(design, output)
    if extras:
        paths += write_extras(design, output, period)
    if fusesoc:
        paths += write_core(design, output)
    for path in dict.fromkeys(paths):
        print(path)
