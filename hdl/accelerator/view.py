"""View walk: the tile indices of a view of a stored matrix, row by row.

A view says which tile of a plane stands at row i, column j. Its two levels of rows cross the rows
of an image, its two levels of columns the taps of a convolution.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_kind

__all__ = ["COUNT_BITS", "INDEX_BITS", "INDEX_LAYOUT", "ViewWalk", "view_layout"]

COUNT_BITS = 16
"""Bits of numbers of tiles: rows, columns and runs."""

INDEX_BITS = 32
"""Bits of a tile's index in its plane, and of the steps between indices; signed."""

INDEX_LAYOUT = data.StructLayout({"index": signed(INDEX_BITS), "last": unsigned(1)})
"""Fields of an index: the tile, and whether it is the last of its job."""


def view_layout(*, column_runs: bool = True) -> data.StructLayout:
    """Fields of a job: a view and its size in tiles; ``column_runs`` as for ``ViewWalk``."""
    count, step = unsigned(COUNT_BITS), signed(INDEX_BITS)
    rows = {"rows": count, "columns": count, "run": count, "pitch": step, "jump": step}
    return data.StructLayout({**rows, **({"crun": count, "cjump": step} if column_runs else {})})


class ViewWalk(wiring.Component):
    """The indices of a view, row by row, by additions alone.

    Row i, column j has (i // run) * jump + (i % run) * pitch + (j // crun) * cjump + j % crun.
    All of these fit 32 bits signed, and counts are at least 1: whoever gives a job has checked it.
    An index a cycle, jobs back to back; the first index is valid a cycle after its job.

    Args:
        column_runs: whether columns have two levels; without, j stands for both terms of columns.

    Members:
        i: In, stream of ``rows``, ``columns``, ``run``, ``pitch``, ``jump``, and with column runs
            ``crun`` and ``cjump``.
        o: Out, stream of ``index`` and ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, column_runs: bool = True):
        check_kind("column_runs", column_runs, bool)
        self.column_runs = column_runs
        super().__init__(
            {
                "i": In(stream.Signature(view_layout(column_runs=column_runs))),
                "o": Out(stream.Signature(INDEX_LAYOUT)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Indices within a row, rows, jobs."""
        m = Module()
        job = Signal(view_layout(column_runs=self.column_runs), reset_less=True)
        walking = Signal()
        step = Signal()
        index = Signal(signed(INDEX_BITS), reset_less=True)
        start, ends_row = self._row_start(m, job, step)
        m.d.comb += [
            self.o.valid.eq(walking),
            self.o.payload.index.eq(index),
            step.eq(walking & self.o.ready),
            self.i.ready.eq(~walking | (step & self.o.payload.last)),
        ]
        following = self._following(m, job, index, step, ends_row, start)
        with m.If(step):
            m.d.sync += index.eq(Mux(ends_row, start, following))
        with m.If(self.i.ready):
            m.d.sync += [walking.eq(self.i.valid), job.eq(self.i.payload), index.eq(0)]
        return m

    def _row_start(self, m: Module, job: Any, step: Signal) -> tuple[Signal, Signal]:
        """Where the next row starts, and whether this index is the last of its row."""
        row = Signal(signed(INDEX_BITS), reset_less=True)
        run_start = Signal(signed(INDEX_BITS), reset_less=True)
        start = Signal(signed(INDEX_BITS), name="row_start")
        # Numbers from 1: the last one equals the count.
        column, row_number, row_in_run = (
            Signal(COUNT_BITS, name=name, reset_less=True)
            for name in ("column", "row_number", "row_in_run")
        )
        ends_row = Signal()
        ends_run = Signal()
        m.d.comb += [
            ends_row.eq(column == job.columns),
            ends_run.eq(row_in_run == job.run),
            start.eq(Mux(ends_run, run_start, row) + Mux(ends_run, job.jump, job.pitch)),
            self.o.payload.last.eq(ends_row & (row_number == job.rows)),
        ]
        with m.If(step):
            m.d.sync += column.eq(column + 1)
            with m.If(ends_row):
                m.d.sync += [
                    column.eq(1),
                    row.eq(start),
                    row_number.eq(row_number + 1),
                    row_in_run.eq(row_in_run + 1),
                ]
                with m.If(ends_run):
                    m.d.sync += [run_start.eq(start), row_in_run.eq(1)]
        with m.If(self.i.ready):
            m.d.sync += [number.eq(1) for number in (column, row_number, row_in_run)]
            m.d.sync += [row.eq(0), run_start.eq(0)]
        return start, ends_row

    def _following(
        self, m: Module, job: Any, index: Signal, step: Signal, ends_row: Signal, start: Signal
    ) -> Signal:
        """The next index within a row."""
        following = Signal(signed(INDEX_BITS))
        m.d.comb += following.eq(index + 1)
        if not self.column_runs:
            return following
        run_start = Signal(signed(INDEX_BITS), name="column_run_start", reset_less=True)
        jumped = Signal(signed(INDEX_BITS))
        column_in_run = Signal(COUNT_BITS, reset_less=True)
        m.d.comb += jumped.eq(run_start + job.cjump)
        with m.If(step):
            m.d.sync += column_in_run.eq(column_in_run + 1)
        with m.If(column_in_run == job.crun):
            m.d.comb += following.eq(jumped)
            with m.If(step):
                m.d.sync += [run_start.eq(jumped), column_in_run.eq(1)]
        with m.If(step & ends_row):
            m.d.sync += [run_start.eq(start), column_in_run.eq(1)]
        with m.If(self.i.ready):
            m.d.sync += [run_start.eq(0), column_in_run.eq(1)]
        return following
