"""Hazards: accesses of a program whose order nothing fixes.

Between two FENCEs no byte may be written by one descriptor and read or written by another, but by a
MULTIPLY to planes whose records it reads itself at the same index. Source: docs/accelerator.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Breach", "Hazards", "Touched"]


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
        self._before: list[tuple[int, Touched, NDArray[np.int64]]] = []

    def fence(self) -> None:
        """All accesses so far are done."""
        self._before.clear()

    def add(self, descriptor: int, touched: Sequence[Touched]) -> list[Breach]:
        """Add the accesses of the descriptor at an address; return its breaches."""
        found = []
        for number, access in enumerate(touched):
            found += self.meets(descriptor, access)
            if access.writes:
                found += _with_itself(descriptor, access)
                for other in touched[:number]:
                    if not _same_records(access, other):
                        found += _meet(
                            descriptor, descriptor, access, other, _spans(access), _spans(other)
                        )
        self._before += [(descriptor, access, _spans(access)) for access in touched]
        return found

    def meets(self, descriptor: int, access: Touched) -> list[Breach]:
        """Breaches of an access with what went before, without adding it."""
        found, spans = [], _spans(access)
        for earlier, other, kept in self._before:
            found += _meet(descriptor, earlier, access, other, spans, kept)
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


def _meet(
    descriptor: int,
    earlier: int,
    access: Touched,
    other: Touched,
    spans: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> list[Breach]:
    kind = _KINDS.get((access.writes, other.writes))
    if kind is None:
        return []
    if spans[0, 0] >= kept[-1, 1] or kept[0, 0] >= spans[-1, 1]:
        return []
    # The first span of the other that ends above the start of each of these.
    place = np.searchsorted(kept[:, 1], spans[:, 0], side="right")
    there = place < len(kept)
    low = np.maximum(spans[there, 0], kept[place[there], 0])
    met = low[low < spans[there, 1]]
    if not met.size:
        return []
    return [Breach(kind, descriptor, earlier, int(met[0]), (access.plane, other.plane))]


def _spans(access: Touched) -> NDArray[np.int64]:
    """Bytes that are touched, as ranges apart from each other: int64 of shape (ranges, 2)."""
    starts = np.unique(access.addresses)
    breaks = np.flatnonzero(np.diff(starts) > access.record) + 1
    first = starts[np.concatenate([[0], breaks])]
    last = starts[np.concatenate([breaks - 1, [len(starts) - 1]])]
    return np.stack([first, last + access.record], axis=1)
