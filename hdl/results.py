"""Results: rows of C to what leaves the engine, FP32 rows or re-quantized tiles."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.block import Rounding
from ..golden.machine import Output
from ..golden.words import FP32
from .command import job_layout
from .regroup import words_layout
from .requantizer import Requantizer
from .tile_store import rows_layout

__all__ = ["Results", "result_layout"]

_UNDER_WAY = 256  # more tiles than may still be on their way when the next product is announced


def result_layout(requantizer: Requantizer) -> data.StructLayout:
    """Fields of ``o``: those of a re-quantized row, and the words of an FP32 row."""
    fields = {name: field.shape for name, field in requantizer.o.payload.shape()}
    words = data.ArrayLayout(unsigned(FP32.bits), requantizer.tile)
    return data.StructLayout({**fields, "words": words})


class Results(wiring.Component):
    """Rows of tiles of C to the streams ``o`` and ``t``.

    The way in which tiles leave, and their rounding, may change only when all tiles announced
    before have left.

    Args:
        requantizer: the re-quantizer, with both outputs.
        depth: tiles of a memory; a product has at most ``depth ** 2``.

    Members:
        i: In, stream of ``words``: a row of a tile.
        job: In, a product: its ``tiles`` leave as ``output`` and ``stochastic`` say.
        start: In, announce it; only while ``fits``.
        fits: Out, it leaves as what was announced before, or all of that has left.
        free: Out, nothing is announced that has not left.
        o: Out, stream of ``codes``, ``scale``, ``first``, ``last``, ``words``: the first two are
            zero in FP32 rows, the last one in rows of codes.
        t: Out, stream of ``codes``, ``scale``, ``first``, ``last``.
        o_tile, t_tile: Out, the last beat of a tile leaves in this cycle.
    """

    i: stream.Interface
    o: stream.Interface
    t: stream.Interface

    def __init__(self, requantizer: Requantizer, depth: int):
        assert requantizer.both
        self.requantizer, self.depth = requantizer, depth
        self.stochastic = requantizer.rounding is Rounding.STOCHASTIC
        size = requantizer.tile
        super().__init__(
            {
                "i": In(stream.Signature(words_layout(size))),
                "start": In(1),
                "job": In(job_layout(depth)),
                "fits": Out(1),
                "free": Out(1),
                "o": Out(stream.Signature(result_layout(requantizer))),
                "t": Out(stream.Signature(rows_layout(requantizer.element, size))),
                "o_tile": Out(1),
                "t_tile": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Rows, re-quantizer, choice, count of what has to leave."""
        m = Module()
        m.submodules.requantizer = part = self.requantizer
        words, o_on, t_on = Signal(), Signal(), Signal()
        job: Any = self.job
        kind: Any = Signal(data.StructLayout({"output": unsigned(2), "stochastic": unsigned(1)}))
        same = (kind.output == job.output) & (kind.stochastic == job.stochastic)
        m.d.comb += [
            words.eq(kind.output == Output.WORDS),
            o_on.eq(kind.output != Output.TRANSPOSED),
            t_on.eq(kind.output[1]),
            self.fits.eq(self.free | same),
        ]

        row = Signal(range(part.tile))
        first, last = Signal(), Signal()
        m.d.comb += [first.eq(row == 0), last.eq(row == part.tile - 1)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += row.eq(row + 1)  # a tile is a power of two

        own: Any = part
        into, found = own.i.payload, own.o.payload
        m.d.comb += [
            own.i.valid.eq(self.i.valid & ~words),
            self.i.ready.eq(Mux(words, self.o.ready, own.i.ready)),
            into.words.eq(self.i.payload.words),
            into.first.eq(first),
            into.last.eq(last),
            *([into.stochastic.eq(kind.stochastic)] if self.stochastic else []),
            # What is not wanted leaves unseen.
            own.o.ready.eq(self.o.ready | ~o_on),
            own.t.ready.eq(self.t.ready | ~t_on),
            self.o.valid.eq(Mux(words, self.i.valid, own.o.valid & o_on)),
            self.t.valid.eq(own.t.valid & t_on),
            Value.cast(self.t.payload).eq(Value.cast(own.t.payload)),
        ]
        out = self.o.payload
        with m.If(words):
            m.d.comb += [
                out.words.eq(self.i.payload.words),
                out.first.eq(first),
                out.last.eq(last),
            ]
        with m.Else():
            m.d.comb += [out[name].eq(found[name]) for name, _ in found.shape()]

        o_end, t_end = Signal(), Signal()
        m.d.comb += [
            o_end.eq(
                Mux(
                    words,
                    self.i.valid & self.o.ready & last,
                    own.o.valid & own.o.ready & found.last,
                )
            ),
            t_end.eq(own.t.valid & own.t.ready & own.t.payload.last),
            self.o_tile.eq(self.o.valid & self.o.ready & out.last),
            self.t_tile.eq(self.t.valid & self.t.ready & self.t.payload.last),
        ]
        size = range(self.depth**2 + _UNDER_WAY)
        o_left, t_left = Signal(size), Signal(size)
        announced = Signal(range(self.depth**2 + 1))
        m.d.comb += [
            announced.eq(Mux(self.start, job.tiles, 0)),
            self.free.eq((o_left == 0) & (t_left == 0)),
        ]
        m.d.sync += [
            o_left.eq(o_left + announced - o_end),
            t_left.eq(t_left + Mux(job.output == Output.WORDS, 0, announced) - t_end),
        ]
        with m.If(self.start):
            m.d.sync += [kind.output.eq(job.output), kind.stochastic.eq(job.stochastic)]
        return m
