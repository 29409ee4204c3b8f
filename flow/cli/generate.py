"""``mxsf generate``: the Verilog of a design, and what goes beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..catalogue.catalogue import Variant
from ..catalogue.configuration import from_config, from_manifest
from ..export.extras import write_extras
from ..export.fusesoc import write_core
from ..export.verilog import generate as write_design
from .design_command import design_command
from .inputs import EXISTING
from .options import (
    fusesoc_option,
    name_option,
    output_option,
    prefix_option,
    read_variant,
    shell_options,
)
from .outputs import note_long_name
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
        "--extras", is_flag=True, help="Also an instance, a package, SDC, XDC, waivers."
    )(command)


def _write(
    designs: Sequence[Variant], output: Path, extras: bool, period: float | None, fusesoc: bool
) -> None:
    if period is not None and not extras:
        raise ValueError(f"--period {period:g} has no effect without --extras")
    for design in designs:
        note_long_name(design)
        paths = write_design(design, output)
        if extras:
            paths += write_extras(design, output, 10 if period is None else period)
        if fusesoc:
            paths += write_core(design, output)
        for path in dict.fromkeys(paths):
            print(path)


@click.command("generate-from")
@click.option("--from", "manifest", type=EXISTING, help="A manifest: its design, byte for byte.")
@click.option("--config", type=EXISTING, help="A TOML file of designs, a table [NAME] for each.")
@output_option
@_extras_options
def _generate_from(
    manifest: Path | None,
    config: Path | None,
    output: Path,
    extras: bool,
    period: float | None,
    fusesoc: bool,
) -> None:
    """Write the Verilog and the JSON manifest of the designs that a file names."""
    if (manifest is None) == (config is None):
        raise ValueError("--from is for one design, --config for several: give one of them")
    designs = [] if manifest is None else [from_manifest(manifest)]
    designs += [] if config is None else from_config(config)
    _write(designs, output, extras, period, fusesoc)


@design_command(instead=_generate_from, when=("--from", "--config"))
@output_option
@prefix_option
@name_option
@_extras_options
@shell_options
def generate(
    name: str, output: Path, extras: bool, period: float | None, fusesoc: bool, **options: Any
) -> None:
    """Write the Verilog of a design and its JSON manifest."""
    _write([read_variant(name, options)], output, extras, period, fusesoc)
