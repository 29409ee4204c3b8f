"""``mxsf report``: everything on one page."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from ...golden.formats.catalogue import FORMATS, parse
from ...sim.simulator.yosys import PINNED
from ..report import SECTIONS, SYNTHESIZED, Scope
from ..report import run as run_report
from ..synth.area import check_target
from .options import output_option, read_yosys, yosys_option
from .progress import progress
from .tables import content_table, show
from .values import Name

__all__ = ["report"]


@click.command()
@output_option
@click.option(
    "--element",
    type=Name(parse),
    multiple=True,
    help="Element format (repeatable) [default: four].",
)
@click.option("--all", "everything", is_flag=True, help="All named element formats.")
@click.option(
    "--target", type=Name(check_target), multiple=True, help="Target of mxsf area (repeatable)."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(SECTIONS), case_sensitive=False),
    help="A section (repeatable).",
)
@click.option("--quick", is_flag=True, help="About two minutes: two formats, short runs.")
@click.option("--full", is_flag=True, help="All formats and targets, more seeds; takes long.")
@yosys_option
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
    if element and everything:
        raise ValueError(f"--element {element[0]} has no effect beside --all")
    if full and everything:
        raise ValueError("--all has no effect beside --full, which has all formats")
    if only and not SYNTHESIZED & {*only}:
        given = [("target", target and target[0]), ("yosys", program)]
        for name, value in given:
            if value:
                raise ValueError(f"--{name} {value} has no effect: --only {only[0]} needs no Yosys")
    scope = Scope().quick() if quick else Scope().full() if full else Scope()
    if element or everything:
        scope = replace(scope, elements=tuple(FORMATS) if everything else element)
    if target:
        scope = replace(scope, targets=target)
    scope = replace(scope, yosys=PINNED if program is None else read_yosys(program))
    with progress("the report") as step:
        sections = run_report(output, scope, only, step)
    for section in sections:
        for table in section.tables:
            if table.brief:
                show(content_table(table))
        for line in section.missing:
            print(line, file=sys.stderr)
    print(f"everything is in {output / 'report.html'}, report.json and a CSV file a table")
    if not all(section.passed for section in sections):
        sys.exit(1)
