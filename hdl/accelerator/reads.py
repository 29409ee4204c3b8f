"""Reads: several readers on the read channels of one AXI4 manager.

A burst is asked for only where its reader has room for all of it. So data never wait on the bus:
no reader holds up another, and rready is always high.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.bursts import MOST_BEATS
from ..checks import check_least
from ..stream.register import link, register
from .arbiter import choose_burst
from .errors import keep_error
from .ports import burst_layout, channel_layouts, check_bus
from .queues import ReadQueue

__all__ = ["Reads", "Room", "read_layout"]

Room = int | Literal["always"]
"""Room of a reader: beats of its FIFO, or it takes every beat at once, as a tile memory does."""


def read_layout(bus: int) -> data.StructLayout:
    """Fields of a beat that was read: data, end of its burst, whether the bus refused it."""
    return data.StructLayout({"data": unsigned(bus), "last": unsigned(1), "error": unsigned(1)})


class Reads(wiring.Component):
    """Bursts of several readers, whose turn goes round; their data come in the order asked for.

    A burst and a beat a cycle. arvalid follows a reader's burst by a cycle; a beat comes to a
    reader that takes it always in the cycle in which the bus has it, to another two cycles later.
    No output to the bus depends on an input from it within the cycle.

    Args:
        bus: data bits of the bus.
        address: bits of byte addresses.
        rooms: room of each reader; a FIFO holds a longest burst at least.
        outstanding: bursts at most that are asked for and not yet there.
        careless: readers that look at ``error`` of their beats themselves: what the bus refuses
            them is none of the errors of ``error`` below.

    Members:
        bursts: In, for each reader a stream of ``address`` and ``length`` (beats - 1), aligned to
            the bus and within a page of 4 KiB.
        data: Out, for each reader a stream of ``data``, ``last`` (of the burst) and ``error``. A
            reader with room always keeps ready high.
        ar: Out, stream of ``address`` and ``length``.
        r: In, stream of ``data``, ``resp``, ``last``; ready is always high.
        idle: Out, nothing is asked for that has not come, and in ``cancel`` no FIFO holds data.
        cancel: In, ask for nothing more and throw away what still comes and what FIFOs hold. Once
            high it stays so until ``idle``. Meanwhile no ``bursts`` is ready, no ``data`` valid,
            and readers may withdraw what they offer.
        clear: In, forget the error.
        error: Out(2), response of the first burst that the bus refused, 0 for none.
        error_address: Out, address of that burst.

    Raises:
        TypeError: a parameter that is no integer.
        ValueError: one out of range.
    """

    ar: stream.Interface
    r: stream.Interface
    idle: Signal
    cancel: Signal
    clear: Signal
    error: Signal
    error_address: Signal

    def __init__(
        self,
        bus: int,
        address: int,
        rooms: Sequence[Room],
        outstanding: int,
        *,
        careless: Collection[int] = (),
    ):
        check_bus(bus, address)
        check_least("outstanding", outstanding, 1)
        check_least("number of readers", len(rooms), 1)
        for room in rooms:
            if room != "always":
                check_least("room", room, MOST_BEATS)
        self.bus, self.address, self.rooms = bus, address, tuple(rooms)
        self.outstanding, self.careless = outstanding, tuple(careless)
        burst = stream.Signature(burst_layout(address))
        super().__init__(
            {
                "bursts": In(burst).array(len(rooms)),
                "data": Out(stream.Signature(read_layout(bus))).array(len(rooms)),
                "ar": Out(burst),
                "r": In(stream.Signature(channel_layouts(bus)["r"])),
                "idle": Out(1),
                "cancel": In(1),
                "clear": In(1),
                "error": Out(2),
                "error_address": Out(address),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Bursts that are asked for, their order, their data."""
        m = Module()
        readers = range(len(self.rooms))
        layout = data.StructLayout({"address": self.address, "reader": len(self.rooms)})
        m.submodules.order = order = fifo.SyncFIFO(width=layout.size, depth=self.outstanding)
        roomy = Signal(len(self.rooms))
        sources = [self.bursts[reader] for reader in readers]
        chosen, asked = choose_burst(m, sources, roomy, order.w_rdy & ~self.cancel)
        m.d.comb += [
            order.w_data.eq(Cat(chosen.payload.address, asked)),
            order.w_en.eq(asked.any()),
        ]
        link(m, register(m, chosen, name="ar"), self.ar)

        came: Any = self.r.payload
        head: Any = Signal(layout, name="head")
        beat = Signal(read_layout(self.bus))
        m.d.comb += [
            head.eq(order.r_data),
            self.r.ready.eq(1),
            order.r_en.eq(self.r.valid & came.last),
            beat.data.eq(came.data),
            beat.last.eq(came.last),
            beat.error.eq(came.resp[1]),
        ]
        empty = Signal(len(self.rooms))
        for reader in readers:
            arrives = Signal(name=f"arrives_{reader}")
            m.d.comb += arrives.eq(self.r.valid & head.reader[reader])
            if self.rooms[reader] == "always":
                m.d.comb += [
                    self.data[reader].payload.eq(beat),
                    self.data[reader].valid.eq(arrives & ~self.cancel),
                    roomy[reader].eq(1),
                    empty[reader].eq(1),
                ]
            else:
                queue = self._queue(m, reader, beat, arrives, asked[reader])
                m.d.comb += [
                    roomy[reader].eq(queue.free > self.bursts[reader].payload.length),
                    empty[reader].eq(queue.level == 0),
                ]
        m.d.comb += self.idle.eq(~order.r_rdy & (~self.cancel | empty.all()))
        counted = Cat(head.reader[k] for k in readers if k not in self.careless).any()
        keep_error(m, self, self.r.valid & counted, came.resp, head.address)
        return m

    def _queue(self, m: Module, reader: int, beat: Any, arrives: Value, asked: Value) -> ReadQueue:
        """The FIFO of a reader, between the bus and its stream."""
        depth = self.rooms[reader]
        assert isinstance(depth, int)
        queue = ReadQueue(read_layout(self.bus), depth)
        m.submodules[f"queue_{reader}"] = queue
        m.d.comb += [
            queue.i.payload.eq(beat),
            queue.i.valid.eq(arrives),
            queue.reserve.eq(Mux(asked, self.bursts[reader].payload.length + 1, 0)),
            queue.flush.eq(self.cancel),
        ]
        link(m, queue.o, self.data[reader])
        return queue
