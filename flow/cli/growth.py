"""``mxsf growth``: what a matrix engine costs as it grows, and how fast an accelerator is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from ...golden.accelerator.configuration import BUS_BITS
from ...golden.formats.catalogue import parse
from ...hdl.layouts import Fabric
from ..study.growth import PES, grow
from ..study.plots import check_plot, growth_plot, speed_plot
from ..study.speed import BUSES, LATENCIES, speeds
from ..study.speed import PES as ACCELERATOR_PES
from ..study.workloads import WORKLOADS
from ..synth.area import check_target, fabric_of
from .inputs import FILE
from .options import json_option, read_yosys, yosys_option
from .outputs import write_json
from .progress import progress
from .tables import growth_table, show, speed_table
from .values import Count, Name

__all__ = ["growth"]

_CELLS = {"fabric": "--fabric", "target": "--target", "program": "--yosys"}
_CYCLES = {"buses": "--bus", "latencies": "--latency", "work": "--work", "most": "--measure"}


@click.command()
@click.argument("design", type=click.Choice(["matmul", "accelerator"]), default="matmul")
@click.option(
    "--pes",
    type=Count(1, 4096),
    multiple=True,
    help="PEs (repeatable) [default: 1 to 64; accelerator: 8, 64].",
)
@click.option("--element", type=Name(parse), default="mxsf", help="Element format [default: mxsf].")
@click.option(
    "--depth",
    type=Count(2, 32768),
    help="Tiles of each memory [default: 64; accelerator: 512].",
)
@click.option(
    "--fabric",
    type=click.Choice(get_args(Fabric), case_sensitive=False),
    help="matmul: structures [default: those that suit the target].",
)
@click.option(
    "--target",
    type=Name(check_target),
    default="ecp5",
    help="matmul: target of mxsf area [default: ecp5].",
)
@click.option(
    "--bus",
    "buses",
    type=click.Choice([str(bits) for bits in BUS_BITS]),
    multiple=True,
    help="accelerator: data bits of the bus (repeatable) [default: 64, 512].",
)
@click.option(
    "--latency",
    "latencies",
    type=Count(1, 10_000),
    multiple=True,
    help="accelerator: cycles of the memory (repeatable) [default: 40, 200].",
)
@click.option(
    "--work",
    type=click.Choice(list(WORKLOADS)),
    multiple=True,
    help="accelerator: programs (repeatable) [default: all].",
)
@click.option(
    "--measure",
    "most",
    type=Count(0, 10**9),
    default=0,
    help="accelerator: run programs of at most so many cycles on the Verilog, by Verilator, beside "
    "the cost model [default: 0].",
)
@yosys_option
@json_option
@click.option("--plot", type=FILE, help="Draw cells and useful share: a .svg, .png or .pdf file.")
@click.pass_context
def growth(
    context: click.Context,
    design: str,
    element: str,
    output: Path | None,
    plot: Path | None,
    **given: Any,
) -> None:
    """What a matrix engine of 8x8 tiles costs as it grows, and how fast an accelerator is.

    Of matmul: cells are those of one PE times their number, and of the rest. Cycles are those of
    the formula that simulations of small products confirm; operands are loaded.

    Of accelerator: cycles of whole programs, from memory to memory, by the cost model.
    """
    for name, option in (_CELLS if design == "accelerator" else _CYCLES).items():
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{option}: {design} takes no {option} here")
    if plot is not None:
        check_plot(plot)
        plot.parent.mkdir(parents=True, exist_ok=True)
    show_one = _accelerators if design == "accelerator" else _engines
    write_json(output, show_one(element, plot, **given))


def _engines(
    element: str,
    plot: Path | None,
    *,
    pes: Sequence[int],
    depth: int | None,
    fabric: Fabric | None,
    target: str,
    program: str | None,
    **_: Any,
) -> list[dict[str, Any]]:
    with progress("building engines") as step:
        rows = grow(
            pes or PES,
            parse(element),
            depth=depth or 64,
            fabric=fabric,
            target=target,
            yosys=read_yosys(program),
            step=step,
        )
    show(growth_table(rows))
    print(f"fabric {fabric or fabric_of(target)}, target {target}")
    if plot is not None:
        growth_plot(rows, plot)
    return [row.row() for row in rows]


def _accelerators(
    element: str,
    plot: Path | None,
    *,
    pes: Sequence[int],
    depth: int | None,
    buses: Sequence[str],
    latencies: Sequence[int],
    work: Sequence[str],
    most: int,
    **_: Any,
) -> list[dict[str, Any]]:
    with progress("building accelerators") as step:
        rows = speeds(
            pes or ACCELERATOR_PES,
            [int(bits) for bits in buses] or BUSES,
            latencies or LATENCIES,
            work or tuple(WORKLOADS),
            most=most,
            step=step,
            element=parse(element),
            **({} if depth is None else {"depth": depth}),
        )
    show(speed_table(rows))
    if plot is not None:
        speed_plot(rows, plot)
    return [row.row() for row in rows]
