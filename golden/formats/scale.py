"""Block scales: the E8M0 byte and the four rules that choose it.

Source: docs/numerics.md section 2; OCP Microscaling Formats v1.0 section 5.4 (E8M0).
"""

import enum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .element import ElementFormat

__all__ = ["NAN_BYTE", "Comparator", "ScaleRule", "comparator", "decode_scale", "scale_bytes"]

NAN_BYTE = 0xFF
"""The E8M0 byte that makes every element of its block NaN."""

_ONE = 1 << 23  # one in units of an FP32 mantissa


class ScaleRule(enum.Enum):
    """How a block's scale follows from its largest magnitude (docs/numerics.md section 2)."""

    FLOOR = "floor"
    CEIL = "ceil"
    EVEN = "even"
    RCEIL = "rceil"


class Comparator(NamedTuple):
    """A scale rule as hardware sees it: ``byte = clamp(E - emax + (M > T), 0, 254)``.

    E and M are the biased exponent and the mantissa of the block's largest FP32 magnitude.

    Attributes:
        emax: exponent of the element format's largest magnitude.
        threshold: T, in units of ``2**-23``; ``2**23`` where the rule never rounds up.
        threshold_low: T where ``E == emax``, that is where the byte turns from 0 to 1.
    """

    emax: int
    threshold: int
    threshold_low: int


def decode_scale(scales: ArrayLike) -> NDArray[np.float64]:
    """Value of E8M0 bytes: ``2**(byte - 127)``, NaN for 0xFF; any shape, float64.

    >>> decode_scale([126, 127, 130, 255]).tolist()
    [0.5, 1.0, 8.0, nan]
    """
    byte = np.asarray(scales).astype(np.int64)
    return np.where(byte == NAN_BYTE, np.nan, np.ldexp(1.0, byte - 127))


def scale_bytes(
    largest: ArrayLike, element: ElementFormat, rule: ScaleRule = ScaleRule.FLOOR
) -> NDArray[np.uint8]:
    """Scale byte of blocks from the bits of their largest magnitude.

    Args:
        largest: FP32 bit patterns of the largest magnitudes, sign cleared; any shape, uint32.
            Subnormal words count as zero, Inf and NaN give byte 0xFF.
        element: the element format.
        rule: the scale rule.

    Returns:
        uint8, shape of ``largest``. A zero block has byte 0.

    >>> one = np.float32([0.0, 1.0, 1.5, 1.99]).view(np.uint32)
    >>> from mxsf.golden import E4M3
    >>> [int(byte) for byte in scale_bytes(one, E4M3)]
    [0, 119, 119, 119]
    >>> [int(byte) for byte in scale_bytes(one, E4M3, ScaleRule.RCEIL)]
    [0, 119, 119, 120]
    """
    a = np.asarray(largest).astype(np.int32)
    exponent = a >> 23
    if rule is ScaleRule.FLOOR:
        byte = exponent - element.emax
    elif rule is ScaleRule.CEIL:
        byte = exponent - element.emax + (a & (_ONE - 1) != 0)
    elif rule is ScaleRule.EVEN:
        rounded = a.astype(np.int64) + (1 << (22 - element.rounding_bits))
        byte = (rounded >> 23) - element.emax
    elif rule is ScaleRule.RCEIL:
        byte = _rceil(a, element)
    else:
        raise TypeError(f"rule must be a ScaleRule, not {rule!r}")
    byte = np.asarray(np.minimum(np.maximum(byte, 0), 254))
    byte[exponent == 255] = NAN_BYTE
    byte[exponent == 0] = 0
    return byte.astype(np.uint8)


def _rceil(a: NDArray[np.int32], element: ElementFormat) -> NDArray[np.int64]:
    """RCEIL before clamping: the exponent of a / largest, rounded up, in FP32 arithmetic."""
    with np.errstate(all="ignore"):
        reciprocal = np.float32(1.0 / element.largest)
        d = (a.view(np.float32) * reciprocal).view(np.uint32)
    exponent, mantissa = (d >> 23).astype(np.int64), (d & (_ONE - 1)).astype(np.int64)
    # A subnormal d lies in (0, 2**-126): byte 0 up to 2**-127, else byte 1.
    return np.where(exponent == 0, mantissa > 0x400000, exponent + (mantissa != 0))


@cache
def comparator(element: ElementFormat, rule: ScaleRule) -> Comparator:
    """The comparator that equals a rule, its thresholds found by bisection on ``scale_bytes``.

    Within one exponent a rule turns up by one at most once, so the last mantissa that does not
    is the threshold.

    >>> from mxsf.golden import E4M3, MXSF
    >>> comparator(MXSF, ScaleRule.CEIL).threshold, hex(comparator(E4M3, ScaleRule.RCEIL).threshold)
    (0, '0x600000')
    """

    def threshold(exponent: int) -> int:
        def rises(mantissa: int) -> bool:
            bits = np.uint32(exponent << 23 | mantissa)
            return int(scale_bytes(bits, element, rule)) > max(exponent - element.emax, 0)

        low, high = 0, _ONE  # rises() is false below the answer and true from `high` on
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if rises(middle) else (middle + 1, high)
        return low - 1 if low < _ONE else _ONE

    at_low = min(max(element.emax, 1), 253)
    inside = min(at_low + 1, 253)
    return Comparator(element.emax, threshold(inside), threshold(at_low))
