"""Core of the matrix engine: everything that an abort resets.

    command -> check -> issue -> loads of a and b
                              -> sequencer -> [read] -> rows, columns -> [operands] -> array
                                                               c -> regroup ---^        |
                                               o, t <- results <- regroup <-------------+

``[name]`` is a register. See ``mxsf.hdl.engine.matmul``.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import link, register, register_valid
from ..stream.regroup import Regroup, words_layout
from .array import DotArray
from .command import FAULT_BITS, CommandCheck, command_layout
from .issue import Issue
from .load import TileLoad, rows_layout
from .results import Results, output_layout
from .sequencer import Sequencer, step_layout
from .tile_store import TileStore

__all__ = ["COUNTERS", "Core"]

COUNTERS = (
    *("cycles", "steps", "a_tiles", "b_tiles", "o_tiles", "t_tiles"),
    *("stalled_load", "stalled_start", "stalled_output", "stalled_latency"),
)
"""What is counted: cycles while busy, steps of the array, tiles, and cycles without a step: while a
product waits for a load, for a word of ``c``, for room at the output, for the accumulator."""


class Core(wiring.Component):
    """A matrix engine without its counters and its abort.

    What it computes: ``mxsf.hdl.engine.matmul.Matmul``.

    Args:
        sequencer: the loop nest.
        array: the dot products.
        results: what leaves.
        queue: beats of words of the array's width that wait at either end of it, where the array
            is wider than a row.

    Members:
        command, a, b, c, o, t: the streams.
        busy, error: as there.
        events: Out, a bit for each of ``COUNTERS``: count this cycle.
    """

    command: stream.Interface
    a: stream.Interface
    b: stream.Interface
    c: stream.Interface
    o: stream.Interface
    t: stream.Interface

    def __init__(self, sequencer: Sequencer, array: DotArray, results: Results, *, queue: int):
        self.sequencer, self.array = sequencer, array
        depth, size = sequencer.depth, results.tile
        element, pes = array.element, array.rows * array.columns
        self.stores = {
            side: TileStore(
                element, size, depth, bits=array.rows * size * element.bits, vectors=vectors
            )
            for side, vectors in (("a", array.rows), ("b", array.columns))
        }
        self.loads = {side: TileLoad(element, size, depth, rows=array.rows) for side in self.stores}
        room = queue if pes > size else 0
        self.start = Regroup(size, pes, room)
        self.rows = Regroup(pes, size, room)
        self.results = results
        rows = stream.Signature(rows_layout(element, size, array.rows))
        super().__init__(
            {
                "command": In(stream.Signature(command_layout())),
                "a": In(rows),
                "b": In(rows),
                "c": In(stream.Signature(words_layout(size))),
                "o": Out(stream.Signature(output_layout(element, size))),
                "t": Out(stream.Signature(rows_layout(element, size))),
                "busy": Out(1),
                "error": Out(FAULT_BITS),
                "events": Out(data.StructLayout({name: unsigned(1) for name in COUNTERS})),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a one-tile product's command to its first FP32 row."""
        first = -(-self.rows.words_out // self.rows.words_in)  # steps of a row
        gathered = self.rows.words_in < self.rows.words_out
        queued = 2 if self.rows.depth else 0
        # Checked, started, read, operands.
        return 4 + (first - 1) + self.array.latency + gathered + queued

    def elaborate(self, platform: Any) -> Module:
        """Commands, steps, operands, array, results."""
        m = Module()
        sequencer, results, stores = self.sequencer, self.results, self.stores
        m.submodules.check = check = CommandCheck(
            sequencer.depth,
            requantize=results.requantizer is not None,
            stochastic=results.stochastic,
        )
        m.submodules.issue = issue = Issue(sequencer.depth)
        m.submodules.sequencer = sequencer
        m.submodules.array = array = self.array
        m.submodules.start = start = self.start
        m.submodules.rows = rows = self.rows
        m.submodules.results = results
        job: Any = issue.job

        link(m, self.command, check.i)
        link(m, check.o, issue.i)
        starts = {"a": issue.start_a, "b": issue.start_b}
        for side, store in stores.items():
            load: Any = self.loads[side]
            m.submodules[f"load_{side}"], m.submodules[f"store_{side}"] = load, store
            link(m, getattr(self, side), load.i)
            wiring.connect(m, load.codes, store.codes)
            wiring.connect(m, load.scales, store.scales)
            m.d.comb += [
                load.start.eq(starts[side]),
                load.base.eq(job[f"{side}_base"]),
                load.tiles.eq(job[f"{side}_tiles"]),
                getattr(issue, f"{side}_busy").eq(load.busy),
            ]
        m.d.comb += [
            issue.multiply_busy.eq(sequencer.busy),
            issue.fits.eq(results.fits),
            sequencer.start.eq(issue.start_multiply),
            sequencer.job.eq(job),
            results.start.eq(issue.start_multiply),
            results.job.eq(job),
        ]

        operands = register(m, self._read(m, sequencer.o), name="operands")
        link(m, self.c, start.i)
        lacks = self._join(m, operands)
        link(m, array.o, rows.i)
        link(m, rows.o, results.i)
        link(m, results.o, self.o)
        link(m, results.t, self.t)

        busy = issue.i.valid | issue.a_busy | issue.b_busy | sequencer.busy | ~results.free
        m.d.comb += [self.error.eq(issue.error), self.busy.eq(busy)]
        self._count(m, issue, operands, lacks)
        return m

    def _join(self, m: Module, operands: Any) -> Signal:
        """Operands to the array, with the words of C where a product starts from them.

        Returns:
            Whether those words are not there yet.
        """
        array, words, beat = self.array, self.start.o, operands.payload
        lacks = Signal(name="lacks")
        m.d.comb += [
            lacks.eq(beat.starts & ~words.valid),
            array.i.valid.eq(operands.valid & ~lacks),
            operands.ready.eq(array.i.ready & ~lacks),
            words.ready.eq(array.i.ready & operands.valid & beat.starts),
            *(
                array.i.payload.acc[k].eq(Mux(beat.starts, words.payload.words[k], 0))
                for k in range(array.rows * array.columns)
            ),
        ]
        for name, _ in array.i.payload.shape():
            if name != "acc":
                m.d.comb += array.i.payload[name].eq(beat[name])
        return lacks

    def _count(self, m: Module, issue: Issue, operands: Any, lacks: Signal) -> None:
        """What the counters count."""
        results, ends = self.results, self.array.o
        stops, full = Signal(name="stops"), Signal(name="full")
        m.d.comb += [
            stops.eq(operands.valid & ~operands.ready),
            full.eq(ends.valid & ~ends.ready),
        ]
        events = {
            "cycles": self.busy,
            "steps": operands.valid & operands.ready,
            "a_tiles": self.loads["a"].loaded,
            "b_tiles": self.loads["b"].loaded,
            "o_tiles": results.o_tile,
            "t_tiles": results.t_tile,
            "stalled_load": issue.waits,
            "stalled_start": stops & lacks,
            "stalled_output": issue.drains | (stops & ~lacks & full),
            "stalled_latency": stops & ~lacks & ~full,
        }
        m.d.comb += [self.events[name].eq(events[name]) for name in COUNTERS]

    def _read(self, m: Module, steps: Any) -> Any:
        """Steps to the rows of A and columns of B, a cycle later."""
        sequencer, array = self.sequencer, self.array
        shape = step_layout(sequencer.depth, sequencer.steps, sequencer.outputs)
        fields = {name: field.shape for name, field in shape}
        kept = ("output", "first", "last", "starts")
        operand = {name: array.i.payload.shape()[name].shape for name in "ab"}
        layout = data.StructLayout({**operand, **{name: fields[name] for name in kept}})
        operands: Any = stream.Signature(layout).create(path=("read",))
        valid = register_valid(m, steps.valid, operands.ready, steps.ready, name="read")
        m.d.comb += operands.valid.eq(valid)
        # The array takes the columns of a row of tiles before the next rows.
        parts = self.stores["b"].tile // array.columns
        parts_of = {"a": steps.payload.step // parts, "b": steps.payload.step % parts}
        for side, store in self.stores.items():
            m.d.comb += [
                store.select.eq(steps.valid & steps.ready),
                store.read.eq(steps.valid & steps.ready & steps.payload[f"{side}_new"]),
                store.address.eq(steps.payload[side]),
                store.across.eq(steps.payload[f"{side}_across"]),
                store.step.eq(parts_of[side]),
                operands.payload[side].vectors.eq(store.vectors_read),
                operands.payload[side].scale.eq(store.scale),
            ]
        for name in kept:
            held = Signal(fields[name], name=f"held_{name}", reset_less=True)
            with m.If(steps.ready):
                m.d.sync += held.eq(steps.payload[name])
            m.d.comb += operands.payload[name].eq(held)
        return operands
