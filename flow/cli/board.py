"""Commands for boards: ``mxsf board`` makes bitstreams, ``mxsf host`` talks to one that runs."""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from ...golden.files import whole_file
from ..board.bitstream import build, write_bitstream
from ..board.boards import BAUD, boards, find_board
from ..board.host import Host, open_line
from .inputs import load_array
from .options import EXISTING, FILE, FOLDER, design_options
from .progress import progress
from .tables import bitstream_table, board_table, show

__all__ = ["BOARD_COMMANDS"]


@click.command()
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="List the boards, and the engine of each.")
@design_options(design="matmul")
@click.option("--seeds", type=int, default=1, help="Place and route so often [default: 1].")
@click.option("--baud", type=int, default=BAUD, help=f"Serial line [default: {BAUD}].")
@click.option("--require", type=float, help="Exit 1 where the median is below so many MHz.")
@click.option("--output", type=FOLDER, default=Path("build"), help="Folder [default: build].")
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
    if listing or name is None:
        if name is not None:
            raise ValueError(f"--list takes no board, not {name!r}")
        if not listing:
            raise ValueError("which board? mxsf board --list names them")
        show(board_table(boards().values()))
        return
    kind = find_board(name)
    given = {key: value for key, value in options.items() if value is not None}
    with progress() as step:
        made = build(kind, given, seeds=seeds, baud=baud, step=step)
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


@click.command()
@click.argument("port")
@click.option("--baud", type=int, default=BAUD, help=f"Serial line [default: {BAUD}].")
@click.option("--a", type=EXISTING, help="Matrix (.npy) to multiply; with --b.")
@click.option("--b", type=EXISTING, help="Matrix (.npy) to multiply it by.")
@click.option("--output", type=FILE, help="Write the product (.npy, float32) here.")
def host(port: str, baud: int, a: Path | None, b: Path | None, output: Path | None) -> None:
    """Talk to the board at the serial PORT: run its self-test, or multiply two matrices on it.

    Matrices are quantized in tiles of the board's format; the product is compared with the golden
    model, bit by bit.
    """
    if (a is None) != (b is None):
        raise ValueError("a product needs both --a and --b")
    if output is not None and a is None:
        raise ValueError(f"there is no product to write to {output}: give --a and --b")
    operands = None if a is None or b is None else (load_array(a), load_array(b))
    partner = Host(open_line(port, baud))
    info = partner.info
    print(
        f"board: {info.element}, {info.pes} PEs, tiles of {info.tile}, {info.depth} of them "
        f"a memory, {info.clock / 1e6:g} MHz"
    )
    if not (_multiply(partner, *operands, output) if operands else _self_test(partner)):
        sys.exit(1)


def _self_test(partner: Host) -> bool:
    """Run the self-test, compare with the golden model of this machine too."""
    report, test = partner.self_test(), partner.test
    golden = test.crc(partner.golden())
    rate = test.macs * partner.info.clock / max(report.cycles, 1) / 1e9
    passed = report.passed and report.crc == golden
    print(
        f"self-test {'passed' if passed else 'FAILED'}: CRC {report.crc:08x}, golden {golden:08x}, "
        f"error {report.error}, {test.macs} MACs in {report.cycles} cycles, {rate:.3f} GMAC/s"
    )
    return passed


def _multiply(partner: Host, a: Any, b: Any, output: Path | None) -> bool:
    """Multiply, compare, write."""
    with progress() as step:
        found = partner.multiply(a, b, lambda done, total: step("tiles", done, total))
    print(f"product {found.values.shape}: {found.mismatches} mismatches with the golden model")
    if output is not None:
        with whole_file(output) as file:
            np.save(file, found.values)
        print(output)
    return found.mismatches == 0


BOARD_COMMANDS = (board, host)
"""The commands."""
