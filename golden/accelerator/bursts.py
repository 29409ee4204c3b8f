"""Bursts: how records of a plane become bursts on the bus, by their addresses alone.

Records that follow one another in memory are read or written together: a burst goes on while the
next byte is the next record's, up to 16 beats, and ends with its page of 4 KiB.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BEATS", "PAGE", "bursts", "spans"]

MOST_BEATS = 16
"""Beats of a burst at most."""

PAGE = 4096
"""Bytes of a page, which no burst leaves (AMBA AXI, Arm IHI 0022H, A3.4.1)."""


def spans(addresses: Sequence[int] | NDArray, record: int, bus: int) -> NDArray[np.uint64]:
    """Bytes of each burst that the records of one job make, in their order.

    Args:
        addresses: byte addresses of the records, in the order of the job, below 2**64.
        record: bytes of a record: 1, or a multiple of the bus.
        bus: data bits of the bus.

    Returns:
        Address of the first byte and number of bytes, shape (bursts, 2).

    Raises:
        ValueError: a record of another size, or one of whole beats that does not begin with one.

    >>> spans([0x1FFE, 0x1FFF, 0x2000, 0x2005], 1, 64).tolist()
    [[8190, 2], [8192, 1], [8197, 1]]
    """
    beat = bus // 8
    if record != 1 and record % beat:
        raise ValueError(f"record must be 1 or a multiple of {beat} bytes, not {record!r}")
    start = np.asarray(addresses, np.uint64)
    if record != 1 and np.any(start % np.uint64(beat)):
        raise ValueError(f"addresses must be multiples of {beat} bytes")
    if not start.size:
        return np.zeros((0, 2), np.uint64)
    breaks = np.flatnonzero(start[1:] - start[:-1] != record) + 1
    first = start[np.concatenate([[0], breaks])]
    last = start[np.concatenate([breaks, [start.size]]) - 1] + np.uint64(record - 1)
    first, last = _cut(first, last, np.zeros(len(first), np.uint64), PAGE)
    within = first % np.uint64(beat)
    first, last = _cut(first, last, first - within, MOST_BEATS * beat)
    return np.stack([first, last - first + np.uint64(1)], 1)


def bursts(addresses: Sequence[int] | NDArray, record: int, bus: int) -> list[tuple[int, int]]:
    """Bursts that the records of one job make: the beats that ``spans`` touches.

    Args:
        addresses: see ``spans``.
        record: see ``spans``.
        bus: see ``spans``.

    Returns:
        For each burst the address of its first beat, a multiple of the bus, and its beats.

    Raises:
        ValueError: see ``spans``.

    >>> bursts([0x1000, 0x1040, 0x1080, 0x2000], 64, 64)
    [(4096, 16), (4224, 8), (8192, 8)]
    """
    beat = np.uint64(bus // 8)
    found = spans(addresses, record, bus)
    lane = found[:, 0] % beat
    beats = (lane + found[:, 1] + beat - np.uint64(1)) // beat
    return list(zip((found[:, 0] - lane).tolist(), beats.tolist(), strict=True))


def _cut(
    first: NDArray[np.uint64], last: NDArray[np.uint64], origin: NDArray[np.uint64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Cut ranges of bytes wherever ``size`` divides the distance from their origin."""
    unit = np.uint64(size)
    low, high = (first - origin) // unit, (last - origin) // unit
    counts = (high - low + np.uint64(1)).astype(np.int64)
    source = np.repeat(np.arange(len(first)), counts)
    number = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = origin[source] + (low[source] + number.astype(np.uint64)) * unit
    end = begin + (unit - np.uint64(1))
    end = np.where(end < begin, last[source], end)  # beyond 2**64
    return np.maximum(begin, first[source]), np.minimum(end, last[source])
