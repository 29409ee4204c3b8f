"""Which records of which planes a descriptor reads and writes.

Source: docs/accelerator.md.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .configuration import Configuration
from .descriptor import Descriptor, Load, Multiply, Place
from .fields import Init
from .hazard import Touched
from .view import View

__all__ = ["FAR", "Access", "accesses", "bus_bytes"]

FAR = 1 << 62
"""Planes from here on have addresses of Python's integers, beyond int64; no memory is there."""


class Access(NamedTuple):
    """The part of a plane that a descriptor reads or writes.

    Attributes:
        name: of the plane: ``codes``, ``scales``, ``init``, ``mask``, ``words``.
        place: where the plane begins.
        record: bytes of a record.
        size: bytes of it that are touched, the first ones.
        view, rows, columns: which records.
        writes: whether they are written.
    """

    name: str
    place: Place
    record: int
    size: int
    view: View
    rows: int
    columns: int
    writes: bool

    def start(self, bases: Sequence[int]) -> int:
        """Address of the plane, by what the base registers hold."""
        return bases[self.place.register] + self.place.offset

    def touched(self, bases: Sequence[int]) -> Touched:
        """All records, in the order of the view's rows."""
        offsets = self.view.indices(self.rows, self.columns).reshape(-1) * self.record
        start = self.start(bases)
        if start > FAR:
            offsets = offsets.astype(object)
        return Touched(self.name, start + offsets, self.size, self.writes)


def accesses(descriptor: Descriptor, built: Configuration) -> Iterator[Access]:
    """All accesses of a descriptor to planes, those that read first."""
    codes = built.code_record, built.code_record
    words = built.word_record, built.word_record
    match descriptor:
        case Load():
            shape = descriptor.view, descriptor.rows, descriptor.columns
            yield Access("codes", descriptor.codes, *codes, *shape, False)
            yield Access("scales", descriptor.scales, 1, 1, *shape, False)
        case Multiply():
            shape = descriptor.c_view, descriptor.m, descriptor.n
            if descriptor.init == Init.WORDS:
                yield Access("init", descriptor.init_at, *words, *shape, False)
            if descriptor.init == Init.ROW:
                sizes, row = (built.word_record, built.row_record), (View(pitch=0), *shape[1:])
                yield Access("init", descriptor.init_at, *sizes, *row, False)
            if descriptor.mask is not None:
                yield Access("mask", descriptor.mask, *codes, *shape, False)
            if descriptor.words is not None:
                yield Access("words", descriptor.words, *words, *shape, True)
            if descriptor.codes is not None and descriptor.scales is not None:
                yield Access("codes", descriptor.codes, *codes, *shape, True)
                yield Access("scales", descriptor.scales, 1, 1, *shape, True)
        case _:
            pass


def bus_bytes(records: Touched, beat: int) -> int:
    """Bytes that an access moves on a bus with ``beat`` bytes a beat.

    Reads are of whole beats: of scales those that a run of neighbouring ones touches.
    """
    addresses, size = records.addresses, records.record
    if records.writes or size > 1:
        return len(addresses) * size
    breaks = np.flatnonzero(np.diff(addresses) != 1) + 1
    first = addresses[np.concatenate([[0], breaks])] // beat
    last = addresses[np.concatenate([breaks - 1, [-1]])] // beat
    return int((last - first + 1).sum()) * beat
