"""Weights and biases as matrices: a row of tiles for each tap and eight channels."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.plane import Matrix, Words
from ...golden.accelerator.program import Program
from .stages import Kind, Lowered, Stage

__all__ = ["Stored", "from_matrix", "put_parameters", "to_matrix"]

Floats = NDArray[np.float32]


class Stored:
    """The parameters of a stage in memory.

    Attributes:
        stage: whose.
        tiles: weights as tiles.
        words: weights as words, where they are trained.
        bias: a row of words.
    """

    def __init__(
        self, stage: Stage, tiles: Matrix, words: Words | None = None, bias: Words | None = None
    ):
        self.stage, self.tiles, self.words, self.bias = stage, tiles, words, bias


def to_matrix(stage: Stage, weight: Floats, tile: int) -> Floats:
    """Weights of a layer as the matrix that products take.

    Args:
        stage: whose: of a dense layer (features, outputs), of a convolution (outputs, channels,
            lines, pixels).
        weight: they.
        tile: rows and columns of a tile; each tap's channels are filled up with zeros.

    Returns:
        A row for each tap and channel, a column for each output.
    """
    taps = *stage.taps, stage.source.channels, stage.target.channels
    if weight.ndim == 2:
        channels = weight.reshape(stage.source.channels, *stage.taps, -1).transpose(1, 2, 0, 3)
    else:
        channels = weight.transpose(2, 3, 1, 0)
    assert channels.shape == taps
    full = np.pad(channels, [(0, 0), (0, 0), (0, -taps[2] % tile), (0, 0)])
    return np.ascontiguousarray(full.reshape(-1, taps[3]), dtype=np.float32)


def from_matrix(stage: Stage, matrix: Floats, shape: tuple[int, ...]) -> Floats:
    """Undo ``to_matrix``: weights of a shape."""
    full = matrix.reshape(*stage.taps, -1, stage.target.channels)
    channels = full[:, :, : stage.source.channels]
    order = (2, 0, 1, 3) if len(shape) == 2 else (3, 2, 0, 1)
    return channels.transpose(order).reshape(shape).copy()


def put_parameters(
    program: Program, lowered: Lowered, values: Mapping[str, Floats], *, words: bool
) -> dict[str, Stored]:
    """Write the parameters of all stages into a program's image.

    Args:
        program: whose image.
        lowered: the stages.
        values: weights and biases by name.
        words: whether weights are there as FP32 words too, for training.

    Returns:
        By stage.
    """
    lowered.network.check(values)
    found: dict[str, Stored] = {}
    for stage in lowered.stages:
        if stage.kind is not Kind.WEIGHTS:
            continue
        name = f"{stage.name}.weight"
        matrix = to_matrix(stage, values[name], program.built.tile)
        stored = Stored(stage, program.put(name, matrix))
        if words:
            stored.words = program.put_words(name, matrix)
        if stage.bias:
            stored.bias = program.put_words(f"{stage.name}.bias", values[f"{stage.name}.bias"])
        found[stage.name] = stored
    return found
