"""Tensor factors: where the number comes from that multiplies all that a tensor decodes to.

Source: docs/numerics.md section 10.
"""

import enum
from typing import Literal

__all__ = ["LARGEST_FACTOR", "LEAST_FACTOR", "Factor", "FactorAxis", "factor_shape"]

LEAST_FACTOR = 2.0**-126
"""The least factor, FP32's least normal number."""

LARGEST_FACTOR = float.fromhex("0x1.fffffep127")
"""The largest, FP32's largest finite number."""

FactorAxis = Literal["tensor", "row", "column"]
"""What has a factor: the whole tensor, or each row or column of its last two axes."""


class Factor(enum.Enum):
    """Where the factor of a tensor comes from."""

    NONE = "none"
    """There is none; it counts as 1."""
    AMAX = "amax"
    """The largest magnitude over the largest that element and scale reach together, in FP32."""
    POW2 = "pow2"
    """The least power of two that is not below that quotient."""
    GIVEN = "given"
    """It is known before the tensor is."""


def factor_shape(shape: tuple[int, ...], axis: FactorAxis) -> tuple[int, ...]:
    """Shape of the factors of a tensor; they broadcast over it.

    >>> factor_shape((2, 3, 4), "tensor"), factor_shape((2, 3, 4), "row")
    ((), (2, 3, 1))
    >>> factor_shape((2, 3, 4), "column"), factor_shape((4,), "row")
    ((2, 1, 4), (1,))
    """
    if axis == "tensor":
        return ()
    if axis == "row":
        return (*shape[:-1], 1)
    return (*shape[:-2], 1, shape[-1]) if len(shape) > 1 else shape
