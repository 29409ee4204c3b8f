"""A stimulus: beats that go in, beats that must come out, and the cycle model between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..model.outputs import Model
from ..model.pipeline import Pipeline, Token

__all__ = ["Stimulus"]


@dataclass(frozen=True)
class Stimulus:
    """Beats in and the beats that must come out.

    Attributes:
        inputs: payloads, uint8 of shape (n, bytes).
        outputs: golden payloads, uint8 of shape (beats out, bytes).
        last: whether a beat ends a block, bool of shape (n,).
        blocks: number of blocks.
        model: makes the cycle model, fresh from reset.
        widths: bits of an input and of an output payload.
        tokens: what the cycle model sees of the beats in; default: each becomes a beat out.
    """

    inputs: NDArray[np.uint8]
    outputs: NDArray[np.uint8]
    last: NDArray[np.bool_]
    blocks: int
    model: Callable[[], Pipeline | Model]
    widths: tuple[int, int]
    tokens: Sequence[Token] | None = None

    def token(self, number: int) -> Token:
        """Return what the cycle model sees of a beat."""
        if self.tokens is not None:
            return self.tokens[number]
        return Token(number, bool(self.last[number]))
