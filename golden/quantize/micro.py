"""Microexponents: a bit for a few elements of a block that says whether they are all smaller.

Where the largest of them has a smaller exponent than the block's largest element, the bit is 1 and
their codes count half. Source: docs/numerics.md section 7.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.word import FP32
from ..slabs import block_counts
from .magnitude import MAGNITUDE

__all__ = ["along_block", "microexponents", "weights"]


def microexponents(
    words: NDArray[np.float32], block: tuple[int, int], micro: tuple[int, int]
) -> NDArray[np.uint8]:
    """Microexponents of whole blocks.

    Args:
        words: (matrices, block rows, rows of a block, columns), whole blocks.
        block: rows and columns of a block.
        micro: rows and columns that share a bit; they divide those of the block.

    Returns:
        (matrices, groups of rows, groups of columns).
    """
    n, across, rows, columns = words.shape
    exponent = (np.ascontiguousarray(words).view(np.int32) & MAGNITUDE) >> FP32.mantissa_bits
    shape = (n, across, rows // micro[0], micro[0], columns // micro[1], micro[1])
    groups = exponent.reshape(shape).max(axis=(3, 5))
    inner = block[1] // micro[1]
    whole = groups.reshape(n, across, rows // micro[0], -1, inner)
    below = whole < whole.max(axis=(2, 4), keepdims=True)
    return below.reshape(n, -1, columns // micro[1]).astype(np.uint8)


def weights(
    micro: NDArray[np.uint8], group: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """What codes count: 1 or 1/2, of the tensor's shape.

    >>> weights(np.uint8([[0, 1]]), (1, 2), (2, 3))
    Traceback (most recent call last):
        ...
    ValueError: microexponents of (2, 3) in groups of (1, 2) have the shape (2, 2), not (1, 2)
    >>> weights(np.uint8([[0, 1]]), (1, 2), (1, 3)).tolist()
    [[1.0, 1.0, 0.5]]
    """
    expected = block_counts(shape, group)
    if micro.shape != expected:
        raise ValueError(
            f"microexponents of {shape} in groups of {group} have the shape {expected}, "
            f"not {micro.shape}"
        )
    spread = np.ldexp(np.float32(1), -micro.astype(np.int32)).repeat(group[1], axis=-1)
    if len(shape) > 1:
        spread = spread.repeat(group[0], axis=-2)[..., : shape[-2], :]
    return np.ascontiguousarray(spread[..., : shape[len(shape) - 1]])


def along_block(name: str, micro: ArrayLike, length: int) -> NDArray[np.int64]:
    """Give every element of a block its microexponent.

    Args:
        name: what errors call them.
        micro: 0 or 1, of as many equal groups of a block as the last axis is long.
        length: elements of a block.

    Returns:
        The leading axes of ``micro``, and the block.

    Raises:
        ValueError: groups that do not divide the block, or other numbers than 0 and 1.

    >>> along_block("micro", [0, 1], 4).tolist()
    [0, 0, 1, 1]
    """
    bits = np.asarray(micro)
    if bits.ndim == 0 or bits.shape[-1] == 0 or length % bits.shape[-1]:
        raise ValueError(f"{name} must divide a block of {length}, its shape is {bits.shape}")
    if bits.dtype.kind not in "iub" or ((bits != 0) & (bits != 1)).any():
        raise ValueError(f"{name} must hold 0 and 1 only")
    return bits.astype(np.int64).repeat(length // bits.shape[-1], axis=-1)
