"""Words in beats of one width to beats of another, in the same order, perhaps with a queue."""

from typing import Any

from amaranth.hdl import Module, Signal, Value, unsigned
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import FP32
from .register import link

__all__ = ["Regroup", "words_layout"]


def words_layout(count: int, bits: int = FP32.bits) -> data.StructLayout:
    """Fields of a beat of words, FP32 words unless they have another number of bits."""
    return data.StructLayout({"words": data.ArrayLayout(unsigned(bits), count)})


class Regroup(wiring.Component):
    """Words in beats of ``words_in`` to beats of ``words_out``: one of them divides the other.

    One beat a cycle on the side with the narrow beats. Gathering takes one cycle, the queue two;
    a wide beat that is cut up waits for its last part. A queue of ``depth`` wide beats takes what
    comes faster for a while.

    Args:
        words_in: words of a beat in.
        words_out: words of a beat out.
        depth: wide beats that the queue holds, 0 for none.
        bits: bits of a word.

    Members:
        i: In, stream of ``words`` (words_in).
        o: Out, stream of ``words`` (words_out).
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, words_in: int, words_out: int, depth: int = 0, bits: int = FP32.bits):
        assert not max(words_in, words_out) % min(words_in, words_out)
        self.words_in, self.words_out, self.depth, self.bits = words_in, words_out, depth, bits
        super().__init__(
            {
                "i": In(stream.Signature(words_layout(words_in, bits))),
                "o": Out(stream.Signature(words_layout(words_out, bits))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Gather, queue, cut."""
        m = Module()
        source: Any = self.i
        if self.words_in < self.words_out:
            source = self._gather(m, source)
        if self.depth:
            source = self._queue(m, source)
        if self.words_in > self.words_out:
            source = self._cut(m, source)
        link(m, source, self.o)
        return m

    def _gather(self, m: Module, source: Any) -> Any:
        parts = self.words_out // self.words_in
        gathered: Any = stream.Signature(words_layout(self.words_out, self.bits)).create(
            path=("gathered",)
        )
        held = Signal(words_layout(self.words_out, self.bits), name="held", reset_less=True)
        full, part = Signal(), Signal(range(parts))
        width = len(Value.cast(source.payload))
        m.d.comb += [
            source.ready.eq(~full | gathered.ready),
            gathered.valid.eq(full),
            gathered.payload.eq(held),
        ]
        with m.If(full & gathered.ready):
            m.d.sync += full.eq(0)
        with m.If(source.valid & source.ready):
            m.d.sync += part.eq(part + 1)
            m.d.sync += Value.cast(held).word_select(part, width).eq(Value.cast(source.payload))
            with m.If(part == parts - 1):
                m.d.sync += [part.eq(0), full.eq(1)]
        return gathered

    def _queue(self, m: Module, source: Any) -> Any:
        count = max(self.words_in, self.words_out)
        queued: Any = stream.Signature(words_layout(count, self.bits)).create(path=("queued",))
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=count * self.bits, depth=self.depth
        )
        m.d.comb += [
            queue.w_data.eq(Value.cast(source.payload)),
            queue.w_en.eq(source.valid),
            source.ready.eq(queue.w_rdy),
            Value.cast(queued.payload).eq(queue.r_data),
            queued.valid.eq(queue.r_rdy),
            queue.r_en.eq(queued.ready),
        ]
        return queued

    def _cut(self, m: Module, source: Any) -> Any:
        parts = self.words_in // self.words_out
        cut: Any = stream.Signature(words_layout(self.words_out, self.bits)).create(path=("cut",))
        part = Signal(range(parts))
        width = len(Value.cast(cut.payload))
        m.d.comb += [
            cut.valid.eq(source.valid),
            Value.cast(cut.payload).eq(Value.cast(source.payload).word_select(part, width)),
            source.ready.eq(cut.ready & (part == parts - 1)),
        ]
        with m.If(cut.valid & cut.ready):
            m.d.sync += part.eq(part + 1)
            with m.If(part == parts - 1):
                m.d.sync += part.eq(0)
        return cut
