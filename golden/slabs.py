"""Tensors cut into slabs of whole blocks: what keeps the NumPy passes inside the cache.

Every pass over a tensor is done slab by slab, into scratch buffers that all slabs share. Memory
then holds the input, the result and a few slabs, and no pass waits for fresh pages.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Scratch", "block_counts", "fit", "matrices", "slabs", "spread", "whole_blocks"]

_SLAB = 1 << 17  # elements of a slab: few enough for the cache, many for the cost of a call


class Scratch:
    """Named buffers, allocated once and handed out again for every slab.

    >>> scratch = Scratch()
    >>> first = scratch("sum", (2, 3), np.float32)
    >>> np.shares_memory(first, scratch("sum", (1, 3), np.float32))
    True
    """

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[Any]] = {}
        self._arrays: dict[tuple[str, tuple[int, ...]], NDArray[Any]] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of unspecified content; it is valid until the name is asked for again."""
        array = self._arrays.get((name, shape))
        if array is None:
            size, buffer = prod(shape), self._buffers.get(name)
            if buffer is None or buffer.size < size:
                buffer = self._buffers[name] = np.empty(size, dtype)
            array = self._arrays[name, shape] = buffer[:size].reshape(shape)
        return array


def block_counts(shape: tuple[int, ...], block: tuple[int, int]) -> tuple[int, ...]:
    """Shape of the scales of a tensor: one per started block."""
    if len(shape) == 1:
        return (-(-shape[0] // block[1]),)
    return (*shape[:-2], -(-shape[-2] // block[0]), -(-shape[-1] // block[1]))


def fit(block: tuple[int, int], shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return the block, cut down to the matrix where it is larger: it cuts the same blocks."""
    return min(block[0], shape[1]), min(block[1], shape[2])


def matrices(a: NDArray[Any]) -> NDArray[Any]:
    """View as (matrices, rows, columns); one axis is one row."""
    return a.reshape(1, 1, -1) if a.ndim == 1 else a.reshape(-1, *a.shape[-2:])


def slabs(
    shape: tuple[int, int, int], block: tuple[int, int]
) -> Iterator[tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]]:
    """Cut (matrices, rows, columns) into slabs of whole blocks.

    Yields:
        The slab's elements and its scales, each as three slices.
    """
    count, rows, columns = shape
    width = _length(columns, block[1], _SLAB // block[0])
    height = _length(rows, block[0], _SLAB // min(width, columns))
    depth = max(1, _SLAB // (min(width, columns) * min(height, rows)))
    for i in range(0, count, depth):
        matrix = slice(i, min(i + depth, count))
        for j in range(0, rows, height):
            row, scale_row = _cut(j, height, rows, block[0])
            for k in range(0, columns, width):
                column, scale_column = _cut(k, width, columns, block[1])
                yield (matrix, row, column), (matrix, scale_row, scale_column)


def _length(axis: int, block: int, target: int) -> int:
    """Length of a slab: whole blocks, about ``target``, no longer than the axis needs."""
    return min(max(1, target // block), -(-axis // block)) * block


def _cut(start: int, length: int, axis: int, block: int) -> tuple[slice, slice]:
    stop = min(start + length, axis)
    return slice(start, stop), slice(start // block, -(-stop // block))


def whole_blocks(
    piece: NDArray[Any], block: tuple[int, int], dtype: type[np.generic], scratch: Scratch
) -> NDArray[Any]:
    """Return a slab as (matrices, block rows, rows of a block, columns), in whole blocks.

    What is missing is zero. The array is contiguous: the slab itself where that is so already.
    """
    n, h, w = piece.shape
    whole = (n, -(-h // block[0]), block[0], -(-w // block[1]) * block[1])
    if piece.dtype == dtype and piece.flags.c_contiguous and piece.size == prod(whole):
        return piece.reshape(whole)
    padded = scratch(f"whole {dtype.__name__}", whole, dtype)
    inside = padded.reshape(n, -1, whole[-1])
    inside[:, h:] = 0
    inside[:, :, w:] = 0
    np.copyto(inside[:, :h, :w], piece, casting="unsafe")
    return padded


def spread(scales: NDArray[Any], columns: int) -> NDArray[Any]:
    """Repeat one value per block along its columns, to be broadcast over ``whole_blocks``."""
    # NumPy multiplies whole rows much faster than rows of one block.
    return scales.repeat(columns, axis=-1)[:, :, None]
