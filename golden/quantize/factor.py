"""Tensor factors: found from a tensor's largest magnitude, or checked where they are given.

Source: docs/numerics.md section 10.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat
from ..formats.factor import LARGEST_FACTOR, LEAST_FACTOR, Factor, FactorAxis, factor_shape
from ..formats.quotient_rule import QuotientRule
from ..formats.word import float_array, is_float
from ..quotient import odd_quotient
from ..slabs import matrices, slabs
from .magnitude import INFINITE, LEAST_NORMAL

__all__ = ["check_factor", "factor_of", "factors_in", "factors_of_slab", "reach"]

_FOUR_SIX_SCALE = 256.0  # leaves room for scales half as large again, which put a at 4


def reach(fmt: BlockFormat) -> float:
    """Return the largest magnitude that elements and scales of a format reach without a factor.

    >>> from mxsf.golden import NVFP4
    >>> reach(NVFP4)
    2688.0
    """
    four_six = fmt.rule is QuotientRule.FOUR_SIX
    return fmt.element.largest * (_FOUR_SIX_SCALE if four_six else fmt.scale.largest)


def factor_of(
    x: NDArray[Any], fmt: BlockFormat, given: ArrayLike | None
) -> NDArray[np.float32] | None:
    """Return the factors of a tensor, None where the format has none.

    Args:
        x: the tensor, any floating dtype, any shape but ().
        fmt: the block format.
        given: factors of ``factor_shape(x.shape, fmt.factor_axis)``, for ``Factor.GIVEN`` only;
            rounded to FP32.

    Raises:
        TypeError: given ones that are no floats.
        ValueError: given ones that are missing, out of range or of another shape.
    """
    if fmt.factor is Factor.NONE:
        return None
    shape = factor_shape(x.shape, fmt.factor_axis)
    if fmt.factor is Factor.GIVEN:
        if given is None:
            raise ValueError(f"factor must be given as a number: {fmt} does not find it")
        if not is_float(np.asarray(given).dtype):
            raise TypeError(f"factor must be a Factor or floats, not {given!r}")
        factor = float_array(given)
        check_factor(factor, fmt, x.shape)
        return factor
    amax = _largest_finite(matrices(x), fmt.factor_axis).reshape(shape)
    quotient = odd_quotient(amax, reach(fmt))
    limit = LARGEST_FACTOR
    if fmt.factor is Factor.POW2:
        mantissa, exponent = np.frexp(quotient)
        quotient = np.ldexp(1.0, exponent - (mantissa == 0.5))
        limit = 2.0**127
    return np.where(amax == 0, 1.0, quotient.clip(LEAST_FACTOR, limit)).astype(np.float32)


def _largest_finite(x: NDArray[Any], axis: FactorAxis) -> NDArray[np.float64]:
    """Largest finite magnitude that each factor is for; subnormal words count as zero."""
    count, rows, columns = x.shape
    shapes = {"tensor": (1, 1, 1), "row": (count, rows, 1), "column": (count, 1, columns)}
    found = np.zeros(shapes[axis])
    reduced = tuple(np.flatnonzero(np.array(found.shape) == 1))
    for place, _ in slabs(x.shape, (1, 1)):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            words = np.abs(x[place].astype(np.float32))
        bits = words.view(np.int32)
        words[(bits < LEAST_NORMAL) | (bits >= INFINITE)] = 0
        part = factors_of_slab(found, place)
        np.maximum(part, words.max(axis=reduced, keepdims=True), out=part)
    return found


def check_factor(factor: Any, fmt: BlockFormat, shape: tuple[int, ...]) -> None:
    """Raise where factors are not those of a tensor of that format and shape.

    Raises:
        TypeError: they are no float32 array.
        ValueError: the format has none, or their shape or a value is wrong.
    """
    if (factor is None) != (fmt.factor is Factor.NONE):
        raise ValueError("a factor belongs to formats that have one, and to no others")
    if factor is None:
        return
    if not isinstance(factor, np.ndarray) or factor.dtype != np.float32:
        raise TypeError(f"factor must be a float32 array, not {factor!r}")
    expected = factor_shape(shape, fmt.factor_axis)
    if factor.shape != expected:
        axis = fmt.factor_axis
        raise ValueError(f"factor of each {axis} of {shape} must be {expected}, not {factor.shape}")
    wrong = ~((factor >= LEAST_FACTOR) & (factor <= LARGEST_FACTOR))
    if wrong.any():
        raise ValueError(f"factor must be 2**-126 to below 2**128, not {factor[wrong][0]}")
    if fmt.factor is Factor.POW2 and (other := np.frexp(factor)[0] != 0.5).any():
        raise ValueError(f"factor must be a power of two, not {factor[other][0]}")


def factors_in(factor: NDArray[np.float32] | None) -> NDArray[np.float64] | None:
    """Return the factors of a tensor as those of its matrices, float64.

    Returns:
        Shape (matrices, rows, columns), 1 along each axis that a factor goes for all of.
    """
    if factor is None:
        return None
    wide = factor.astype(np.float64)
    return wide.reshape(1, 1, 1) if factor.ndim == 0 else matrices(wide)


def factors_of_slab(
    factor: NDArray[np.float64], place: tuple[slice, slice, slice]
) -> NDArray[np.float64]:
    """Return a view of what ``factors_in`` returned, for one slab; it broadcasts over that."""
    whole = slice(None)
    part = (p if size > 1 else whole for p, size in zip(place, factor.shape, strict=True))
    return factor[tuple(part)]
