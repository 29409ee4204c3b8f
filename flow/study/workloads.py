"""Programs by name whose speed is told: square products, and training steps."""

from collections.abc import Callable, Mapping

import numpy as np

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.program import Program
from ...golden.accelerator.result import Result
from ...golden.accelerator.tiler import multiply
from ..network.digits import digits_cnn, digits_mlp, digits_step

__all__ = ["CUBES", "WORKLOADS", "cube"]

CUBES = (64, 128, 256, 512, 1024)
"""Rows and columns of square products that have a name."""


def cube(built: Configuration, size: int) -> Program:
    """Write a product of square matrices, whose operands and result are tiles in memory.

    Args:
        built: the accelerator.
        size: rows and columns.
    """
    random = np.random.default_rng(0)
    program = Program(built)
    a, b = (
        program.put(name, random.standard_normal((size, size), np.float32)) for name in ("a", "b")
    )
    multiply(program, a, b, Result(tiles=program.matrix("c", (size, size))))
    program.end(irq=True)
    return program


def _cube(size: int) -> Callable[[Configuration], Program]:
    return lambda built: cube(built, size)


WORKLOADS: Mapping[str, Callable[[Configuration], Program]] = {
    **{f"{size}^3": _cube(size) for size in CUBES},
    "digits mlp": lambda built: digits_step(digits_mlp(), built).program,
    "digits cnn": lambda built: digits_step(digits_cnn(), built).program,
}
"""What writes each program for an accelerator."""
