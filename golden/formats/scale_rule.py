"""Scale rules: how the scale of a block follows from its largest magnitude.

Source: docs/numerics.md section 2.
"""

import enum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .element import ElementFormat
from .scale import E8M0, ScaleFormat
from .word import FP32

__all__ = ["Comparator", "ScaleRule", "comparator", "scale_codes"]

_ONE = 1 << FP32.mantissa_bits  # one in units of a word's mantissa


class ScaleRule(enum.Enum):
    """How a block's scale follows from its largest magnitude (docs/numerics.md section 2)."""

    FLOOR = "floor"
    CEIL = "ceil"
    EVEN = "even"
    RCEIL = "rceil"


class Comparator(NamedTuple):
    """A rule for E8M0 as hardware sees it: ``code = clamp(E - emax + (M > T), 0, largest_code)``.

    E and M are the biased exponent and the mantissa of the block's largest FP32 magnitude.

    Attributes:
        emax: exponent of the element format's largest magnitude.
        threshold: T, in units of ``2**-23``; ``2**23`` where the rule never rounds up.
        threshold_low: T where ``E == emax``, that is where the code turns from 0 to 1.
    """

    emax: int
    threshold: int
    threshold_low: int


def scale_codes(
    largest: ArrayLike,
    element: ElementFormat,
    rule: ScaleRule = ScaleRule.FLOOR,
    scale: ScaleFormat = E8M0,
) -> NDArray[Any]:
    """Scale of blocks from the bits of their largest magnitude.

    Args:
        largest: FP32 bit patterns of the largest magnitudes, sign cleared; any shape, uint32.
            Subnormal words count as zero, Inf and NaN give the NaN code.
        element: the element format.
        rule: the scale rule.
        scale: the scale format; its scales are powers of two.

    Returns:
        Codes of the scale format's dtype, shape of ``largest``. A zero block has code 0.

    Raises:
        TypeError: the rule is none.
        ValueError: the scale format has other scales than powers of two.

    >>> one = np.float32([0.0, 1.0, 1.5, 1.99]).view(np.uint32)
    >>> from mxsf.golden import E4M3
    >>> [int(code) for code in scale_codes(one, E4M3)]
    [0, 119, 119, 119]
    >>> [int(code) for code in scale_codes(one, E4M3, ScaleRule.RCEIL)]
    [0, 119, 119, 120]
    """
    if not scale.power_of_two:
        raise ValueError(f"scale rules choose powers of two, and {scale} has other scales")
    a = np.asarray(largest).astype(np.int32)
    biased = a >> FP32.mantissa_bits
    if rule is ScaleRule.FLOOR:
        exponent = biased - element.emax
    elif rule is ScaleRule.CEIL:
        exponent = biased - element.emax + (a & (_ONE - 1) != 0)
    elif rule is ScaleRule.EVEN:
        rounded = a.astype(np.int64) + (1 << (FP32.mantissa_bits - 1 - element.rounding_bits))
        exponent = (rounded >> FP32.mantissa_bits) - element.emax
    elif rule is ScaleRule.RCEIL:
        exponent = _rceil(a, element)
    else:
        raise TypeError(f"rule must be a ScaleRule, not {rule!r}")
    codes = np.asarray((exponent - FP32.bias + scale.bias).clip(0, scale.largest_code))
    codes[biased == FP32.special_exponent] = scale.nan_code
    codes[biased == 0] = 0
    return codes.astype(scale.code_dtype)


def _rceil(a: NDArray[np.int32], element: ElementFormat) -> NDArray[np.int64]:
    """RCEIL before clamping: the exponent of a / largest, rounded up, in FP32 arithmetic."""
    with np.errstate(all="ignore"):
        reciprocal = np.float32(1.0 / element.largest)
        d = (a.view(np.float32) * reciprocal).view(np.uint32)
    biased, mantissa = (d >> FP32.mantissa_bits).astype(np.int64), (d & (_ONE - 1)).astype(np.int64)
    # A subnormal d lies in (0, 2**-126): exponent field 0 up to 2**-127, else 1.
    return np.where(biased == 0, mantissa > 0x400000, biased + (mantissa != 0))


@cache
def comparator(element: ElementFormat, rule: ScaleRule) -> Comparator:
    """The comparator that equals a rule, its thresholds found by bisection on ``scale_codes``.

    Within one exponent a rule turns up by one at most once, so the last mantissa that does not
    is the threshold.

    >>> from mxsf.golden import E4M3, MXSF
    >>> comparator(MXSF, ScaleRule.CEIL).threshold, hex(comparator(E4M3, ScaleRule.RCEIL).threshold)
    (0, '0x600000')
    """

    def threshold(exponent: int) -> int:
        def rises(mantissa: int) -> bool:
            bits = np.uint32(exponent << FP32.mantissa_bits | mantissa)
            return int(scale_codes(bits, element, rule)) > max(exponent - element.emax, 0)

        low, high = 0, _ONE  # rises() is false below the answer and true from `high` on
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if rises(middle) else (middle + 1, high)
        return low - 1 if low < _ONE else _ONE

    at_low = min(max(element.emax, 1), E8M0.largest_code - 1)
    inside = min(at_low + 1, E8M0.largest_code - 1)
    return Comparator(element.emax, threshold(inside), threshold(at_low))
