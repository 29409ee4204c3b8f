"""Exact sums of products of elements: what the feed-forward half of a dot product computes.

Source: docs/numerics.md section 4.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .catalogue import MXSF
from .formats import ElementFormat

__all__ = ["Pair", "ProductSums", "check_pair", "product_sum", "sliced", "units"]

Pair = tuple[ElementFormat, ElementFormat]
"""The formats of a and b."""

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


class ProductSums(NamedTuple):
    """Exact sums of products, with what became of NaN and Inf.

    Attributes:
        sum: sum in units of ``a.least * b.least``, Python integers, dtype object. A product with
            an IEEE Inf or NaN code counts as 0; E4M3's NaN code as the number it would be.
        nan: a NaN element, Inf * 0, or infinite products of both signs, bool.
        inf: an infinite product, and not ``nan``, bool.
        inf_sign: whether that infinity is negative, bool; False where not ``inf``.
    """

    sum: NDArray[Any]
    nan: NDArray[np.bool_]
    inf: NDArray[np.bool_]
    inf_sign: NDArray[np.bool_]


def check_pair(element: ElementFormat | Pair) -> Pair:
    """Return the formats of a and b from one format or a pair.

    Raises:
        TypeError: it is neither.
        ValueError: a format has more than 5 exponent bits, or special codes that leave it no
            finite value above zero.
    """
    pair = element if isinstance(element, tuple) else (element, element)
    if len(pair) != 2 or not all(isinstance(f, ElementFormat) for f in pair):
        raise TypeError(f"element must be an ElementFormat or a pair of them, not {element!r}")
    for one in pair:
        level: ElementFormat | None = one
        while level is not None:
            if level.exponent_bits > 5:
                raise ValueError(
                    f"element must have at most 5 exponent bits for exact sums, not {one.name}"
                )
            level = level.subnormal
    return pair


def units(element: ElementFormat) -> tuple[int, ...]:
    """Value of every code in a sum: an integer in units of ``element.least``.

    IEEE Inf and NaN codes are 0. The NaN code of a format without Inf is the number it would be.
    """
    count = element.sign_mask
    values = element.magnitudes
    if element.twos_complement:
        return (*values, *(m - count for m in values))
    if element.has_inf:
        values = tuple(m if code < element.inf_code else 0 for code, m in enumerate(values))
    return (*values, *(-m for m in values))


def product_sum(
    a_codes: ArrayLike, b_codes: ArrayLike, element: ElementFormat | Pair = MXSF
) -> ProductSums:
    """Sum the products of codes over the last axis, exact.

    Args:
        a_codes: codes, the last axis is summed over; the leading axes broadcast.
        b_codes: codes of the other operand, as many along the last axis.
        element: format of the codes, or a pair for a and b.

    Returns:
        Sums and flags of the leading axes.

    Raises:
        TypeError: codes that are no integers.
        ValueError: codes out of range, last axes that differ.

    >>> product_sum([0x20, 0x01], [0x21, 0x81]).sum  # 32 * 16 * 33 * 16 - 1 in units of 2**-18
    270335
    """
    pair = check_pair(element)
    codes = [f.check_codes(c) for f, c in zip(pair, (a_codes, b_codes), strict=True)]
    for array in codes:
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(f"codes must have a last axis to sum, their shape is {array.shape}")
    length = codes[0].shape[-1]
    if codes[1].shape[-1] != length:
        raise ValueError(f"last axes must agree, not {length} and {codes[1].shape[-1]}")
    a, b = (np.array(units(f), dtype=np.int64)[c] for f, c in zip(pair, codes, strict=True))
    # One operand is cut into slices whose sums of products fit 63 bits.
    span = [max(map(abs, units(f))).bit_length() for f in pair]
    width = 62 - span[0] - length.bit_length()
    total: Any = 0
    for low in range(0, span[1] + 1, width):
        rest = b >> low
        piece = rest if low + width > span[1] else rest & ((1 << width) - 1)
        total = total + (a * piece).sum(axis=-1).astype(object) * (1 << low)
    return ProductSums(total, *_flags(codes, pair))


def _flags(codes: list[NDArray[Any]], pair: Pair) -> tuple[Any, Any, Any]:
    """NaN, Inf and its sign, by IEEE arithmetic on signs: products and sums of 0, 1 and Inf."""
    with np.errstate(invalid="ignore"):
        kinds = (
            np.where(np.isfinite(f.table), np.sign(f.table), f.table)[c]
            for f, c in zip(pair, codes, strict=True)
        )
        natural = np.multiply(*kinds).sum(axis=-1)
    return np.isnan(natural), np.isinf(natural), np.isneginf(natural)
