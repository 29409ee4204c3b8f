"""A training step of a network of a few tiles, for accelerators of any size."""

import numpy as np

from ...golden.accelerator.configuration import BASES, Configuration
from .digits_program import Batch, Parameters, training_program
from .programs import RandomProgram

__all__ = ["training_step"]

_LEAST_DEPTH = 16  # tiles that its operands take


def training_step(built: Configuration, seed: int) -> RandomProgram | None:
    """Write a training step of a network of two tiles, two hidden ones and one, in its memory.

    Args:
        built: the accelerator.
        seed: of the numbers.

    Returns:
        The program; None where the tile memories are too small for it, or only words leave.
    """
    if built.depth < _LEAST_DEPTH or not built.requantize:
        return None
    random, tile = np.random.default_rng(seed), built.tile
    inputs, hidden, classes = 2 * tile, 2 * tile, tile

    def drawn(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, np.float32)

    start = Parameters(drawn(inputs, hidden), drawn(hidden), drawn(hidden, classes), drawn(classes))
    program = training_program(built, start, [Batch(drawn(tile, inputs), drawn(tile, classes))], 4)
    made = program.program
    return RandomProgram(made.image(), made.start, (0,) * BASES, made.descriptors)
