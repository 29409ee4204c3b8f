"""Epilogue: what happens to the FP32 words of a product before they leave.

In this order: scale by a power of two, ReLU, mask. Source: docs/numerics.md section 9.
"""

import numpy as np
from numpy.typing import NDArray

from ..formats.element import ElementFormat

__all__ = ["is_zero", "relu", "scale"]

_SIGN, _INFINITY, _MANTISSA = 0x80000000, 0x7F800000, 0x007FFFFF
_QUIET_NAN = 0x7FC00000
_MANTISSA_BITS = 23


def scale(words: NDArray[np.float32], shift: int, negate: bool = False) -> NDArray[np.float32]:
    """Multiply words by ``2**shift``, or by minus that.

    Exact, but: a result below 2^-126 in magnitude is a zero of its sign, one from 2^128 on an Inf;
    every zero and subnormal word counts as zero and keeps its sign, which ``negate`` flips. NaN
    becomes 0x7FC00000.

    Args:
        words: float32 of any shape.
        shift: -128 to 127.
        negate: whether the sign flips.

    >>> scale(np.float32([3, -1, 2**-126]), -1, negate=True).tolist()
    [-1.5, 0.5, -0.0]
    """
    bits = words.view(np.uint32)
    exponent = (bits >> _MANTISSA_BITS & 0xFF).astype(np.int32)
    moved = exponent + shift
    sign = bits & _SIGN ^ np.uint32(_SIGN * negate)
    normal = sign | moved.clip(0, 255).astype(np.uint32) << _MANTISSA_BITS | bits & _MANTISSA
    zero, infinite = (exponent == 0) | (moved <= 0), (exponent == 255) | (moved >= 255)
    found = np.select(
        [np.isnan(words), zero, infinite],
        [np.uint32(_QUIET_NAN), sign, sign | np.uint32(_INFINITY)],
        normal,
    )
    return found.view(np.float32)


def relu(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """Words below zero, and zeros of either sign, become +0; NaN stays.

    >>> relu(np.float32([-1, -0.0, 2, np.nan])).tolist()
    [0.0, 0.0, 2.0, nan]
    """
    return np.where(words <= 0, np.float32(0), words)


def is_zero(codes: NDArray[np.integer], element: ElementFormat) -> NDArray[np.bool_]:
    """Whether codes are a zero of either sign.

    >>> from mxsf.golden import MXSF
    >>> is_zero(np.uint8([0, 0x80, 1]), MXSF).tolist()
    [True, True, False]
    """
    return np.asarray(element.table == 0)[codes]
