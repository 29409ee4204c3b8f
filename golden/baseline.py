"""Baselines: dot products of BF16 words with FP32 accumulation, which MX dot products face.

Two ways of adding, named methods. ``tree``: exact products, added in a binary tree of FP32
additions, each rounded to nearest even. ``window``: exact products and acc aligned to the largest
exponent among them, cut to a window of bits, summed exactly, truncated to FP32.

Source: docs/numerics.md section 8.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dot.accumulator import rounded
from .formats.word import BF16, FP32, float_array

__all__ = ["LEAST_WINDOW", "MOST_WINDOW", "WINDOW", "Method", "check_method", "dot_bf16"]

Method = Literal["tree", "window"]
"""How the products of a baseline are added."""

WINDOW = 26
"""Default bits of the window: the leading one and 25 below, as measured on NVIDIA's H100."""

LEAST_WINDOW, MOST_WINDOW = 8, 32

_LEAST_NORMAL = 2.0**-126
_NOWHERE = -10_000  # exponent of a zero, which takes no part
_LONGEST = 1 << 16  # terms whose sum in the widest window float64 still holds


def check_method(method: str, window: int) -> None:
    """Raise ValueError where there is no such method or window."""
    if method not in get_args(Method):
        raise ValueError(f"method must be {' or '.join(get_args(Method))}, not {method!r}")
    if not LEAST_WINDOW <= window <= MOST_WINDOW:
        raise ValueError(f"window must be {LEAST_WINDOW} to {MOST_WINDOW} bits, not {window!r}")


def dot_bf16(
    a: ArrayLike,
    b: ArrayLike,
    acc: ArrayLike = 0.0,
    method: Method = "tree",
    window: int = WINDOW,
) -> NDArray[np.float32]:
    """Return acc plus the sum of products of BF16 words, as a baseline adds it.

    Args:
        a: floats, rounded to BF16 first; the last axis is the block, the leading axes broadcast.
        b: the other operand, blocks of the same length.
        acc: floats of the leading axes, rounded to FP32 first.
        method: ``"tree"`` or ``"window"``.
        window: bits of the window, 8 to 32; ``"tree"`` has none.

    Returns:
        float32 of the broadcast leading axes. Subnormal inputs count as zero; a result below
        2**-126 is a zero of its sign, an exactly zero one +0; NaN is 0x7FC00000.

    Raises:
        TypeError: integers, or anything else that is no float.
        ValueError: block lengths that differ, an unknown method, a window out of range.

    >>> a, b = np.ones(3), np.array([1.0, -1.0, 2.0**-30])
    >>> [float(dot_bf16(a, b, method=m)) * 2**30 for m in ("tree", "window")]
    [1.0, 0.0]
    """
    check_method(method, window)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        operands = [_flushed(BF16.values(BF16.words(x))) for x in (a, b)]
        start = _flushed(float_array(acc))
    for array in operands:
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(f"operands must have a block axis, their shape is {array.shape}")
    if operands[0].shape[-1] != operands[1].shape[-1]:
        lengths = f"{operands[0].shape[-1]} and {operands[1].shape[-1]}"
        raise ValueError(f"blocks must agree, not {lengths}")
    with np.errstate(invalid="ignore", over="ignore"):
        products = operands[0] * operands[1]
        if method == "tree":
            return _tree(products, start)[()]
        natural = (products.sum(axis=-1) + start).astype(np.float32)  # where special, it decides
        special = ~np.isfinite(products.sum(axis=-1) + start)
    left, right = (np.frexp(x)[1].astype(np.int64) - 1 for x in operands)
    finite = _window(products, left + right, start, window)
    return np.where(special, np.where(np.isnan(natural), np.float32(np.nan), natural), finite)[()]


def _flushed(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Float64 of float32 values, subnormal ones zero."""
    wide = values.astype(np.float64)
    return np.where(np.abs(wide) < _LEAST_NORMAL, 0.0, wide)


def _add(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """One FP32 addition. Float64 has more than twice FP32's bits, so rounding it again is exact."""
    return rounded(a.astype(np.float64) + b.astype(np.float64) + 0.0, FP32)


def _tree(products: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float32]:
    """Neighbours in pairs, an odd one to the next level; acc last."""
    level = rounded(products, FP32)
    while level.shape[-1] > 1:
        even = level.shape[-1] & ~1
        pairs = _add(level[..., 0:even:2], level[..., 1:even:2])
        level = np.concatenate([pairs, level[..., even:]], axis=-1)
    return _add(level[..., 0], start.astype(np.float32))


def _window(
    products: NDArray[np.float64],
    exponents: NDArray[np.int64],
    start: NDArray[np.float64],
    window: int,
) -> NDArray[np.float32]:
    """Align, cut, sum, truncate; finite values only."""
    shape = np.broadcast_shapes(products.shape[:-1], start.shape)
    length = products.shape[-1]
    if length >= _LONGEST:
        raise ValueError(f"blocks must be shorter than {_LONGEST}, not {length}")
    terms = np.empty((*shape, length + 1))
    terms[..., :-1], terms[..., -1] = products, start
    places = np.empty(terms.shape, np.int64)
    places[..., :-1], places[..., -1] = exponents, np.frexp(start)[1] - 1
    places = np.where(np.isfinite(terms) & (terms != 0), places, _NOWHERE)
    unit = places.max(axis=-1) - (window - 1)
    total = np.trunc(np.ldexp(np.where(np.isfinite(terms), terms, 0.0), -unit[..., None]))
    total = total.sum(axis=-1)  # exact: integers of fewer than 53 bits
    fraction, exponent = np.frexp(total)
    fraction = np.ldexp(np.trunc(np.ldexp(fraction, 24)), -24)
    return rounded(np.ldexp(fraction, exponent + unit) + 0.0, FP32)
