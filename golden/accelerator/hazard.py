"""Hazards: accesses of a program whose order nothing fixes.

Between two FENCEs no byte may be written by one descriptor and read or written by another, but by a
MULTIPLY to planes whose records it reads itself at the same index. Source: docs/accelerator.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Breach", "Hazards", "Touched", "own_breaches"]


class Touched(NamedTuple):
    """Records that a descriptor reads or writes in one plane.

    Attributes:
        plane: its name.
        addresses: int64, byte address of each record, in the order of the product.
        record: bytes of a record.
        writes: whether they are written.
    """

    plane: str
    addresses: NDArray[np.int64]
    record: int
    writes: bool


class Breach(NamedTuple):
    """A hazard.

    Attributes:
        kind: ``"read after write"`` and so on, or ``"free LOAD"``.
        descriptor: address of the later descriptor.
        earlier: address of the earlier one; the same where a descriptor meets itself.
        address: the first byte that both touch; of a free LOAD the first tile.
        planes: of the later and the earlier access.
    """

    kind: str
    descriptor: int
    earlier: int
    address: int
    planes: tuple[str, str]

    def __str__(self) -> str:
        return (
            f"{self.kind}: descriptor {self.descriptor:#x} ({self.planes[0]}) and "
            f"{self.earlier:#x} ({self.planes[1]}) meet at {self.address:#x}, "
            "and nothing orders them"
        )


_KINDS = {
    (False, True): "read after write",
    (True, False): "write after read",
    (True, True): "write after write",
}
"""By whether the later and the earlier access write."""


class Hazards:
    """Accesses since the last FENCE.

    >>> touched = Touched("words", np.int64([0, 64]), 64, True)
    >>> hazards = Hazards()
    >>> hazards.add(0x100, [touched])
    []
    >>> print(hazards.add(0x140, [touched._replace(plane="init", writes=False)])[0])
    read after write: descriptor 0x140 (init) and 0x100 (words) meet at 0x0, and nothing orders them
    """

    def __init__(self) -> None:
        self._reads, self._writes = _Table(), _Table()

    def fence(self) -> None:
        """All accesses so far are done."""
        self._reads.clear()
        self._writes.clear()

    def add(self, descriptor: int, touched: Sequence[Touched]) -> list[Breach]:
        """Add the accesses of the descriptor at an address; return its breaches."""
        found = [breach for access in touched for breach in self.meets(descriptor, access)]
        self.keep(descriptor, touched)
        return found + own_breaches(descriptor, touched)

    def keep(self, descriptor: int, touched: Sequence[Touched]) -> None:
        """Add the accesses of a descriptor without looking at them."""
        for access in touched:
            spans = _spans(access)
            (self._writes if access.writes else self._reads).add(_Kept(descriptor, access, spans))

    def meets(self, descriptor: int, access: Touched) -> list[Breach]:
        """Breaches of an access with what went before, without adding it."""
        spans = _spans(access)
        near = self._writes.near(spans)
        if access.writes:
            near += self._reads.near(spans)
        return [
            Breach(
                _KINDS[access.writes, kept.access.writes],
                descriptor,
                kept.descriptor,
                met,
                (access.plane, kept.access.plane),
            )
            for kept in near
            if (met := _meet(spans, kept.spans)) is not None
        ]


class _Kept(NamedTuple):
    """An access, the descriptor that it is of, and its ranges of bytes."""

    descriptor: int
    access: Touched
    spans: NDArray[np.int64]


class _Table:
    """Accesses, found by their first byte and the one after their last."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._kept: list[_Kept] = []
        self._ends = np.empty((64, 2), np.int64)

    def add(self, kept: _Kept) -> None:
        """Add an access."""
        count = len(self._kept)
        if count == len(self._ends):
            self._ends = np.concatenate([self._ends, self._ends])
        self._ends[count] = kept.spans[0, 0], kept.spans[-1, 1]
        self._kept.append(kept)

    def near(self, spans: NDArray[np.int64]) -> list[_Kept]:
        """Those that may have bytes of some ranges."""
        ends = self._ends[: len(self._kept)]
        found = (ends[:, 0] < spans[-1, 1]) & (spans[0, 0] < ends[:, 1])
        return [self._kept[place] for place in np.flatnonzero(found)]


def own_breaches(descriptor: int, touched: Sequence[Touched]) -> list[Breach]:
    """Breaches of a descriptor with itself."""
    found = []
    for number, access in enumerate(touched):
        if access.writes:
            found += _with_itself(descriptor, access)
            others = [other for other in touched[:number] if not _same_records(access, other)]
            before = Hazards()
            before.keep(descriptor, others)
            found += before.meets(descriptor, access)
    return found


def _same_records(one: Touched, other: Touched) -> bool:
    """Whether two accesses touch the same record at each index, the other one only reading."""
    same = one.record == other.record and np.array_equal(one.addresses, other.addresses)
    return same and not other.writes


def _with_itself(descriptor: int, access: Touched) -> list[Breach]:
    """A record that is written twice, or that overlaps another."""
    starts = np.sort(access.addresses)
    close = np.flatnonzero(np.diff(starts) < access.record)
    if not close.size:
        return []
    kind, plane = "write after write", access.plane
    return [Breach(kind, descriptor, descriptor, int(starts[close[0] + 1]), (plane, plane))]


def _meet(spans: NDArray[np.int64], kept: NDArray[np.int64]) -> int | None:
    """The first byte that both have."""
    # The first range of the others that ends above the start of each of these.
    place = np.searchsorted(kept[:, 1], spans[:, 0], side="right")
    there = place < len(kept)
    low = np.maximum(spans[there, 0], kept[place[there], 0])
    met = low[low < spans[there, 1]]
    return int(met[0]) if met.size else None


def _spans(access: Touched) -> NDArray[np.int64]:
    """Bytes that are touched, as ranges apart from each other: int64 of shape (ranges, 2)."""
    starts = np.unique(access.addresses)
    breaks = np.flatnonzero(np.diff(starts) > access.record) + 1
    first = starts[np.concatenate([[0], breaks])]
    last = starts[np.concatenate([breaks - 1, [len(starts) - 1]])]
    return np.stack([first, last + access.record], axis=1)
