"""``mxsf host``: talks to a board that runs."""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from ...golden.files import whole_file
from ..board.boards import BAUD
from ..board.host import Host, open_line
from .inputs import EXISTING, FILE, load_array
from .options import BAUDS
from .progress import progress

__all__ = ["host"]


@click.command()
@click.argument("port")
@click.option("--baud", type=BAUDS, default=BAUD, help=f"Serial line [default: {BAUD}].")
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
        raise ValueError(f"--output {output} has no effect without --a and --b: no product")
    factors = None if a is None or b is None else (load_array(a), load_array(b))
    with progress(f"asking the board at {port} what it is"):
        partner = Host(open_line(port, baud))
    info = partner.info
    print(
        f"board: {info.element}, {info.pes} PEs, tiles of {info.tile}, {info.depth} of them "
        f"a memory, {info.clock / 1e6:g} MHz"
    )
    if not (_multiply(partner, *factors, output) if factors else _self_test(partner)):
        sys.exit(1)


def _self_test(partner: Host) -> bool:
    """Run the self-test, compare with the golden model of this machine too."""
    with progress("the self-test on the board") as step:
        report, test = partner.self_test(), partner.test
        step("the self-test on the golden model")
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
    with progress("quantizing") as step:
        product = partner.multiply(
            a, b, lambda done, total: step("multiplying: tiles of the product", done, total)
        )
    shape, mismatches = product.values.shape, product.mismatches
    print(f"product {shape}: {mismatches} mismatches with the golden model")
    if output is not None:
        with whole_file(output) as file:
            np.save(file, product.values)
        print(output)
    return mismatches == 0
