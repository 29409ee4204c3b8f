"""``mxsf generate``: the Verilog of a design, and what goes beside it."""

from pathlib import Path
from typing import Any

import click

from ..export.extras import write_extras
from ..export.fusesoc import write_core
from ..export.verilog import generate as write_design
from .chosen import Chosen
from .design_command import design_command
from .options import fusesoc_option, name_option, output_option, prefix_option, shell_options
from .outputs import note_long_name
from .progress import progress
from .values import Quantity

__all__ = ["generate"]


def _extras_options(command: Any) -> Any:
    """Add the options of what goes beside the Verilog."""
    command = fusesoc_option(command)
    command = click.option(
        "--period",
        type=Quantity(0.001, 1_000_000, "ns"),
        help="Of the clock in SDC and XDC [default: 10 ns].",
    )(command)
    return click.option(
        "--extras", is_flag=True, help="Also an instance, a package, checkers, SDC, XDC, waivers."
    )(command)


@design_command(config=True)
@output_option
@prefix_option
@name_option
@_extras_options
@shell_options
def generate(
    chosen: Chosen, output: Path, extras: bool, period: float | None, fusesoc: bool
) -> None:
    """Write the Verilog of a design and its JSON manifest."""
    if period is not None and not extras:
        raise ValueError(f"--period {period:g} has no effect without --extras")
    paths: list[Path] = []
    with progress(f"building {chosen.name}") as step:
        designs = chosen.all()
        for number, design in enumerate(designs):
            note_long_name(design)
            step(f"converting {design.top}", number, len(designs) if len(designs) > 1 else 0)
            paths += write_design(design, output)
            if extras:
                paths += write_extras(design, output, 10 if period is None else period)
            if fusesoc:
                paths += write_core(design, output)
    for path in dict.fromkeys(paths):
        print(path)
