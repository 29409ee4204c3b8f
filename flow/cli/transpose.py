"""``mxsf transpose``: what square tiles save where a matrix is used straight and transposed."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ...golden.formats.catalogue import parse
from ..study.transpose import check_tensor, compare
from .options import json_option, read_yosys, yosys_option
from .outputs import write_json
from .progress import progress
from .tables import show, transpose_table
from .values import Checked, Name

__all__ = ["transpose"]


@click.command()
@click.option(
    "--tensor",
    type=Checked(check_tensor),
    multiple=True,
    help="Shipped tensor (repeatable) [default: h and dh].",
)
@click.option("--element", type=Name(parse), default="mxsf", help="Element format [default: mxsf].")
@yosys_option
@json_option
def transpose(
    tensor: tuple[str, ...], element: str, program: str | None, output: Path | None
) -> None:
    """What a matrix costs that is used straight and transposed: square tiles, vector blocks.

    Both ways are simulated and compared with the golden model.
    """
    with progress("building designs") as step:
        rows = compare(tensor or ("h", "dh"), parse(element), read_yosys(program), step)
    show(transpose_table(rows))
    write_json(output, [asdict(row) for row in rows])
    if not all(row.passed for row in rows):
        sys.exit(1)
