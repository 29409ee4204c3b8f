"""Commands that measure: ``mxsf transpose``, ``mxsf growth``, and ``mxsf report`` for all of it."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from ...golden.files import write_whole
from ...golden.formats.catalogue import FORMATS, parse
from ...sim.simulator.yosys import PINNED
from ..report import SECTIONS, Scope
from ..report import run as run_report
from ..study.growth import PES, grow
from ..study.plots import check_plot, growth_plot
from ..study.transpose import compare
from ..synth.area import check_target
from .options import FILE, FOLDER, read_yosys
from .progress import progress
from .tables import content_table, growth_table, show, transpose_table

__all__ = ["STUDIES"]


@click.command()
@click.option("--tensor", multiple=True, help="Shipped tensor (repeatable) [default: h and dh].")
@click.option("--element", default="mxsf", help="Element format [default: mxsf].")
@click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")
@click.option("--json", "output", type=FILE, help="Write the figures here as well.")
def transpose(
    tensor: tuple[str, ...], element: str, program: str | None, output: Path | None
) -> None:
    """What a matrix costs that is used straight and transposed: square tiles, vector blocks.

    Both ways are simulated and compared with the golden model.
    """
    with progress() as step:
        rows = compare(tensor or ("h", "dh"), parse(element), read_yosys(program), step)
    show(transpose_table(rows))
    _write(output, [asdict(row) for row in rows])
    if not all(row.passed for row in rows):
        sys.exit(1)


@click.command()
@click.option("--pes", type=int, multiple=True, help="PEs (repeatable) [default: 1 to 64].")
@click.option("--element", default="mxsf", help="Element format [default: mxsf].")
@click.option("--depth", type=int, default=64, help="Tiles of each memory [default: 64].")
@click.option("--fabric", default="fpga", help="asic, fpga or dsp [default: fpga].")
@click.option("--target", default="ecp5", help="Target of mxsf area [default: ecp5].")
@click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")
@click.option("--json", "output", type=FILE, help="Write the figures here as well.")
@click.option("--plot", type=FILE, help="Draw cells and useful share: a .svg, .png or .pdf file.")
def growth(
    pes: tuple[int, ...],
    element: str,
    depth: int,
    fabric: str,
    target: str,
    program: str | None,
    output: Path | None,
    plot: Path | None,
) -> None:
    """What a matrix engine of 8x8 tiles costs as it grows: cells, and cycles of square products.

    Cells are those of one PE times their number, and of the rest. Cycles are those of the formula
    that simulations of small products confirm.
    """
    check_target(target)
    if plot is not None:
        check_plot(plot)
    with progress() as step:
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
    _write(output, [row.row() for row in rows])
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        growth_plot(rows, plot)


def _write(path: Path | None, rows: list[dict[str, Any]]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(rows, indent=2) + "\n")


@click.command()
@click.option("--output", type=FOLDER, default=Path("build"), help="Folder [default: build].")
@click.option("--element", multiple=True, help="Element format (repeatable) [default: four].")
@click.option("--all", "everything", is_flag=True, help="All named element formats.")
@click.option("--target", multiple=True, help="Target of mxsf area (repeatable).")
@click.option("--only", multiple=True, help=f"A section (repeatable): {', '.join(SECTIONS)}.")
@click.option("--quick", is_flag=True, help="About two minutes: two formats, short runs.")
@click.option("--full", is_flag=True, help="All formats and targets, more seeds; takes long.")
@click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")
def report(
    output: Path,
    element: tuple[str, ...],
    everything: bool,
    target: tuple[str, ...],
    only: tuple[str, ...],
    quick: bool,
    full: bool,
    program: str | None,
) -> None:
    """Formats, numerics, hardware and its verification on one page, and as JSON and CSV.

    What was computed before and has not changed since is taken from OUTPUT/.cache.
    """
    if quick and full:
        raise ValueError("a report is --quick or --full, not both")
    scope = Scope().quick() if quick else Scope().full() if full else Scope()
    if element or everything:
        scope = replace(scope, elements=tuple(FORMATS) if everything else element)
    if target:
        scope = replace(scope, targets=target)
    for name in scope.elements:
        parse(name)
    for name in scope.targets:
        check_target(name)
    scope = replace(scope, yosys=PINNED if program is None else read_yosys(program))
    with progress() as step:
        sections = run_report(output, scope, only, lambda what: step(what, 0, 0))
    for section in sections:
        for table in section.tables:
            if table.brief:
                show(content_table(table))
        for line in section.missing:
            print(line, file=sys.stderr)
    print(f"everything is in {output / 'report.html'}, report.json and a CSV file a table")
    if not all(section.passed for section in sections):
        sys.exit(1)


STUDIES = (transpose, growth, report)
"""The commands."""
