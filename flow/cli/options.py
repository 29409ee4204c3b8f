"""Options that commands share: the parameters of designs, stalls, kinds of paths."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import click

from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.catalogue import CATALOGUE, Variant, variant
from ..catalogue.interfaces import INTERFACES, POLARITIES, RESETS

__all__ = [
    "EXISTING",
    "FILE",
    "FOLDER",
    "design_options",
    "fusesoc_option",
    "read_variant",
    "read_variants",
    "read_yosys",
    "shell_options",
    "stall_options",
]

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


def design_options(multiple: bool = False, design: str | None = None) -> Callable[[Any], Any]:
    """Add an option for every parameter of a design, or of all of the catalogue.

    Args:
        multiple: options may be repeated.
        design: the design; None for all.
    """

    def decorate(command: Any) -> Any:
        designs = CATALOGUE.values() if design is None else [CATALOGUE[design]]
        parameters = {p.name: p for d in designs for p in d.parameters}
        for name, parameter in reversed(parameters.items()):
            command = click.option(f"--{name}", multiple=multiple, help=parameter.help)(command)
        return command

    return decorate


def shell_options(command: Any) -> Any:
    """Add the options of ports, clock and reset."""
    command = click.option(
        "--reset-polarity",
        "polarity",
        type=click.Choice(POLARITIES),
        help="Reset active high (port rst) or low (port rst_n); axi: low (aresetn).",
    )(command)
    command = click.option(
        "--reset",
        type=click.Choice(list(RESETS)),
        default="sync",
        help="Reset that acts on the clock's edge, or without one [default: sync].",
    )(command)
    return click.option(
        "--interface",
        "--ports",  # its older name
        "interface",
        type=click.Choice(list(INTERFACES)),
        default="stream",
        help="; ".join(f"{one.name}: {one.title}" for one in INTERFACES.values()) + ".",
    )(command)


fusesoc_option = click.option(
    "--fusesoc", is_flag=True, help="Also a FuseSoC core file, with the targets of what is there."
)


def stall_options(command: Any) -> Any:
    """Add the options of random stalls."""
    share = click.FloatRange(0.01, 1)
    command = click.option("--ready", type=share, default=0.8, help="Share of cycles taken.")(
        command
    )
    return click.option("--valid", type=share, default=0.8, help="Share of cycles offered.")(
        command
    )


def read_variant(name: str, options: dict[str, Any], prefix: str = "") -> Variant:
    """The design that options name; those not given take their defaults."""
    return variant(name, prefix, **{k: v for k, v in options.items() if v is not None})


def read_variants(name: str, options: dict[str, tuple[str, ...]]) -> list[Variant]:
    """Every combination of the values of repeatable options."""
    given = {key: values for key, values in options.items() if values}
    return [variant(name, **dict(zip(given, v, strict=True))) for v in product(*given.values())]


def read_yosys(program: str | None) -> Yosys:
    """The Yosys that an option names, checked; by default the pinned one."""
    yosys = PINNED if program is None else Yosys((program,), program)
    yosys.check()
    return yosys
