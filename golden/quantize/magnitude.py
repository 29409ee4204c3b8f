"""Magnitudes of FP32 words as integers, which order as the magnitudes do."""

import numpy as np
from numpy.typing import NDArray

from ..formats.word import FP32

__all__ = ["INFINITE", "LEAST_NORMAL", "MAGNITUDE", "counted"]

# int32, which NumPy compares twice as fast as uint32; the sign bit is clear.
MAGNITUDE = np.int32((1 << (FP32.bits - 1)) - 1)
"""Mask of all bits but the sign."""

LEAST_NORMAL = np.int32(1 << FP32.mantissa_bits)
"""Bits of the least normal magnitude: words below count as zero."""

INFINITE = np.int32(FP32.special_exponent << FP32.mantissa_bits)
"""Bits of infinity: NaN lies above, all finite magnitudes below."""


def counted(words: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each word counts, or is zero or subnormal and counts as zero; shape of ``words``."""
    return (words.view(np.int32) & MAGNITUDE) >= LEAST_NORMAL
