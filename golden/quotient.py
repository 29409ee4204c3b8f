"""Quotients that lose nothing which a later rounding needs: rounded to odd.

Source: docs/numerics.md sections 2 and 3; Boldo, Melquiond, "Emulation of FMA and correctly rounded
sums: proved algorithms using rounding to odd", IEEE TC 57:462, 2008.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["odd_quotient", "round_bits"]

_SPLIT = 2.0**27 + 1  # cuts a float64 significand in halves (Veltkamp)
_DOUBLE_BITS = 52  # mantissa bits of a float64


def odd_quotient(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return a / b, where it is inexact the neighbour with an odd last place.

    It compares with every number of at most 52 significant bits as the exact quotient does, and
    rounds to them as that does.

    Args:
        a: float64, zero or from 2**-400 to 2**400 in magnitude, or Inf or NaN; any shape.
        b: the same, to broadcast.

    Returns:
        float64. What IEEE division says of Inf, NaN and a divisor of zero.

    >>> odd_quotient(1.0, 3.0) == 1 / 3, odd_quotient(3.0, 2.0).tolist()
    (np.True_, 1.5)
    >>> float(odd_quotient(1 + 2.0**-52, 1 + 2.0**-51)) < 1
    True
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient = np.asarray(x / y)
        rest = _remainder(x, quotient, y)
    bits = quotient.view(np.int64)
    inexact = (rest < 0) | (rest > 0)  # NaN is neither
    outwards = (rest < 0) == np.signbit(x)
    return np.where(inexact & (bits & 1 == 0), bits + 2 * outwards - 1, bits).view(np.float64)


def _remainder(x: Any, quotient: Any, y: Any) -> Any:
    """Return x - quotient * y, exact: the product in two parts (Dekker)."""
    high, low = _halves(quotient)
    y_high, y_low = _halves(y)
    product = quotient * y
    error = low * y_low - (((product - high * y_high) - low * y_high) - high * y_low)
    return (x - product) - error


def _halves(value: Any) -> tuple[Any, Any]:
    scaled = _SPLIT * value
    high = scaled - (scaled - value)
    return high, value - high


def round_bits(value: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Round to some significant bits, nearest even, of unbounded exponent.

    >>> round_bits(np.array([5.0, 7.0, -9.0]), 2).tolist()
    [4.0, 8.0, -8.0]
    """
    drop = _DOUBLE_BITS + 1 - bits
    words = value.view(np.int64)
    half = (1 << (drop - 1)) - 1 + ((words >> drop) & 1)
    return np.where(np.isfinite(value), ((words + half) & -(1 << drop)).view(np.float64), value)
