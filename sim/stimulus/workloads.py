"""Programs by name whose speed is told: square products, and a training step.

What they compute does not matter, their sizes do: the numbers are random.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.program import Program
from ...golden.accelerator.result import Result
from ...golden.accelerator.tiler import multiply
from .digits_program import Batch, Parameters, training_program

__all__ = ["CUBES", "WORKLOADS", "cube"]

CUBES = (64, 128, 256, 512, 1024)
"""Rows and columns of square products that have a name."""

_INPUTS, _HIDDEN, _CLASSES, _BATCH = 64, 128, 10, 64


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


def _digits(built: Configuration) -> Program:
    """Write a training step of the digits network, 64 images."""
    random = np.random.default_rng(0)
    shapes = ((_INPUTS, _HIDDEN), (_HIDDEN,), (_HIDDEN, _CLASSES), (_CLASSES,))
    start = Parameters(*(random.standard_normal(s, np.float32) / np.float32(8) for s in shapes))
    named = np.eye(_CLASSES, dtype=np.float32)[random.integers(0, _CLASSES, _BATCH)]
    batch = Batch(random.random((_BATCH, _INPUTS), np.float32), named)
    return training_program(built, start, [batch], shift=6).program


def _cube(size: int) -> Callable[[Configuration], Program]:
    return lambda built: cube(built, size)


WORKLOADS: Mapping[str, Callable[[Configuration], Program]] = {
    **{f"{size}^3": _cube(size) for size in CUBES},
    "digits": _digits,
}
"""What writes each program for an accelerator."""
