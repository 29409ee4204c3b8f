"""Packing: codes of odd widths as bit planes whose widths are powers of two.

A code of 7 bits is one of 4, one of 2 and one of 1: 7 = 4 + 2 + 1. Each width is a plane, an array
of its own in which every item lies inside a byte (or fills two), so that each plane can be
addressed, and nothing is lost to padding. The widest plane has the lowest bits. Source:
docs/numerics.md section 7.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["pack", "plane_widths", "unpack_planes"]


def plane_widths(bits: int) -> tuple[int, ...]:
    """Widths of the planes of a code, the lowest bits first.

    Raises:
        TypeError: bits is no integer.
        ValueError: it is not 1 to 16.

    >>> plane_widths(7), plane_widths(6), plane_widths(9), plane_widths(16)
    ((4, 2, 1), (4, 2), (8, 1), (16,))
    """
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer):
        raise TypeError(f"bits must be an integer, not {bits!r}")
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, not {bits!r}")
    return tuple(1 << place for place in range(4, -1, -1) if int(bits) >> place & 1)


def pack(codes: ArrayLike, bits: int) -> tuple[NDArray[np.uint8], ...]:
    """Cut codes into bit planes along the last axis.

    Args:
        codes: integers of 0 to ``2**bits - 1``, shape (..., n).
        bits: width of a code, 1 to 16.

    Returns:
        For each of ``plane_widths(bits)`` uint8 of shape (..., ceil(n * width / 8)); item 0 has
        the lowest bits of byte 0. Bits after the last item are 0.

    Raises:
        TypeError: codes are no integers.
        ValueError: a code does not fit, or there is no axis.

    >>> [plane.tolist() for plane in pack([0b101_1111, 0b010_0001], 7)]
    [[31], [9], [1]]
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"codes must be integers, not {array.dtype}")
    if array.ndim == 0:
        raise ValueError("codes must have at least one axis")
    widths = plane_widths(bits)
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < 1 << bits:
        raise ValueError(f"codes must be 0 to {(1 << bits) - 1}")
    planes, low = [], 0
    for width in widths:
        rest = array >> low if low else array
        planes.append(_pack(rest, width))
        low += width
    return tuple(planes)


def unpack_planes(planes: Sequence[ArrayLike], bits: int, count: int) -> NDArray[Any]:
    """Put codes together again: what ``pack`` cut.

    Args:
        planes: uint8, one for each of ``plane_widths(bits)``.
        bits: width of a code.
        count: codes along the last axis.

    Returns:
        uint8 of shape (..., count), uint16 above 8 bits.

    Raises:
        ValueError: planes of another number, shape or dtype.

    >>> unpack_planes(pack([95, 33], 7), 7, 2).tolist()
    [95, 33]
    """
    widths = plane_widths(bits)
    if len(planes) != len(widths):
        raise ValueError(f"{bits} bits are {len(widths)} planes, not {len(planes)}")
    found: Any = None
    low = 0
    for given, width in zip(planes, widths, strict=True):
        plane = np.asarray(given)
        size = -(-count * width // 8)
        if plane.dtype != np.uint8 or plane.ndim == 0 or plane.shape[-1] != size:
            raise ValueError(
                f"{count} items of {width} bits are {size} bytes of uint8, "
                f"not {plane.dtype} of shape {plane.shape}"
            )
        part = _unpack(plane, width, count)
        part = part.astype(np.uint16) << low if bits > 8 else part << low
        found = part if found is None else found | part
        low += width
    return found


def _pack(items: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """The low bits of items, side by side in bytes."""
    if width == 16:
        return np.ascontiguousarray(items.astype("<u2")).view(np.uint8)
    low = items.astype(np.uint8)
    if width == 8:
        return low
    if width == 1:
        return np.packbits(low & 1, axis=-1, bitorder="little")
    each = 8 // width
    low &= (1 << width) - 1
    missing = -low.shape[-1] % each
    if missing:
        low = np.concatenate([low, np.zeros((*low.shape[:-1], missing), np.uint8)], axis=-1)
    found = low[..., 0::each].copy()
    for place in range(1, each):
        found |= low[..., place::each] << (width * place)
    return found


def _unpack(plane: NDArray[np.uint8], width: int, count: int) -> NDArray[Any]:
    if width == 16:
        return np.ascontiguousarray(plane).view("<u2").astype(np.uint16)
    if width == 8:
        return plane
    if width == 1:
        return np.unpackbits(plane, axis=-1, count=count, bitorder="little")
    each = 8 // width
    found = np.empty((*plane.shape[:-1], plane.shape[-1] * each), np.uint8)
    for place in range(each):
        found[..., place::each] = plane >> (width * place) & ((1 << width) - 1)
    return found[..., :count]
