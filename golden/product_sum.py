"""Exact sums of products of elements: what the feed-forward half of a dot product computes.

Source: docs/numerics.md section 4.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .formats import ElementFormat

__all__ = ["sliced"]

_EXACT = 53  # bits of a float64 significand


@cache
def sliced(element: ElementFormat, length: int) -> NDArray[np.float64]:
    """Cut the values of a format into slices, whose products sum exactly in float64.

    The value of a code is the sum of its slices; special codes are 0 in all of them.

    Args:
        element: the format; its values may span 44 bits at most (5 exponent bits do).
        length: products in a sum; twice as many still sum exactly.

    Returns:
        float64 of shape ``(slices, 2**bits)``, one slice or two, highest bits first.

    Raises:
        ValueError: the span of the format's values is too wide.
    """
    width = (_EXACT - (2 * length - 1).bit_length()) // 2
    span = max(element.magnitudes[: element.largest_code + 1]).bit_length()
    span += element.twos_complement
    count = -(-span // width)
    if count > 2:
        raise ValueError(f"{element}: values of {span} bits are too wide for exact dot products")
    values = np.where(np.isfinite(element.table), element.table, 0.0)
    units = np.ldexp(values, -element.unit_exponent)
    if count == 1:
        return values[None]
    high = np.ldexp(np.trunc(np.ldexp(units, -width)), width)
    return np.ldexp(np.stack([high, units - high]), element.unit_exponent)
