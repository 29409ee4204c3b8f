"""Scale rules of scales with a mantissa: the code follows from a quotient.

Source: docs/numerics.md section 10.
"""

import enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..quotient import odd_quotient
from .scale import UE4M3, ScaleFormat
from .word import FP32

__all__ = ["QuotientRule", "quotient_codes"]


class QuotientRule(enum.Enum):
    """How the scale of a block follows from a / (m g).

    a is the largest magnitude of the block, m that of the element format, g the tensor's factor.
    """

    NEAREST = "nearest"
    """The nearest scale, ties to the even code."""
    UP = "up"
    """The least scale that is not below the quotient: no element saturates."""
    FOUR_SIX = "four_six"
    """Of E2M1 and UE4M3: NEAREST for m = 6 or for m = 4, which one leaves the smaller error."""


def quotient_codes(
    largest: ArrayLike,
    divisor: ArrayLike,
    rule: QuotientRule = QuotientRule.NEAREST,
    scale: ScaleFormat = UE4M3,
    least: int = 1,
) -> NDArray[Any]:
    """Scale of blocks from the bits of their largest magnitude, exact.

    Args:
        largest: FP32 bit patterns of the largest magnitudes, sign cleared; any shape, uint32.
            Subnormal words count as zero, Inf and NaN give the NaN code.
        divisor: m g, float64 of at most 48 significant bits, above 0; it broadcasts.
        rule: NEAREST or UP.
        scale: the scale format.
        least: the least code of a block that is not zero.

    Returns:
        Codes of the scale format's dtype, shape of ``largest``; the largest one where the quotient
        is beyond. A zero block has code 0.

    Raises:
        ValueError: the rule is another.

    >>> one = np.float32([0.0, 1e-5, 6.0, 6.4, 9e9]).view(np.uint32)
    >>> quotient_codes(one, 6.0).tolist(), quotient_codes(one, 6.0, QuotientRule.UP).tolist()
    ([0, 1, 56, 57, 126], [0, 1, 56, 57, 126])
    >>> quotient_codes(one, 6.0, least=8).tolist()
    [0, 8, 56, 57, 126]
    """
    words = np.asarray(largest, np.uint32)
    biased = words >> np.uint32(FP32.mantissa_bits)
    special, zero = biased == FP32.special_exponent, biased == 0
    magnitude = np.where(special | zero, 0.0, words.view(np.float32).astype(np.float64))
    quotient = odd_quotient(magnitude, divisor)
    values = scale.table[: scale.nan_code]
    if rule is QuotientRule.UP:
        codes = np.searchsorted(values, quotient, side="left")
    elif rule is QuotientRule.NEAREST:
        middles = (values[1:] + values[:-1]) / 2
        codes = np.searchsorted(middles, quotient, side="left")
        tie = quotient == middles[np.minimum(codes, len(middles) - 1)]
        codes = codes + (tie & codes)
    else:
        raise ValueError(f"rule must be nearest or up, not {rule.value}")
    codes = np.clip(codes, least, scale.largest_code)
    codes = np.where(special, scale.nan_code, np.where(zero, 0, codes))
    return codes.astype(scale.code_dtype)
