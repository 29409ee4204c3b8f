"""``mxsf board``: bitstreams for boards."""

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..board.bitstream import ENGINE, build, write_bitstream
from ..board.boards import BAUD, boards, find_board
from .options import BAUDS, MEGAHERTZ, SEEDS, output_option
from .progress import progress
from .tables import bitstream_table, board_table, show
from .values import Checked, Name

__all__ = ["board"]


def _engine_options(command: Any) -> Any:
    """Add the options of the matrix engine, whose defaults are what fits the board."""
    for parameter in reversed(ENGINE.parameters):
        command = click.option(
            f"--{parameter.name}",
            type=Checked(parameter.read),
            metavar=parameter.kind.metavar,
            help=f"{parameter.meaning}.",
        )(command)
    return command


@click.command()
@click.argument("name", type=Name(), required=False)
@click.option("--list", "listing", is_flag=True, help="List the boards, and the engine of each.")
@_engine_options
@click.option("--seeds", type=SEEDS, default=1, help="Place and route so often [default: 1].")
@click.option("--baud", type=BAUDS, default=BAUD, help=f"Serial line [default: {BAUD}].")
@click.option("--require", type=MEGAHERTZ, help="Exit 1 where the median is below so many MHz.")
@output_option
def board(
    name: str | None,
    listing: bool,
    seeds: int,
    baud: int,
    require: float | None,
    output: Path,
    **options: Any,
) -> None:
    """Make a bitstream for the board NAME: an engine that tests itself and serves mxsf host.

    Of several placements the fastest is taken. Exits 1, without a bitstream, where none is as
    fast as the board's clock.
    """
    if listing:
        context = click.get_current_context()
        for option, value in context.params.items():
            given = context.get_parameter_source(option) is not ParameterSource.DEFAULT
            if given and option != "listing":
                shown = f"the board {value}" if option == "name" else f"--{option} {value}"
                raise ValueError(f"{shown} has no effect beside --list")
        show(board_table(boards().values()))
        return
    if name is None:
        raise ValueError("which board? mxsf board --list names them")
    kind = find_board(name)
    chosen = {key: value for key, value in options.items() if value is not None}
    with progress(f"building the engine for {name}") as step:
        made = build(kind, chosen, seeds=seeds, baud=baud, step=step)
    show(bitstream_table(made))
    if not made.meets_timing:
        fastest = f"{max(made.runs.values()):.1f} MHz"
        print(
            f"{made.name}: no bitstream, {fastest} are below the clock of {made.clock / 1e6:g} MHz",
            file=sys.stderr,
        )
        sys.exit(1)
    for path in write_bitstream(made, output):
        print(path)
    if made.fmax < (require or 0):
        print(
            f"{made.name}: {made.fmax:.1f} MHz, below the {require:g} MHz that are required",
            file=sys.stderr,
        )
        sys.exit(1)
