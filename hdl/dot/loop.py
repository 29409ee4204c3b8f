"""Accumulator loop: products over many blocks through one accumulator, the project's only loop.

Blocks of independent products (*outputs*) may be interleaved in any order; within an output they
are added in the order in which they come. A block waits until the result of the block before it, of
the same output, is there: on the accumulator's last register or in the store. So nothing idles
when blocks come from at least as many outputs in turn as the accumulator has registers, and nothing
is ever reordered. Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import FP32

__all__ = ["AccumulatorLoop"]


class AccumulatorLoop(wiring.Component):
    """Gives each block the acc that its product has reached, and keeps what comes back.

    Args:
        shape: layout of a block, with ``first``, ``last`` and perhaps ``acc`` and ``output``.
        outputs: products that may be under way at once, at least 1.
        pipelined: whether there is a register between ``start`` and ``result``.

    Members:
        i: In, stream of blocks; ``first`` starts a product from ``acc`` (0 where there is none),
            ``last`` ends it. ``output``, below ``outputs``, says which product it is.
        start: Out, stream of blocks with their acc, and ``final`` for ``last``.
        result: In, stream of ``acc``, ``final`` and, where outputs > 1, ``output``, in the order of
            ``start``.
        o: Out, stream of ``acc`` and ``output``: the final results, in that order.
    """

    i: stream.Interface
    start: stream.Interface
    result: stream.Interface
    o: stream.Interface

    def __init__(self, shape: data.StructLayout, outputs: int, *, pipelined: bool):
        self.outputs, self.pipelined = outputs, pipelined
        fields = {name: field.shape for name, field in shape}
        self._passed = [n for n in fields if n not in ("first", "last", "acc")]
        index = {"output": fields["output"]} if outputs > 1 else {}
        word = {"acc": unsigned(FP32.bits)}
        final = {"final": unsigned(1)}
        passed = {name: fields[name] for name in self._passed}
        layouts = {
            "i": In(stream.Signature(shape)),
            "start": Out(stream.Signature(data.StructLayout({**passed, **word, **final}))),
            "result": In(stream.Signature(data.StructLayout({**word, **final, **index}))),
            "o": Out(stream.Signature(data.StructLayout({**word, **index}))),
        }
        super().__init__(layouts)

    def elaborate(self, platform: Any) -> Module:
        """Store, hazard, start, finish."""
        m = Module()
        block, result = self.i.payload, self.result.payload
        many = self.outputs > 1
        keeps, wait, back = Signal(), Signal(), Signal()
        stored = Signal(FP32.bits)
        taken = self.start.valid & self.start.ready

        m.d.comb += keeps.eq(self.result.valid & ~result.final)
        same: Value = keeps
        if many:
            # As deep as output can say, so that an idle input reads nothing beyond the end.
            m.submodules.store = store = memory.Memory(
                shape=unsigned(FP32.bits), depth=1 << len(block.output), init=[]
            )
            write, read = store.write_port(), store.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(result.output),
                write.data.eq(result.acc),
                write.en.eq(keeps),
                read.addr.eq(block.output),
                stored.eq(read.data),
            ]
            same = keeps & (result.output == block.output)
        else:
            with m.If(keeps):
                m.d.sync += stored.eq(result.acc)

        reached: Value = stored
        if self.pipelined:
            busy = Signal(self.outputs)
            mine = busy.bit_select(block.output, 1) if many else busy
            m.d.comb += [back.eq(same), wait.eq(self.i.valid & mine.any() & ~back)]
            with m.If(keeps):
                m.d.sync += (busy.bit_select(result.output, 1) if many else busy).eq(0)
            with m.If(taken & ~block.last):
                m.d.sync += (busy.bit_select(block.output, 1) if many else busy).eq(1)
            reached = Mux(back, result.acc, stored)

        names = {name for name, _ in block.shape()}
        initial = block.acc if "acc" in names else 0
        m.d.comb += [
            self.start.valid.eq(self.i.valid & ~wait),
            self.i.ready.eq(self.start.ready & ~wait),
            self.start.payload.acc.eq(Mux(block.first, initial, reached)),
            self.start.payload.final.eq(block.last),
        ]
        for name in self._passed:
            m.d.comb += self.start.payload[name].eq(block[name])

        m.d.comb += [
            self.o.valid.eq(self.result.valid & result.final),
            self.result.ready.eq(self.o.ready | keeps | ~self.result.valid),
            self.o.payload.acc.eq(result.acc),
        ]
        if many:
            m.d.comb += self.o.payload.output.eq(result.output)
        return m
