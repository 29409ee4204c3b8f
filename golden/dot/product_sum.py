"""Exact sums of products of elements: what the feed-forward half of a dot product computes.

Source: docs/numerics.md section 4.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, vector_format
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat
from ..formats.scale import ScaleFormat
from ..quantize.micro import along_block

__all__ = [
    "Formats",
    "Operand",
    "Operands",
    "Pair",
    "ProductSums",
    "check_formats",
    "check_pair",
    "halvings",
    "operand_pair",
    "product_sum",
    "single",
    "sliced",
    "spare_bits",
    "units",
]

Pair = tuple[ElementFormat, ElementFormat]
"""The element formats of a and b."""

Formats = tuple[BlockFormat, BlockFormat]
"""Their block formats, which may have microexponents."""

Operand = ElementFormat | BlockFormat
"""What the codes of an operand are given as."""

Operands = Operand | tuple[Operand, Operand]
"""What those of both are: a pair, or one for both."""

_EXACT = 53  # bits of a float64 significand


@cache
def sliced(element: ElementFormat, length: int, spare: int = 0) -> NDArray[np.float64]:
    """Cut the values of a format into slices, whose products sum exactly in float64.

    The value of a code is the sum of its slices; special codes are 0 in all of them.

    Args:
        element: the format; its values may span 44 bits at most (5 exponent bits do).
        length: products in a sum; twice as many still sum exactly.
        spare: bits of a sum left for the significands of scales (``spare_bits``).

    Returns:
        float64 of shape ``(slices, 2**bits)``, one slice or two, highest bits first.

    Raises:
        ValueError: the span of the format's values is too wide.
    """
    width = (_EXACT - (2 * length - 1).bit_length() - spare) // 2
    span = max(element.magnitudes[: element.largest_code + 1]).bit_length()
    span += element.twos_complement
    count = -(-span // width)
    if count > 2:
        raise ValueError(f"{element}: values of {span} bits are too wide for exact dot products")
    values = np.where(np.isfinite(element.table), element.table, 0.0)
    if count == 1:
        return values[None]
    whole = np.ldexp(values, -element.unit_exponent)
    high = np.ldexp(np.trunc(np.ldexp(whole, -width)), width)
    return np.ldexp(np.stack([high, whole - high]), element.unit_exponent)


def spare_bits(*scales: ScaleFormat) -> int:
    """Bits that the significands of scales add to a sum: none where they are powers of two."""
    return sum(0 if scale.power_of_two else scale.significand_bits for scale in scales)


class ProductSums(NamedTuple):
    """Exact sums of products, with what became of NaN and Inf.

    Attributes:
        sum: sum in units of ``a.least * b.least``, where an operand with microexponents counts in
            halves of its least; Python integers, dtype object. A product with an IEEE Inf or NaN
            code counts as 0; E4M3's NaN code as the number it would be.
        nan: a NaN element, Inf * 0, or infinite products of both signs, bool.
        inf: an infinite product, and not ``nan``, bool.
        inf_sign: whether that infinity is negative, bool; False where not ``inf``.
    """

    sum: NDArray[Any]
    nan: NDArray[np.bool_]
    inf: NDArray[np.bool_]
    inf_sign: NDArray[np.bool_]


def single(element: Operands) -> Operands:
    """Return one format where a pair has the same twice."""
    same = isinstance(element, tuple) and element[:1] == element[1:]
    return element[0] if isinstance(element, tuple) and same else element


def operand_pair(element: Operands) -> tuple[Operand, Operand]:
    """Return what the codes of a and of b are given as, from one format or a pair.

    Raises:
        TypeError: it is neither.
    """
    pair = element if isinstance(element, tuple) else (element, element)
    if len(pair) != 2 or not all(isinstance(f, ElementFormat | BlockFormat) for f in pair):
        raise TypeError(
            f"element must be an ElementFormat, a BlockFormat or a pair of them, not {element!r}"
        )
    return pair


def check_formats(element: Operands) -> Formats:
    """Return the block formats of a and b from one format or a pair.

    Raises:
        TypeError: it is neither.
        ValueError: a format has more than 5 exponent bits, or blocks of several rows.
    """
    a, b = (vector_format(operand) for operand in operand_pair(element))
    for operand in (a.element, b.element):
        level: ElementFormat | None = operand
        while level is not None:
            if level.exponent_bits > 5:
                raise ValueError(
                    f"element must have at most 5 exponent bits for exact sums, not {operand.name}"
                )
            level = level.subnormal
    return a, b


def check_pair(element: Operands) -> Pair:
    """Return the element formats of a and b, checked as by ``check_formats``."""
    a, b = check_formats(element)
    return a.element, b.element


def units(format: Operand) -> tuple[int, ...]:
    """Value of every code in a sum: an integer in units of the least one.

    IEEE Inf and NaN codes are 0. The NaN code of a format without Inf is the number it would be.
    In a format with microexponents, those are 0 here: values are even, a microexponent halves them.
    """
    if isinstance(format, BlockFormat):
        whole = 1 if format.micro is None else 2
        return tuple(whole * value for value in units(format.element))
    count = format.sign_mask
    values = format.magnitudes
    if format.twos_complement:
        return (*values, *(m - count for m in values))
    if format.has_inf:
        values = tuple(m if code < format.inf_code else 0 for code, m in enumerate(values))
    return (*values, *(-m for m in values))


def product_sum(
    a_codes: ArrayLike,
    b_codes: ArrayLike,
    element: Operands = MXSF,
    *,
    a_micro: ArrayLike | None = None,
    b_micro: ArrayLike | None = None,
) -> ProductSums:
    """Sum the products of codes over the last axis, exact.

    Args:
        a_codes: codes, the last axis is summed over; the leading axes broadcast.
        b_codes: codes of the other operand, as many along the last axis.
        element: format of the codes, or a pair for a and b.
        a_micro: microexponents of a, 0 or 1, one for each group of codes that share one; of
            formats that have them, and of no others.
        b_micro: the same of the other operand.

    Returns:
        Sums and flags of the leading axes.

    Raises:
        TypeError: codes that are no integers.
        ValueError: codes out of range, last axes that differ, microexponents that do not fit.

    >>> product_sum([0x20, 0x01], [0x21, 0x81]).sum  # 32 * 16 * 33 * 16 - 1 in units of 2**-18
    270335
    >>> from mxsf.golden import MX4
    >>> int(product_sum([1, 2], [3, 0x7], MX4, a_micro=[0], b_micro=[1]).sum)  # 2*1 * (3 - 2*3)
    -6
    """
    formats = check_formats(element)
    pair = check_pair(element)
    codes = [f.check_codes(c) for f, c in zip(pair, (a_codes, b_codes), strict=True)]
    for array in codes:
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(f"codes must have a last axis to sum, their shape is {array.shape}")
    length = codes[0].shape[-1]
    if codes[1].shape[-1] != length:
        raise ValueError(f"last axes must agree, not {length} and {codes[1].shape[-1]}")
    a, b = (
        np.array(units(f), dtype=np.int64)[c] >> halvings(name, f, micro, length)
        for name, f, c, micro in zip(
            ("a_micro", "b_micro"), formats, codes, (a_micro, b_micro), strict=True
        )
    )
    # One operand is cut into slices whose sums of products fit 63 bits.
    span = [max(map(abs, units(f))).bit_length() for f in formats]
    width = 62 - span[0] - length.bit_length()
    total: Any = 0
    for low in range(0, span[1] + 1, width):
        rest = b >> low
        piece = rest if low + width > span[1] else rest & ((1 << width) - 1)
        total = total + (a * piece).sum(axis=-1).astype(object) * (1 << low)
    return ProductSums(total, *_flags(codes, pair))


def halvings(
    name: str, format: BlockFormat, micro: ArrayLike | None, length: int
) -> NDArray[np.int64]:
    """How often each value is halved, 0 or 1, along the axis that is summed over.

    Args:
        name: what errors call the microexponents.
        format: the block format.
        micro: its microexponents; None where it has none.
        length: of the axis.

    Raises:
        ValueError: microexponents that do not belong to the format, or do not fit.
    """
    if (micro is None) != (format.micro is None):
        raise ValueError(f"{name} belongs to formats with microexponents, and {format} is another")
    if micro is None or format.micro is None:
        return np.zeros(length, np.int64)
    if np.shape(micro)[-1:] != (length // format.micro[1],):
        raise ValueError(
            f"{name} must be one for {format.micro[1]} of {length} codes, "
            f"its shape is {np.shape(micro)}"
        )
    return along_block(name, micro, length)


def _flags(codes: list[NDArray[Any]], pair: Pair) -> tuple[Any, Any, Any]:
    """NaN, Inf and its sign, by IEEE arithmetic on signs: products and sums of 0, 1 and Inf."""
    with np.errstate(invalid="ignore"):
        kinds = (
            np.where(np.isfinite(f.table), np.sign(f.table), f.table)[c]
            for f, c in zip(pair, codes, strict=True)
        )
        natural = np.multiply(*kinds).sum(axis=-1)
    return np.isnan(natural), np.isinf(natural), np.isneginf(natural)
