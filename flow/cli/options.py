"""Options that commands share: ports, stalls, tools."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import click

from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.catalogue import CATALOGUE, Variant, variant
from ..catalogue.interfaces import INTERFACES, POLARITIES, RESETS
from ..synth.area import fabric_of
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
    "read_variant",
    "read_variants",
    "read_yosys",
    "seed_option",
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

seed_option = click.option(
    "--seed",
    type=Count(0, 2**32 - 1),
    default=0,
    help="Seed of words and stalls [default: 0].",
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
        default="sync",
        help="Reset that acts on the clock's edge, or without one [default: sync].",
    )(command)
    titles = "; ".join(f"{ports.name}: {ports.title}" for ports in INTERFACES.values())
    return click.option(
        "--interface",
        type=click.Choice(list(INTERFACES), case_sensitive=False),
        default="stream",
        help=f"{titles} [default: stream].",
    )(command)


def stall_options(command: Any) -> Any:
    """Add the options of random stalls."""
    share = Quantity(0.01, 1)
    command = click.option(
        "--ready", type=share, default=0.8, help="Share of cycles taken [default: 0.8]."
    )(command)
    return click.option(
        "--valid", type=share, default=0.8, help="Share of cycles offered [default: 0.8]."
    )(command)


def read_variant(name: str, options: dict[str, Any]) -> Variant:
    """The design that options name; those not given take their defaults."""
    return variant(name, **{k: v for k, v in options.items() if v is not None})


def read_variants(
    name: str, options: dict[str, tuple[str, ...]], targets: Sequence[str]
) -> list[tuple[Variant, str]]:
    """Every combination of the values of repeatable options, for each target.

    The fabric follows the target unless it was given; targets of one fabric share their variants.
    """
    chosen = {key: values for key, values in options.items() if values}
    follows = CATALOGUE.find(name).takes("fabric") and "fabric" not in chosen
    variants: list[tuple[Variant, str]] = []
    for values in product(*chosen.values()):
        given = dict(zip(chosen, values, strict=True))
        shared: dict[str, Variant] = {}
        for target in targets:
            fabric = fabric_of(target) if follows else ""
            if fabric not in shared:
                more = {"fabric": fabric} if follows else {}
                shared[fabric] = variant(name, **given, **more)
            variants.append((shared[fabric], target))
    return variants


def read_yosys(program: str | None) -> Yosys:
    """The Yosys that an option names, checked; by default the pinned one."""
    yosys = PINNED if program is None else Yosys((program,), program)
    yosys.check()
    return yosys
