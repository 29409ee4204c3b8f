"""Options that commands share: ports, stalls, tools."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...hdl.ports import stream_names
from ...sim.result import Stalls
from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.interfaces import INTERFACES, POLARITIES, RESETS
from ..catalogue.variant import Variant
from .inputs import EXISTING, FILE, FOLDER
from .values import Count, Quantity

__all__ = [
    "BAUDS",
    "MEGAHERTZ",
    "SEEDS",
    "fusesoc_option",
    "input_option",
    "json_option",
    "name_option",
    "output_option",
    "prefix_option",
    "read_stalls",
    "read_yosys",
    "shell_options",
    "stall_options",
    "yosys_option",
]

SEEDS = Count(1, 100)
"""How often to place and route."""

BAUDS = Count(1, 100_000_000)
"""Bits a second."""

MEGAHERTZ = Quantity(0.001, 10_000, "MHz")
"""A clock frequency."""

output_option = click.option(
    "--output", type=FOLDER, default=Path("build"), help="Folder [default: build]."
)

prefix_option = click.option("--prefix", default="", help="Text in front of every module name.")

name_option = click.option(
    "--name",
    "module",
    help="Name of the top module, which begins those of all others [default: says the parameters].",
)

input_option = click.option(
    "--input", "tensor", type=EXISTING, help="Float tensor (.npy) to run on."
)

yosys_option = click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")

json_option = click.option("--json", "output", type=FILE, help="Write the figures here as well.")

fusesoc_option = click.option(
    "--fusesoc", is_flag=True, help="Also a FuseSoC core file, with the targets of what is there."
)


def shell_options(command: Any) -> Any:
    """Add the options of ports, clock and reset."""
    command = click.option(
        "--tkeep",
        type=click.Choice(["yes", "no"], case_sensitive=False),
        help="Whether axi inputs with arrays have tkeep, for partial beats [default: yes].",
    )(command)
    command = click.option(
        "--reset-polarity",
        "polarity",
        type=click.Choice(POLARITIES, case_sensitive=False),
        help="Reset active high (port rst) or low (port rst_n); axi: low (aresetn).",
    )(command)
    command = click.option(
        "--reset",
        type=click.Choice(list(RESETS), case_sensitive=False),
        help="Reset that acts on the clock's edge, or without one [default: sync].",
    )(command)
    titles = "; ".join(f"{ports.name}: {ports.title}" for ports in INTERFACES.values())
    return click.option(
        "--interface",
        type=click.Choice(list(INTERFACES), case_sensitive=False),
        help=f"{titles} [default: stream, axi for the accelerator].",
    )(command)


def stall_options(command: Any) -> Any:
    """Add the options of random stalls and words."""
    command = click.option(
        "--seed", type=Count(0, 2**32 - 1), help="Seed of words and stalls [default: 0]."
    )(command)
    for name, what in (("ready", "taken"), ("valid", "offered")):
        command = click.option(
            f"--{name}", type=Quantity(0.01, 1), help=f"Share of cycles {what} [default: 0.8]."
        )(command)
    return command


def read_stalls(
    design: Variant, valid: float | None, ready: float | None, seed: int | None
) -> Stalls:
    """How to stall a design; ValueError where an option is given that has no effect on it."""
    given = {"valid": valid, "ready": ready, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    if given and not stream_names(design.component) and not design.registers:
        (name, value), *_ = given.items()
        raise ValueError(f"--{name} {value:g} has no effect: {design.top} has no streams")
    return replace(Stalls(0.8, 0.8), **given)


def read_yosys(program: str | None) -> Yosys:
    """The Yosys that an option names, checked; by default the pinned one."""
    yosys = PINNED if program is None else Yosys((program,), program)
    yosys.check()
    return yosys
