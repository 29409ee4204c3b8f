"""Matrix products, made of block dot products.

Source: docs/numerics.md sections 6 and 10.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..quantize.micro import weights
from ..quantize.tensor import BlockTensor
from ..slabs import Scratch
from .accumulator import accumulate, rounded, two_sum
from .product_sum import sliced, spare_bits

__all__ = ["matmul"]

_OUTPUTS = 1 << 15  # outputs handled at once: accumulators stay in the cache
_TIE = 1 << 28  # low bits of a float64 halfway between two float32
_BELOW = (1 << 29) - 1


def matmul(a: BlockTensor, b: BlockTensor, acc: ArrayLike | None = None) -> NDArray[np.float32]:
    """Multiply matrices block by block: ``dot`` over the K blocks in increasing order.

    Where a or b has a factor, the sums start at 0, and the result is
    ``round(acc + alpha * sum)`` with alpha, the product of the factors, rounded to FP32.

    Args:
        a: shape (M, K).
        b: shape (K, N), its blocks as long along K as those of a.
        acc: start of the sums, or what is added to them, broadcast to (M, N); default 0.

    Returns:
        float32 of shape (M, N).

    Raises:
        ValueError: shapes or blocks do not agree, or factors change along K.

    >>> from mxsf.golden import MXSF, quantize
    >>> x = quantize(np.eye(4, dtype=np.float32) * 3, MXSF, (2, 2))
    >>> matmul(x, x.T).tolist()[1]
    [0.0, 9.0, 0.0, 0.0]
    >>> from mxsf.golden import NVFP4
    >>> y = quantize(np.eye(4, dtype=np.float32) * 3, NVFP4, factor=0.5)
    >>> matmul(y, y.T, np.float32(1)).tolist()[1]
    [1.0, 10.0, 1.0, 1.0]
    """
    if a.codes.ndim != 2 or b.codes.ndim != 2:
        raise ValueError(f"matmul takes matrices, not shapes {a.shape} and {b.shape}")
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"inner axes must agree, not {a.shape} and {b.shape}")
    if a.block[1] != b.block[0]:
        raise ValueError(f"blocks along K must agree, not {a.block} and {b.block}")
    shape = (a.shape[0], b.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        start = np.asarray(0.0 if acc is None else acc).astype(np.float32)
    alpha = _alpha(a, b)
    first = start if alpha is None else np.float32(0)
    result = np.array(np.broadcast_to(first, shape), dtype=np.float32, order="C")
    product = _MatrixProduct(a, b)
    rows = max(1, _OUTPUTS // shape[1])
    for top in range(0, shape[0], rows):
        product.run(slice(top, min(top + rows, shape[0])), result[top : top + rows])
    if alpha is not None:
        result = _scaled_sums(result, alpha, start)
    if acc is not None:
        result[np.isnan(result)] = np.nan  # the one quiet NaN, whatever came with acc
    return result


def _alpha(a: BlockTensor, b: BlockTensor) -> NDArray[np.float32] | None:
    """Product of the factors, one or one for each row and column; None where there are none."""
    for side, tensor, axis in (("a", a, "column"), ("b", b, "row")):
        if tensor.format.factor_axis == axis:
            raise ValueError(f"{side} must have no factor for each {axis}, which K runs over")
    factors = [1.0 if f is None else f.astype(np.float64) for f in (a.factor, b.factor)]
    if a.factor is None and b.factor is None:
        return None
    return rounded(np.asarray(factors[0] * factors[1]))


def _scaled_sums(
    sums: NDArray[np.float32], alpha: NDArray[np.float32], start: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Round start + alpha * sum once; Inf and NaN by IEEE arithmetic."""
    with np.errstate(invalid="ignore"):
        natural = sums.astype(np.float64) * alpha
        finite = np.isfinite(natural)
        total = accumulate(start, [np.where(finite, natural, 0.0)])
        result = np.where(finite, total, (natural + start).astype(np.float32))
    return np.where(np.isnan(result), np.float32(np.nan), result)


class _MatrixProduct:
    """Operands of a matrix product as float64 slices with their scales folded in, exact."""

    def __init__(self, a: BlockTensor, b: BlockTensor):
        self._length = a.block[1]
        self._steps = range(0, a.shape[1], self._length)
        spare = spare_bits(a.format.scale, b.format.scale)
        self._a = _folded(a, self._length, spare)
        self._b = _folded(b, self._length, spare)
        self._a_special, self._b_special = _special(a), _special(b)
        # Where all sums are multiples of 2**-126 the flush rule cannot apply.
        self._safe = _least_unit(a) + _least_unit(b) >= -126
        self._scratch = Scratch()

    def run(self, rows: slice, acc: NDArray[np.float32]) -> None:
        """Accumulate the K blocks of some rows into acc, in place."""
        with np.errstate(invalid="ignore"):  # a signalling NaN
            acc += np.float32(0)  # no sum is -0
        quick = self._safe and _clear(acc)
        for k in self._steps:
            inner = slice(k, k + self._length)
            terms = self._terms(self._a[:, rows, inner], self._b[:, inner])
            if quick:
                self._quick(acc, terms)
            else:
                acc[...] = accumulate(acc, terms)
            self._specials(rows, inner, acc)

    def _terms(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Exact product of two matrices, from slices: one term for each weight."""
        if len(a) == len(b) == 2:
            middle = np.concatenate([*a], axis=1) @ np.concatenate([*b[::-1]], axis=0)
            return [a[0] @ b[0], middle, a[1] @ b[1]]
        shape = (a.shape[1], b.shape[2])
        pairs = [(left, right) for left in a for right in b]
        outs = (self._scratch(f"term {n}", shape, np.float64) for n in range(len(pairs)))
        return [np.matmul(*pair, out=out) for pair, out in zip(pairs, outs, strict=True)]

    def _quick(self, acc: NDArray[np.float32], terms: list[NDArray[np.float64]]) -> None:
        """One float64 addition, rounded again to FP32, in place.

        That is wrong only where the terms' own sum is inexact, or the addition hits a tie: those
        few sums are done again the long way.
        """
        term, doubtful = terms[0], None
        for other in terms[1:]:
            term, error = two_sum(term, other)
            doubtful = error != 0 if doubtful is None else doubtful | (error != 0)
        total = self._scratch("total", acc.shape, np.float64)
        np.copyto(total, acc)
        total += term
        low = self._scratch("low", acc.shape, np.int64)
        np.bitwise_and(total.view(np.int64), _BELOW, out=low)
        ties = low == _TIE
        wrong = np.flatnonzero(ties if doubtful is None else ties | doubtful)
        again = None
        if wrong.size:
            again = accumulate(acc.flat[wrong], [t.reshape(-1)[wrong] for t in terms])
        with np.errstate(over="ignore"):
            np.copyto(acc, total, casting="same_kind")
        if again is not None:
            acc.flat[wrong] = again

    def _specials(self, rows: slice, inner: slice, acc: NDArray[np.float32]) -> None:
        """Let NaN and Inf elements and NaN scales through, by IEEE arithmetic."""
        if self._a_special is None and self._b_special is None:
            return
        a, b = self._a_special, self._b_special
        left = self._a[:, rows, inner].sum(axis=0) if a is None else a[rows, inner]
        right = self._b[:, inner].sum(axis=0) if b is None else b[inner]
        with np.errstate(invalid="ignore"):
            natural = left @ right
            wild = ~np.isfinite(natural)
            acc[wild] = natural[wild] + acc[wild]
        acc[np.isnan(acc)] = np.nan


def _folded(tensor: BlockTensor, length: int, spare: int) -> NDArray[np.float64]:
    """Slices of the finite values with scales: float64 of shape (slices, rows, columns), exact."""
    return _scaled(sliced(tensor.element, length, spare), tensor, nan=0.0)


def _special(tensor: BlockTensor) -> NDArray[np.float64] | None:
    """Values with Inf and NaN, in float64's range, None where there are none."""
    wild = ~np.isfinite(tensor.element.table)[tensor.codes]
    if not wild.any() and not tensor.format.scale.is_nan(tensor.scales).any():
        return None
    return _scaled(tensor.element.table, tensor, nan=np.nan)


def _scaled(tables: NDArray[np.float64], tensor: BlockTensor, nan: float) -> NDArray[np.float64]:
    """Look codes up in tables (..., codes) and scale them, exact; ``nan`` is a NaN scale."""
    scale = np.nan_to_num(tensor.format.scale.decode(tensor.scales), nan=nan)
    rows, columns = tensor.block
    wide = scale.repeat(rows, axis=0)[: tensor.shape[0]].repeat(columns, axis=1)
    if tensor.micro is not None and tensor.format.micro is not None:
        wide = wide[:, : tensor.shape[1]] * weights(tensor.micro, tensor.format.micro, tensor.shape)
    return tables[..., tensor.codes] * wide[:, : tensor.shape[1]]


def _least_unit(tensor: BlockTensor) -> int:
    """Exponent of a unit that all values of a tensor are multiples of."""
    scale = tensor.format.scale
    least = int(scale.parts(tensor.scales.min()).exponent)
    return tensor.format.unit_exponent + least + scale.offset


def _clear(acc: NDArray[np.float32]) -> bool:
    """Whether all values of acc are multiples of 2**-126, as 24-bit values from 2**-102 on are."""
    magnitude = np.abs(acc)
    return not ((magnitude > 0) & (magnitude < 2.0**-102)).any()
