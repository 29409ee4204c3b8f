"""Vectors: a design's Verilog beside stimulus, golden answers, and what compares them."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...golden.files import write_whole
from ...sim.result import Stalls
from ...sim.simulator.testbench import Checks, testbench
from ..catalogue.variant import Variant
from .checker import checker, checker_files
from .verilog import generate

__all__ = ["write_vectors"]


def write_vectors(
    variant: Variant, folder: Path, values: NDArray[Any] | None, stalls: Stalls
) -> list[Path]:
    """Write Verilog, manifest, testbench, its data and the checker, each whole or not at all.

    ``<top>_tb.v``, ``<top>_<port>.hex``, and ``<top>_checker.sv`` where the design has streams.

    Args:
        variant: the design.
        folder: where to.
        values: a float tensor to run on; None for the built-in stimulus.
        stalls: how the testbench stalls; its seed is also that of the built-in stimulus.

    Returns:
        The files written, the design first.
    """
    top, vectors = variant.top, variant.vectors(values, stalls.seed)
    made = checker(variant)
    bench = testbench(
        vectors,
        top,
        stalls,
        clocking=variant.clock,
        links=variant.links,
        name=f"{top}_tb",
        stem=top,
        checks=made and Checks(made.connected, [rule.name for rule in made.rules]),
    )
    paths = generate(variant, folder)
    files = {f"{top}_tb.v": bench, **vectors.files(top), **checker_files(variant)}
    for name, text in files.items():
        paths.append(folder / name)
        write_whole(paths[-1], text)
    return paths
