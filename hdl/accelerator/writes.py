"""Writes: several writers on the write channels of one AXI4 manager.

A burst is begun only when all of its data are there: once it has begun, no writer holds up the bus.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.bursts import MOST_BEATS
from ..checks import check_least
from ..stream.register import link, register
from .arbiter import choose_burst
from .errors import keep_error
from .ports import burst_layout, channel_layouts, check_bus
from .queues import WriteQueue

__all__ = ["Writes", "write_layout"]


def write_layout(bus: int) -> data.StructLayout:
    """Fields of a beat to write: data, and a strobe for each byte that shall change."""
    return data.StructLayout({"data": unsigned(bus), "strb": unsigned(bus // 8)})


class Writes(wiring.Component):
    """Bursts of several writers, whose turn goes round; addresses and data in the same order.

    A burst and a beat a cycle. awvalid follows a burst by a cycle where its data are in the
    writer's FIFO; its first wvalid comes with awvalid or later, and waits for neither ready.
    No output to the bus depends on an input from it within the cycle.

    Args:
        bus: data bits of the bus.
        address: bits of byte addresses.
        depths: beats of each writer's FIFO; it holds a longest burst at least.
        outstanding: bursts at most that are begun and have no response.

    Members:
        bursts: In, for each writer a stream of ``address`` and ``length`` (beats - 1), aligned to
            the bus and within a page of 4 KiB.
        data: In, for each writer a stream of ``data`` and ``strb``, in the order of its bursts.
        aw: Out, stream of ``address`` and ``length``.
        w: Out, stream of ``data``, ``strb`` and ``last``.
        b: In, stream of ``resp``; ready is always high.
        idle: Out, every burst that was taken is answered, and in ``cancel`` no FIFO holds data.
        cancel: In, begin nothing more: what is begun ends with strobes of 0, from the next beat
            on, and what else FIFOs hold is thrown away. Once high it stays so until ``idle``.
            Meanwhile nothing is ready to writers, and they may withdraw what they offer.
        clear: In, forget the error.
        error: Out(2), response of the first burst that the bus refused, 0 for none.
        error_address: Out, address of that burst.

    Raises:
        TypeError: a parameter that is no integer.
        ValueError: one out of range.
    """

    aw: stream.Interface
    w: stream.Interface
    b: stream.Interface
    idle: Signal
    cancel: Signal
    clear: Signal
    error: Signal
    error_address: Signal

    def __init__(self, bus: int, address: int, depths: Sequence[int], outstanding: int):
        check_bus(bus, address)
        check_least("outstanding", outstanding, 1)
        check_least("number of writers", len(depths), 1)
        for depth in depths:
            check_least("depth", depth, MOST_BEATS)
        self.bus, self.address, self.depths = bus, address, tuple(depths)
        self.outstanding = outstanding
        burst, layouts = stream.Signature(burst_layout(address)), channel_layouts(bus)
        super().__init__(
            {
                "bursts": In(burst).array(len(depths)),
                "data": In(stream.Signature(write_layout(bus))).array(len(depths)),
                "aw": Out(burst),
                "w": Out(stream.Signature(layouts["w"])),
                "b": In(stream.Signature(layouts["b"])),
                "idle": Out(1),
                "cancel": In(1),
                "clear": In(1),
                "error": Out(2),
                "error_address": Out(address),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Bursts that begin, their data, their responses."""
        m = Module()
        writers = range(len(self.depths))
        answers = fifo.SyncFIFO(width=self.address, depth=self.outstanding)
        layout = data.StructLayout({"length": len(self.aw.payload.length), "writer": len(writers)})
        order = fifo.SyncFIFO(width=layout.size, depth=self.outstanding)
        m.submodules.answers, m.submodules.order = answers, order
        complete = Signal(len(writers))
        sources = [self.bursts[writer] for writer in writers]
        # A burst leaves ``order`` with its last beat, before its answer: there is room in both.
        chosen, begun = choose_burst(m, sources, complete, answers.w_rdy & ~self.cancel)
        m.d.comb += [
            answers.w_data.eq(chosen.payload.address),
            answers.w_en.eq(begun.any()),
            order.w_data.eq(Cat(chosen.payload.length, begun)),
            order.w_en.eq(begun.any()),
        ]
        link(m, register(m, chosen, name="aw"), self.aw)

        head: Any = Signal(layout, name="head")
        moves = Signal()
        flush = Signal()
        beat = Signal.like(self.aw.payload.length, name="beat")
        m.d.comb += [
            head.eq(order.r_data),
            moves.eq(self.w.valid & self.w.ready),
            self.w.payload.last.eq(beat == head.length),
            order.r_en.eq(moves & self.w.payload.last),
            flush.eq(self.cancel & ~order.r_rdy),
        ]
        with m.If(moves):
            m.d.sync += beat.eq(Mux(self.w.payload.last, 0, beat + 1))
        queues = [self._queue(m, n, begun[n], moves & head.writer[n], flush) for n in writers]
        self._data(m, queues, Mux(order.r_rdy, head.writer, 0))

        empty = Cat(queue.level == 0 for queue in queues).all()
        m.d.comb += [
            complete.eq(Cat(q.held > self.bursts[n].payload.length for n, q in enumerate(queues))),
            self.b.ready.eq(1),
            answers.r_en.eq(self.b.valid),
            self.idle.eq(~answers.r_rdy & (~self.cancel | empty)),
        ]
        keep_error(m, self, self.b.valid, self.b.payload.resp, answers.r_data)
        return m

    def _queue(
        self, m: Module, writer: int, begun: Value, moves: Value, flush: Value
    ) -> WriteQueue:
        """The FIFO of a writer, between its stream and the bus."""
        queue = WriteQueue(write_layout(self.bus), self.depths[writer])
        m.submodules[f"queue_{writer}"] = queue
        link(m, self.data[writer], queue.i)
        m.d.comb += [
            queue.claim.eq(Mux(begun, self.bursts[writer].payload.length + 1, 0)),
            queue.o.ready.eq(moves),
            queue.stop.eq(self.cancel),
            queue.flush.eq(flush),
        ]
        return queue

    def _data(self, m: Module, queues: Sequence[WriteQueue], writer: Value) -> None:
        """Beats of the burst whose turn it is; without strobes from the next one on in cancel."""
        silent = Signal()
        with m.If(~self.w.valid | self.w.ready):
            m.d.sync += silent.eq(self.cancel)
        beat: Any = Signal(write_layout(self.bus), name="beat_out")
        with m.Switch(writer):
            for number, queue in enumerate(queues):
                with m.Case("-" * (len(queues) - 1 - number) + "1" + "-" * number):
                    m.d.comb += [beat.eq(queue.o.payload), self.w.valid.eq(queue.o.valid)]
        m.d.comb += [
            self.w.payload.data.eq(beat.data),
            self.w.payload.strb.eq(Mux(silent, 0, beat.strb)),
        ]
