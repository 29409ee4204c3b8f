"""Starts: the words that the sums of products start from, out of memory."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ...golden.formats.word import FP32
from ..stream.fork import fork
from ..stream.register import derive, link
from ..stream.regroup import Regroup, words_layout
from .planes import PlaneBursts, plane_layout, without_marks
from .ports import burst_layout
from .reads import read_layout

__all__ = ["Starts"]

_JOBS = 2  # products whose words are still to come


class Starts(wiring.Component):
    """Walks through planes of words to rows of words, in the order of the tiles of C.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of ``plane_layout`` with ``head``: every row of a tile is then the first row
            of the record. Such a view has no pitch and no jump.
        bursts: Out, to ``Reads``. data: In, from there.
        o: Out, stream of rows of ``words``.
    """

    i: stream.Interface
    bursts: stream.Interface
    data: stream.Interface
    o: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        super().__init__(
            {
                "i": In(stream.Signature(plane_layout(built, heads=True))),
                "bursts": Out(stream.Signature(burst_layout(built.address))),
                "data": In(stream.Signature(read_layout(built.bus))),
                "o": Out(stream.Signature(words_layout(built.tile))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Indices, bursts, beats to rows."""
        m = Module()
        built = self.built
        asked, kind = fork(m, self.i, 2, name="job")
        plane = PlaneBursts(built, built.word_record, built.row_record)
        m.submodules.plane = plane
        link(m, asked, plane.i)
        link(m, without_marks(m, plane.o, built, name="burst"), self.bursts)
        self._rows(m, kind)
        return m

    def _rows(self, m: Module, kind: Any) -> None:
        """Beats to rows; a row that stands for all is repeated."""
        built = self.built
        words = built.bus // FP32.bits
        m.submodules.regroup = regroup = Regroup(words, built.tile)
        beats = derive(m, self.data, words_layout(words), name="beats")
        m.d.comb += Value.cast(beats.payload).eq(self.data.payload.data)
        link(m, beats, regroup.i)

        jobs = fifo.SyncFIFO(width=32 + 1, depth=_JOBS)
        m.submodules.jobs = jobs
        layout = data.StructLayout({"tiles": 32, "head": 1})
        job: Any = Signal(layout)
        m.d.comb += [
            jobs.w_data.eq(Cat(kind.payload.tiles, kind.payload.head)),
            jobs.w_en.eq(kind.valid),
            kind.ready.eq(jobs.w_rdy),
            job.eq(jobs.r_data),
        ]
        tile, row = Signal(32), Signal(range(built.tile))
        ends_row, ends, last, moves = Signal(), Signal(), Signal(), Signal()
        # A bus that is wider than a row brings more of them than the one that stands for all.
        spare = Signal(range(max(2, words // built.tile)))
        source: Any = regroup.o
        m.d.comb += [
            self.o.payload.eq(source.payload),
            self.o.valid.eq(source.valid & jobs.r_rdy & (spare == 0)),
            moves.eq(self.o.valid & self.o.ready),
            ends_row.eq(row == built.tile - 1),
            ends.eq(moves & ends_row),
            last.eq(ends & (tile + 1 == job.tiles)),
            jobs.r_en.eq(last),
            source.ready.eq((spare != 0) | (moves & (~job.head | ends_row))),
        ]
        with m.If(moves):
            m.d.sync += row.eq(row + 1)
        with m.If(ends):
            m.d.sync += tile.eq(Mux(last, 0, tile + 1))
            if words > built.tile:
                m.d.sync += spare.eq(Mux(job.head, words // built.tile - 1, 0))
        with m.If(source.valid & (spare != 0)):
            m.d.sync += spare.eq(spare - 1)
