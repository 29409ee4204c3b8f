"""``mxsf area``: the cells of designs."""

from pathlib import Path

import click

from ..catalogue.catalogue import Variant
from ..netlist.netlist import Netlist
from ..study.plots import area_plot, check_plot
from ..synth.area import TARGETS, Area, check_target
from ..synth.area import area as count_cells
from .chosen import Chosen
from .design_command import design_command
from .inputs import FILE
from .options import json_option, read_yosys, yosys_option
from .outputs import variant_rows, write_json
from .progress import progress
from .tables import area_table, show
from .values import Name

__all__ = ["area"]


@design_command(repeatable=True)
@click.option(
    "--target",
    type=Name(check_target),
    multiple=True,
    help=f"{', '.join(TARGETS)}, liberty=FILE (repeatable) [default: generic].",
)
@click.option("--without", help="Leave out the modules of this name, for example storage.")
@yosys_option
@json_option
@click.option("--plot", type=FILE, help="Draw area against lanes: a .svg, .png or .pdf file.")
def area(
    chosen: Chosen,
    target: tuple[str, ...],
    without: str | None,
    program: str | None,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Synthesize a design with Yosys and count its cells, for each target.

    Parameters of the design may be repeated: every combination is a row. The fabric follows the
    target unless it is given.
    """
    targets = target or ("generic",)
    yosys = read_yosys(program)
    if plot is not None:
        check_plot(plot)
    areas: list[tuple[Variant, Area]] = []
    with progress(f"building {chosen.name}") as step:
        designs = chosen.each(targets)
        for design, each in designs:
            step(
                f"{design.top} for {each} ({yosys.name}; its first use may compile it: a minute)",
                len(areas),
                len(designs),
            )
            areas.append((design, count_cells(_left(design, without), each, yosys)))
    show(area_table(areas))
    if output is not None:
        write_json(output, {"yosys": yosys.version(), "rows": variant_rows(areas)})
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        area_plot(areas, plot)


def _left(design: Variant, without: str | None) -> Netlist:
    """The netlist, without some modules."""
    if without is None:
        return design.netlist
    try:
        return design.netlist.without(without)
    except ValueError as problem:
        raise ValueError(f"--without: {problem}") from None
