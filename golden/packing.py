"""Packing: codes of odd widths as bit planes whose widths are powers of two.

A code of 7 bits is one of 4, one of 2 and one of 1: 7 = 4 + 2 + 1. Each width is a plane, an array
of its own in which every item lies inside a byte (or fills two), so that each plane can be
addressed, and nothing is lost to padding. The widest plane has the lowest bits. Source:
docs/numerics.md section 7.

Both ways go slab by slab, and move the items of a byte together: a word of as many bytes is
multiplied once to gather them, and halved step by step to spread them. NumPy itself gathers and
spreads single bits. What else was tried: docs/benchmark.md.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .slabs import Scratch

__all__ = ["pack", "plane_widths", "unpack_planes"]

_SLAB = 1 << 18  # codes of a slab: few enough for the cache, many for the cost of a call


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
    if widths == (16,):
        return (np.ascontiguousarray(_checked(array, bits), "<u2").view(np.uint8),)
    *leading, count = array.shape
    whole = _whole(count)
    flat = _resized(array, whole).reshape(-1)
    planes = [np.empty(flat.size * width // 8, np.uint8) for width in widths]
    scratch = Scratch()
    for slab in _slabs(flat.size):
        items = _checked(flat[slab], bits)
        parts = [_part(items, number, scratch) for number in range(_size(1, bits))]
        for low, width, plane in zip(_lows(widths), widths, planes, strict=True):
            _gather(parts[low // 8], low % 8, width, plane[_bytes(slab, width)], scratch)
    return tuple(
        _resized(plane.reshape(*leading, whole * width // 8), _size(count, width))
        for width, plane in zip(widths, planes, strict=True)
    )


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
    arrays = [np.asarray(plane) for plane in planes]
    leading, whole = arrays[0].shape[:-1], _whole(count)
    for array, width in zip(arrays, widths, strict=True):
        size = _size(count, width)
        if array.dtype != np.uint8 or array.ndim == 0 or array.shape != (*leading, size):
            raise ValueError(
                f"{count} items of {width} bits are {size} bytes of uint8, "
                f"not {array.dtype} of shape {array.shape}"
            )
    if widths == (16,):
        return np.ascontiguousarray(arrays[0]).view("<u2").astype(np.uint16)
    flats = [
        _resized(array, whole * width // 8).reshape(-1)
        for array, width in zip(arrays, widths, strict=True)
    ]
    items = np.empty(prod(leading) * whole, np.uint8 if bits <= 8 else np.uint16)
    scratch = Scratch()
    for slab in _slabs(items.size):
        codes: Any = items[slab]
        parts = [codes]
        if bits > 8:
            parts = [scratch(f"part {number}", codes.shape, np.uint8) for number in range(2)]
        for low, width, flat in zip(_lows(widths), widths, flats, strict=True):
            _spread(flat[_bytes(slab, width)], low % 8, width, parts[low // 8], scratch)
        if bits > 8:
            np.copyto(codes, parts[1])
            codes <<= 8
            codes |= parts[0]
    return _resized(items.reshape(*leading, whole), count)


def _checked(codes: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return the codes, or raise where one has more bits."""
    if codes.size and (int(codes.max()) >> bits or (codes.dtype.kind == "i" and codes.min() < 0)):
        raise ValueError(f"codes must be 0 to {(1 << bits) - 1}")
    return codes


def _whole(count: int) -> int:
    """Codes with those that are missing to whole bytes in every plane."""
    return -(-count // 8) * 8


def _size(count: int, width: int) -> int:
    """Bytes of so many items."""
    return -(-count * width // 8)


def _lows(widths: tuple[int, ...]) -> tuple[int, ...]:
    """Lowest bit of each plane in a code."""
    return tuple(sum(widths[:number]) for number in range(len(widths)))


def _slabs(size: int) -> Iterator[slice]:
    """Cut so many codes into slabs."""
    return (slice(start, min(start + _SLAB, size)) for start in range(0, size, _SLAB))


def _bytes(slab: slice, width: int) -> slice:
    """Bytes of a slab in a plane."""
    return slice(slab.start * width // 8, slab.stop * width // 8)


def _resized(array: NDArray[Any], length: int) -> NDArray[Any]:
    """Cut the last axis short, or fill it up with zeros; contiguous."""
    kept = min(array.shape[-1], length)
    if kept == length:
        return np.ascontiguousarray(array[..., :length])
    resized = np.zeros((*array.shape[:-1], length), array.dtype)
    resized[..., :kept] = array
    return resized


def _part(codes: NDArray[Any], number: int, scratch: Scratch) -> NDArray[np.uint8]:
    """Return a byte of each code, 0 for the lowest."""
    if codes.dtype == np.uint8 and not number:
        return codes
    part = scratch(f"part {number}", codes.shape, np.uint8)
    np.copyto(part, codes >> 8 * number if number else codes, casting="unsafe")
    return part


@cache
def _gathering(low: int, width: int) -> tuple[int, int]:
    """What picks an item of each byte of a word, and what moves them to its top byte.

    Item i is at bit 8 i + low, and is to go to bit ``width * i`` of the top byte. The factor adds
    up these moves. What else it makes stays apart, below the top byte or out of the word.
    """
    each = 8 // width
    mask = sum(((1 << width) - 1) << (8 * i + low) for i in range(each))
    factor = sum(1 << (8 * (each - 1) + width * i - (8 * i + low)) for i in range(each))
    return mask, factor


def _gather(
    part: NDArray[np.uint8], low: int, width: int, plane: NDArray[np.uint8], scratch: Scratch
) -> None:
    """Put ``width`` bits of every byte, from bit ``low`` up, side by side."""
    if width == 8:
        plane[:] = part
        return
    mask, factor = _gathering(low, width)
    words = part.view(f"<u{8 // width}")
    kept = scratch("kept", part.shape, np.uint8).view(words.dtype)
    np.bitwise_and(words, mask, out=kept)
    if width == 1:
        plane[:] = np.packbits(kept.view(np.uint8), bitorder="little")
        return
    kept *= factor
    kept >>= 8 * words.itemsize - 8
    np.copyto(plane, kept, casting="unsafe")


@cache
def _spreading(low: int, width: int) -> list[tuple[int, int]]:
    """How the items of a byte come apart in a word of one byte an item: shifts and masks.

    Each step moves the upper half of every group of items to the bytes where they belong.
    """
    steps = []
    half = 8 // width // 2
    while half:
        places = range(low, 64 // width, 8 * half)
        mask = sum(((1 << (width * half)) - 1) << place for place in places)
        steps.append((half * (8 - width), mask))
        half //= 2
    return steps


def _spread(
    plane: NDArray[np.uint8], low: int, width: int, part: NDArray[np.uint8], scratch: Scratch
) -> None:
    """Put items that are side by side into every byte, at bit ``low`` and up.

    The bits below are kept.
    """
    target = scratch("items", part.shape, np.uint8) if low else part
    if width == 8:
        target[:] = plane
    elif width == 1:
        np.multiply(np.unpackbits(plane, bitorder="little"), 1 << low, out=target)
    else:
        words = target.view(f"<u{8 // width}")
        moved = scratch("moved", part.shape, np.uint8).view(words.dtype)
        np.copyto(words, plane)
        words <<= low
        for shift, mask in _spreading(low, width):
            np.left_shift(words, shift, out=moved)
            words |= moved
            words &= mask
    if low:
        part |= target
