"""Results: rows of C to what leaves the engine, FP32 rows or re-quantized tiles."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.machine import Output
from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import FP32
from ..quantize.requantizer import Requantizer
from ..stream.regroup import words_layout
from .command import job_layout
from .load import rows_layout

__all__ = ["Results", "output_layout"]

_UNDER_WAY = 256  # more tiles than may still be on their way when the next product is announced


def output_layout(element: ElementFormat, tile: int) -> data.StructLayout:
    """Fields of ``o``: those of a re-quantized row, and the words of an FP32 row."""
    fields = {name: field.shape for name, field in rows_layout(element, tile)}
    words = data.ArrayLayout(unsigned(FP32.bits), tile)
    return data.StructLayout({**fields, "words": words})


class Results(wiring.Component):
    """Rows of tiles of C to the streams ``o`` and ``t``.

    The way in which tiles leave, and their rounding, may change only when all tiles announced
    before have left.

    Args:
        element: format of re-quantized tiles.
        tile: rows and columns of a tile.
        depth: tiles of a memory; a product has at most ``depth ** 2``.
        requantizer: the re-quantizer, with both outputs; None where every output is FP32 rows.

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

    def __init__(
        self, element: ElementFormat, tile: int, depth: int, requantizer: Requantizer | None
    ):
        assert requantizer is None or requantizer.both
        self.tile, self.depth, self.requantizer = tile, depth, requantizer
        self.stochastic = requantizer is not None and requantizer.rounding is Rounding.STOCHASTIC
        super().__init__(
            {
                "i": In(stream.Signature(words_layout(tile))),
                "start": In(1),
                "job": In(job_layout(depth)),
                "fits": Out(1),
                "free": Out(1),
                "o": Out(stream.Signature(output_layout(element, tile))),
                "t": Out(stream.Signature(rows_layout(element, tile))),
                "o_tile": Out(1),
                "t_tile": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Rows, re-quantizer, choice, count of what has to leave."""
        m = Module()
        words, o_on, t_on = Signal(), Signal(), Signal()
        job: Any = self.job
        kind: Any = Signal(data.StructLayout({"output": unsigned(2), "stochastic": unsigned(1)}))
        same = (kind.output == job.output) & (kind.stochastic == job.stochastic)
        m.d.comb += [
            words.eq(1 if self.requantizer is None else kind.output == Output.WORDS),
            o_on.eq(kind.output != Output.TRANSPOSED),
            t_on.eq(kind.output[1]),
            self.fits.eq(self.free | same),
        ]

        row = Signal(range(self.tile))
        first, last = Signal(), Signal()
        m.d.comb += [first.eq(row == 0), last.eq(row == self.tile - 1)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += row.eq(row + 1)  # a tile is a power of two

        own = self._requantizer(m)
        into, codes = own.i.payload, own.o.payload
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
            m.d.comb += [out[name].eq(codes[name]) for name, _ in codes.shape()]

        o_end, t_end = Signal(), Signal()
        ends = own.o.valid & own.o.ready & codes.last
        m.d.comb += [
            o_end.eq(Mux(words, self.i.valid & self.o.ready & last, ends)),
            t_end.eq(own.t.valid & own.t.ready & own.t.payload.last),
            self.o_tile.eq(self.o.valid & self.o.ready & out.last),
            self.t_tile.eq(self.t.valid & self.t.ready & self.t.payload.last),
        ]
        self._count(m, o_end, t_end)
        with m.If(self.start):
            m.d.sync += [kind.output.eq(job.output), kind.stochastic.eq(job.stochastic)]
        return m

    def _count(self, m: Module, o_end: Value, t_end: Value) -> None:
        """Tiles that were announced and have not left, on either stream."""
        job: Any = self.job
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

    def _requantizer(self, m: Module) -> Any:
        """The re-quantizer, or the ends of one that takes nothing and gives nothing."""
        if self.requantizer is not None:
            m.submodules.requantizer = self.requantizer
            return self.requantizer
        rows, words = self.t.payload.shape(), self.i.payload.shape()["words"].shape
        fields = {"words": words, "first": unsigned(1), "last": unsigned(1)}
        shapes = {"i": data.StructLayout(fields), "o": rows, "t": rows}
        ends = {name: Out(stream.Signature(shape)) for name, shape in shapes.items()}
        return wiring.Signature(ends).create(path=("absent",))
