"""Accumulation: acc plus an exact value, rounded once to FP32 or BF16.

Source: docs/numerics.md section 4.

An exact value is a list of float64 arrays, its terms: their unrounded sum is meant. Error-free
transformations (TwoSum) turn terms into a leading float64 and the sign of what is left; rounding
that pair to odd keeps all that a later rounding to 24 bits can need.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.word import FP32, WordFormat

__all__ = ["accumulate", "rounded", "two_sum"]

_LEAST_NORMAL = 2.0**-126
_DOUBLE_BITS = 52  # mantissa bits of a float64


def accumulate(
    acc: ArrayLike, terms: Sequence[NDArray[np.float64]], word: WordFormat = FP32
) -> NDArray[np.float32]:
    """Return round(acc + sum of terms): one rounding, nearest even, results below 2**-126 flushed.

    Args:
        acc: float32 values; subnormal ones count as zero.
        terms: finite float64 arrays that broadcast with acc, at most four.
        word: what to round to, FP32 or BF16.

    Returns:
        float32; values of BF16 where that is the word. An exactly zero result is +0, a flushed one
        a zero of its sign; overflow is Inf; an infinite acc stays, and NaN gives 0x7FC00000.

    >>> float(accumulate(np.float32(1), [np.float64(2.0**-24), np.float64(2.0**-90)]))
    1.0000001192092896
    """
    with np.errstate(invalid="ignore"):  # a signalling NaN is none to us
        start = np.asarray(acc, dtype=np.float32).astype(np.float64)
    start = np.where(np.abs(start) < _LEAST_NORMAL, 0.0, start)
    finite = np.isfinite(start)
    parts = [np.where(finite, start, 0.0), *terms]
    leading, rest = _distil(parts)
    return np.where(finite, rounded(_to_odd(leading, rest), word), start).astype(np.float32)[()]


def two_sum(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rounded sum and its error, exact (Knuth)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def rounded(value: NDArray[np.float64], word: WordFormat = FP32) -> NDArray[np.float32]:
    """Round float64 values to a word, nearest even, unbounded exponent first, then the flush rule.

    Args:
        value: exact values, or inexact ones that were rounded to odd.
        word: FP32 or BF16.

    Returns:
        float32; values of BF16 where that is the word.

    >>> from mxsf.golden import BF16
    >>> rounded(np.array([1 + 2.0**-8, 1 + 2.0**-8 + 2.0**-40, 2.0**-127]), BF16).tolist()
    [1.0, 1.0078125, 0.0]
    """
    drop = _DOUBLE_BITS - word.mantissa_bits
    bits = np.asarray(value).view(np.int64)
    even = (bits >> drop) & 1
    result = ((bits + ((1 << (drop - 1)) - 1 + even)) & -(1 << drop)).view(np.float64)
    result = np.where(np.isfinite(value), result, value)
    result = np.where(np.abs(result) < _LEAST_NORMAL, np.copysign(0.0, value), result)
    with np.errstate(over="ignore"):
        single = result.astype(np.float32)
    return np.where(np.isnan(single), np.float32(np.nan), single)


def _distil(
    parts: Sequence[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading float64 of an exact sum, and a value of the sign of what is left."""
    work = list(np.broadcast_arrays(*parts))
    for _ in range(len(work) - 1):
        for i in range(len(work) - 1, 0, -1):
            work[i - 1], work[i] = two_sum(work[i - 1], work[i])
    rest = np.zeros_like(work[0])
    for part in reversed(work[1:]):
        rest = rest + part
    return two_sum(work[0], rest)


def _to_odd(leading: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move an even leading value by one last place towards a rest that is not zero."""
    bits = leading.view(np.int64)
    step = np.where(np.signbit(leading) == np.signbit(rest), 1, -1)
    moved = np.where((rest != 0) & (bits & 1 == 0), bits + step, bits)
    return moved.view(np.float64)
