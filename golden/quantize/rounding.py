"""Rounding: words of whole blocks to codes, by scales that are chosen already.

Source: docs/numerics.md sections 3 and 10.

The fast path rounds with the floating-point adder. For each sign and binade a constant C is
chosen such that the low bits of ``v + C`` are the code of v: C's last place is the element's
spacing in that binade, its low bits are the binade's first code (and the sign bit), and the
adder's nearest-even is the code's. ``ElementFormat.encode`` is the judge: tests hold both equal.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.block import BlockFormat
from ..formats.element import ElementFormat, Overflow
from ..formats.scale import ScaleFormat
from ..formats.word import FP32
from ..quotient import odd_quotient, round_bits
from ..slabs import Scratch, spread
from .magnitude import counted

__all__ = ["round_nearest", "round_random"]

_WORD_EMIN = 1 - FP32.bias  # exponent of the least normal word


@cache
def _factors(scale: ScaleFormat, dtype: type[np.floating]) -> NDArray[np.floating]:
    """What undoes each scale, a power of two."""
    exponent = scale.parts(np.arange(scale.nan_code + 1)).exponent + scale.offset
    return np.ldexp(dtype(1), -exponent)


def _unscaled(
    words: NDArray[np.float32],
    scales: NDArray[Any],
    scale: ScaleFormat,
    dtype: type[np.floating],
    flush: bool,
    scratch: Scratch,
) -> NDArray[Any]:
    """Elements in the element format's own scale, v / 2**s; shape of ``words``.

    The product is exact, or so small that it rounds to code 0.
    """
    columns = words.shape[-1] // scales.shape[-1]
    v = scratch("elements", words.shape, dtype)
    np.multiply(words, spread(_factors(scale, dtype)[scales], columns), out=v)
    if flush:
        v *= counted(words)
    return v


def _divided(
    words: NDArray[np.float32],
    scales: NDArray[Any],
    fmt: BlockFormat,
    factor: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Elements v / (scale * factor), rounded to odd; shape of ``words``.

    Of scales with a mantissa, whose quotients have no end. At scale 0 what is not zero is infinite.
    """
    flushed = words * counted(words)
    columns = words.shape[-1] // scales.shape[-1]
    values = np.nan_to_num(fmt.scale.table, nan=1.0)  # the codes of a NaN block are not used
    divisor = spread(values[scales], columns)
    if factor is not None:
        divisor = divisor * factor[:, :, None]
    v = _by_reciprocal(flushed, divisor) if fmt.reciprocal else odd_quotient(flushed, divisor)
    return np.where(flushed == 0, flushed, v)


def _by_reciprocal(words: NDArray[np.float32], divisor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Words times the rounded reciprocal of the divisor, rounded: FP32, unbounded exponent."""
    with np.errstate(invalid="ignore"):
        reciprocal = round_bits(odd_quotient(1.0, divisor), FP32.mantissa_bits + 1)
        return round_bits(words * reciprocal, FP32.mantissa_bits + 1)


def round_nearest(
    words: NDArray[np.float32],
    scales: NDArray[Any],
    fmt: BlockFormat,
    scratch: Scratch,
    factor: NDArray[np.float64] | None = None,
) -> NDArray[Any]:
    """Round to nearest even, by the adder.

    Args:
        words: (matrices, block rows, rows of a block, columns), whole blocks; changed nowhere.
        scales: the code of each block's scale, (matrices, block rows, blocks).
        fmt: the block format.
        scratch: buffers, the result among them.
        factor: factors that broadcast over (matrices, rows, columns); None for none.

    Returns:
        Unsigned words, shape of ``words``: codes in the low bits, the adder's rest above. Blocks
        with a NaN scale have any codes.
    """
    element = fmt.element
    adder = _adder(element, fmt.overflow, not fmt.scale.power_of_two)
    if fmt.scale.power_of_two:
        # Half of the least magnitude, in words: a subnormal word could reach code 1 above it.
        least = fmt.scale.offset + int(scales.min()) + element.unit_exponent - 1
        v = _unscaled(words, scales, fmt.scale, adder.dtype, least < _WORD_EMIN, scratch)
    else:
        v = _divided(words, scales, fmt, factor)
    v.clip(-adder.limit, adder.limit, out=v)
    codes = v.view(adder.unsigned)
    index = scratch("index", v.shape, np.intp)
    np.right_shift(codes, adder.mantissa_bits, out=index, casting="unsafe")
    # Every index is in range; of NumPy's modes "wrap" is the fast one.
    constants = scratch("constants", v.shape, adder.dtype)
    v += np.take(adder.constants, index, mode="wrap", out=constants)
    if element.bits not in (8, 16):
        codes &= adder.unsigned((1 << element.bits) - 1)
    return codes


class _Adder(NamedTuple):
    """What rounds by one addition.

    Attributes:
        dtype: float32 where ``v + C`` stays inside its range for every v that matters and v is
            exact, or float64.
        unsigned: the unsigned integer of the same width.
        mantissa_bits: of the float type.
        constants: C for each sign and biased exponent of the float type.
        limit: where larger magnitudes are clipped to, so that they saturate or reach Inf or NaN.
    """

    dtype: type[np.floating]
    unsigned: type[np.unsignedinteger]
    mantissa_bits: int
    constants: NDArray[np.floating]
    limit: np.floating


@cache
def _adder(element: ElementFormat, overflow: Overflow, wide: bool = False) -> _Adder:
    top = element.binades[0]
    narrow = not wide and element.unit_exponent > -120 and top.exponent - top.mantissa_bits < 100
    dtype, unsigned = (np.float32, np.uint32) if narrow else (np.float64, np.uint64)
    info = np.finfo(dtype)
    bias, middle = info.maxexp - 1, 3 << (info.nmant - 1)  # 1.5 * 2**nmant: C keeps its exponent
    spacing, offset = _spacing(element, np.arange(2 * bias + 2) - bias)
    positive = np.ldexp((middle + offset).astype(dtype), spacing)
    if element.twos_complement:
        negative = positive
    else:
        negative = -np.ldexp((middle + offset + element.sign_mask).astype(dtype), spacing)
    beyond = element.limit_code(overflow) - element.largest_code
    limit = element.largest + beyond * 2.0 ** (top.exponent - top.mantissa_bits)
    constants = np.concatenate([positive, negative])
    return _Adder(dtype, unsigned, int(info.nmant), constants, dtype(limit))


def _spacing(
    element: ElementFormat, exponent: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For values of each exponent: log2 of the code spacing, and the offset of the code.

    ``code = offset + |v| / 2**spacing``. The lowest binade goes on down to zero, the top one up.
    """
    ascending = element.binades[::-1]
    index = np.searchsorted([b.exponent for b in ascending], exponent, side="right") - 1
    spacing = np.array([b.exponent - b.mantissa_bits for b in ascending])[np.maximum(index, 0)]
    first = np.array([b.first_code - (1 << b.mantissa_bits) for b in ascending])
    return spacing, np.where(index < 0, 0, first[np.maximum(index, 0)])


def round_random(
    words: NDArray[np.float32],
    scales: NDArray[Any],
    fmt: BlockFormat,
    draws: NDArray[np.int64],
    random_bits: int,
    scratch: Scratch,
    factor: NDArray[np.float64] | None = None,
) -> NDArray[Any]:
    """Round down after a draw is added; draws of one half of the range round half away from zero.

    Args:
        words: as those of ``round_nearest``.
        scales: the same.
        fmt: the block format.
        draws: integers in ``[0, 2**random_bits)``, shape of ``words``.
        random_bits: R: the code is ``floor(|v| / ulp + draw / 2**R)``.
        scratch: buffers.
        factor: as that of ``round_nearest``.

    Returns:
        Codes of the element's dtype, shape of ``words``.
    """
    element = fmt.element
    if fmt.scale.power_of_two:
        v = _unscaled(words, scales, fmt.scale, np.float64, True, scratch)
    else:
        limit = _adder(element, fmt.overflow, True).limit
        v = _divided(words, scales, fmt, factor).clip(-limit, limit)  # the infinite ones saturate
    v[~np.isfinite(v)] = 0.0
    exponent = np.where(v == 0, -1024, np.frexp(v)[1].astype(np.int64) - 1)
    spacing, offset = _spacing(element, exponent)
    # What lies below a whole step changes no carry, and the sum of whole numbers is exact.
    steps = np.floor(np.ldexp(np.abs(v), random_bits - spacing)) + draws
    magnitude = offset + np.floor(np.ldexp(steps, -random_bits)).astype(np.int64)
    magnitude = np.minimum(magnitude, element.limit_code(fmt.overflow))
    negative = np.signbit(v)
    if element.twos_complement:
        codes = np.where(negative, -magnitude, magnitude) & ((1 << element.bits) - 1)
    else:
        codes = magnitude | np.where(negative, element.sign_mask, 0)
    return codes.astype(element.code_dtype)
