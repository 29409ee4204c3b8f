"""Bursts: indices of a plane's records to bursts on the bus.

Which records share a burst follows from the order of the indices alone, never from timing:
``mxsf.golden.accelerator.bursts`` predicts every beat.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.bursts import MOST_BEATS, PAGE
from ..checks import check_least
from .ports import burst_layout, check_bus
from .view import INDEX_BITS

__all__ = ["Bursts", "record_layout", "span_layout"]

_SIZE_BITS = MOST_BEATS.bit_length() - 1
_PAGE_BITS = PAGE.bit_length() - 1


def record_layout(address: int, *, heads: bool = False) -> data.StructLayout:
    """Fields of a record: its index, the start of its plane, whether it ends its job.

    With ``heads`` also whether only its head counts.
    """
    fields = {"start": unsigned(address), "index": signed(INDEX_BITS)}
    head = {"head": unsigned(1)} if heads else {}
    return data.StructLayout({**fields, **head, "last": unsigned(1)})


def span_layout(bus: int, address: int, record: int) -> data.StructLayout:
    """Fields of ``Bursts.o``: a burst, which bytes of it are records of a byte, the job's end."""
    lanes = bus // 8
    where = {"lane": range(lanes), "bytes": range(MOST_BEATS * lanes + 1)} if record == 1 else {}
    burst = {name: field.shape for name, field in burst_layout(address)}
    return data.StructLayout({**burst, **where, "last": unsigned(1)})


class Bursts(wiring.Component):
    """Records of a plane to bursts: as long as the next record is the next in memory.

    A burst has at most 16 beats and stays in a page of 4 KiB; a record that does not fit into what
    is left is cut. Bytes of one beat share it, and a burst has the beats that its bytes touch. No
    burst has records of two jobs. A record a cycle, and a cycle more for each cut, which the bus
    takes longer for. A burst is valid two cycles after its last record where that ends the job or
    fills the burst, else once the next record has come.

    Args:
        bus: data bits of the bus.
        address: bits of byte addresses.
        record: bytes of a record: 1, or a multiple of the bus.
        head: bytes of a record's head, a multiple of the bus, which may be asked for alone; None
            where records are whole.

    Members:
        i: In, stream of ``start``, the byte address of the plane, the same for all records of a
            job; ``index``, signed; ``last`` of the job; ``head`` where there are heads: this is
            a burst with the head of the record. Records of whole beats start at a multiple
            of the bus. Nobody looks for addresses that overflow.
        o: Out, stream of ``address`` (of the first beat), ``length`` (beats - 1), ``last`` (of the
            job), and where records are bytes ``lane`` (that of the first one) and ``bytes``.

    Raises:
        TypeError: a parameter that is no integer.
        ValueError: a bus, an address or a record of another size.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, bus: int, address: int, record: int, head: int | None = None):
        check_bus(bus, address)
        check_least("record", record, 1)
        if record != 1 and record % (bus // 8):
            raise ValueError(f"record must be 1 or a multiple of {bus // 8} bytes, not {record!r}")
        self.bus, self.address, self.record, self.head = bus, address, record, head
        self._lane_bits = (bus // 8).bit_length() - 1
        self._beats = max(record * 8 // bus, 1)
        super().__init__(
            {
                "i": In(stream.Signature(record_layout(address, heads=head is not None))),
                "o": Out(stream.Signature(span_layout(bus, address, record))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The record that came, how much of it the open burst takes, the burst."""
        m = Module()
        record = self._record_signal()
        lane, bytewise = record.address[: self._lane_bits], self.record == 1
        held = Signal()
        opened = Signal()
        closed = Signal(reset_less=True)
        room = Signal(range(MOST_BEATS), reset_less=True)
        same_beat = Signal()
        merges = Signal()
        advance = Signal()
        fits = Signal()
        available = Signal(range(MOST_BEATS + 1))
        taken = Signal(range(MOST_BEATS + 1))
        rest = Signal(range(MOST_BEATS))
        m.d.comb += [
            same_beat.eq(lane != 0 if bytewise else 0),
            merges.eq(opened & ~closed & record.follows & ((room != 0) | same_beat)),
            self.o.valid.eq(opened & (closed | (held & ~merges))),
            advance.eq(held & (~opened | merges | self.o.ready)),
            available.eq(Mux(merges, room, self._beats_of_page(m, record.address))),
            fits.eq((record.beats <= available) if self._beats > 1 else 1),
            taken.eq(Mux(fits, record.beats, available)),
            rest.eq(available - taken),
            self.i.ready.eq(~held | (advance & fits)),
        ]
        if bytewise:
            with m.If(merges & same_beat):
                m.d.comb += taken.eq(0)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += opened.eq(0)
        with m.If(advance):
            ends_beat = lane.all() if bytewise else 1
            m.d.sync += [
                opened.eq(1),
                room.eq(rest),
                closed.eq((record.last & fits) | ((rest == 0) & ends_beat)),
                self.o.payload.last.eq(record.last & fits),
            ]
            self._extend(m, record, merges, taken)
            if self._beats > 1:
                m.d.sync += [
                    record.address.eq(record.address + (available << self._lane_bits)),
                    record.beats.eq(record.beats - available),
                ]
        with m.If(self.i.ready):
            m.d.sync += held.eq(self.i.valid)
            self._take(m, record)
        return m

    def _record_signal(self) -> Any:
        """What is known of a record: how it goes on after the one before, and what is left of it.

        ``follows``: it is the next in memory and of the same job.
        """
        fields = {"beats": range(self._beats + 1), "follows": unsigned(1), "last": unsigned(1)}
        layout = data.StructLayout({"address": unsigned(self.address), **fields})
        return Signal(layout, name="record", reset_less=True)

    def _take(self, m: Module, record: Any) -> None:
        """Load the record that is offered."""
        came: Any = self.i.payload
        expected = Signal(signed(INDEX_BITS), reset_less=True)
        begins = Signal(init=1)
        # A shift for each bit of the record's size: 48 bytes are 32 and 16.
        offsets = [
            came.index << bit for bit in range(self.record.bit_length()) if self.record >> bit & 1
        ]
        beats, follows = self._beats, ~begins & (came.index == expected)
        if self.head is not None:
            beats = Mux(came.head, self.head * 8 // self.bus, beats)
            follows &= ~came.head
        m.d.sync += [
            record.address.eq(sum(offsets, came.start)),
            record.beats.eq(beats),
            record.follows.eq(follows),
            record.last.eq(came.last),
        ]
        with m.If(self.i.valid):
            m.d.sync += [expected.eq(came.index + 1), begins.eq(came.last)]

    def _beats_of_page(self, m: Module, address: Value) -> Signal:
        """Beats of a burst at most that begins at an address."""
        beats = Signal(range(MOST_BEATS + 1))
        position = address[self._lane_bits : _PAGE_BITS]
        nears_end = position[_SIZE_BITS:].all()
        m.d.comb += beats.eq(MOST_BEATS - Mux(nears_end, position[:_SIZE_BITS], 0))
        return beats

    def _extend(self, m: Module, record: Any, merges: Value, taken: Value) -> None:
        """What the burst is after a record, or a part of one, that it takes or begins with."""
        burst: Any = self.o.payload
        with m.If(merges):
            m.d.sync += burst.length.eq(burst.length + taken)
        with m.Else():
            m.d.sync += [
                burst.length.eq(taken - 1),
                burst.address.eq(Cat(Const(0, self._lane_bits), record.address[self._lane_bits :])),
            ]
        if self.record == 1:
            lane = record.address[: self._lane_bits]
            m.d.sync += burst.bytes.eq(Mux(merges, burst.bytes, 0) + 1)
            with m.If(~merges):
                m.d.sync += burst.lane.eq(lane)
