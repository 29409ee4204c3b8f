"""``mxsf growth``: what a matrix engine costs as it grows."""

from pathlib import Path
from typing import get_args

import click

from ...golden.formats.catalogue import parse
from ...hdl.layouts import Fabric
from ..study.growth import PES, grow
from ..study.plots import check_plot, growth_plot
from ..synth.area import check_target, fabric_of
from .inputs import FILE
from .options import json_option, read_yosys, yosys_option
from .outputs import write_json
from .progress import progress
from .tables import growth_table, show
from .values import Count, Name

__all__ = ["growth"]


@click.command()
@click.option(
    "--pes", type=Count(1, 4096), multiple=True, help="PEs (repeatable) [default: 1 to 64]."
)
@click.option("--element", type=Name(parse), default="mxsf", help="Element format [default: mxsf].")
@click.option(
    "--depth", type=Count(2, 32768), default=64, help="Tiles of each memory [default: 64]."
)
@click.option(
    "--fabric",
    type=click.Choice(get_args(Fabric), case_sensitive=False),
    help="Structures [default: those that suit the target].",
)
@click.option(
    "--target",
    type=Name(check_target),
    default="ecp5",
    help="Target of mxsf area [default: ecp5].",
)
@yosys_option
@json_option
@click.option("--plot", type=FILE, help="Draw cells and useful share: a .svg, .png or .pdf file.")
def growth(
    pes: tuple[int, ...],
    element: str,
    depth: int,
    fabric: Fabric | None,
    target: str,
    program: str | None,
    output: Path | None,
    plot: Path | None,
) -> None:
    """What a matrix engine of 8x8 tiles costs as it grows: cells, and cycles of square products.

    Cells are those of one PE times their number, and of the rest. Cycles are those of the formula
    that simulations of small products confirm.
    """
    if plot is not None:
        check_plot(plot)
    with progress("building engines") as step:
        rows = grow(
            pes or PES,
            parse(element),
            depth=depth,
            fabric=fabric,
            target=target,
            yosys=read_yosys(program),
            step=step,
        )
    show(growth_table(rows))
    print(f"fabric {fabric or fabric_of(target)}, target {target}")
    write_json(output, [row.row() for row in rows])
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        growth_plot(rows, plot)
