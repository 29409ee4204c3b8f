"""Commands that measure one question each: ``mxsf transpose`` and ``mxsf growth``."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..golden.catalogue import parse
from .growth import PES, grow
from .options import FILE, read_yosys
from .plots import check_plot, growth_plot
from .progress import progress
from .synthesis import check_target
from .tables import growth_table, show, transpose_table
from .transpose import compare
from .verilog import write_whole

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


STUDIES = (transpose, growth)
"""The commands."""
