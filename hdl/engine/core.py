"""Core of the matrix engine: everything that an abort resets.

    command -> check -> issue -> loads of a and b -> product -> results -> o, t
                                                c ---^

See ``mxsf.hdl.engine.matmul``.
"""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import link
from ..stream.regroup import words_layout
from .command import FAULT_BITS, CommandCheck, command_layout
from .issue import Issue
from .load import TileLoad, rows_layout
from .product import EVENTS, Product
from .results import Results, output_layout

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
        product: what multiplies.
        results: what leaves.

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

    def __init__(self, product: Product, results: Results):
        self.product, self.results = product, results
        element, tile = product.array.element, results.tile
        self.loads = {
            side: TileLoad(element, tile, results.depth, rows=product.array.rows)
            for side in product.stores
        }
        super().__init__(
            {
                "command": In(stream.Signature(command_layout())),
                **{side: load.signature.members["i"] for side, load in self.loads.items()},
                "c": In(stream.Signature(words_layout(tile))),
                "o": Out(stream.Signature(output_layout(element, tile))),
                "t": Out(stream.Signature(rows_layout(element, tile))),
                "busy": Out(1),
                "error": Out(FAULT_BITS),
                "events": Out(data.StructLayout({name: unsigned(1) for name in COUNTERS})),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a one-tile product's command to its first FP32 row."""
        return 1 + self.product.latency  # checked

    def elaborate(self, platform: Any) -> Module:
        """Commands, loads, product, results."""
        m = Module()
        results: Any = self.results
        product: Any = self.product
        m.submodules.check = check = CommandCheck(
            results.depth,
            requantize=results.requantizer is not None,
            stochastic=results.stochastic,
        )
        m.submodules.issue = issue = Issue(results.depth)
        m.submodules.product, m.submodules.results = product, results
        job: Any = issue.job

        link(m, self.command, check.i)
        link(m, check.o, issue.i)
        starts = {"a": issue.start_a, "b": issue.start_b}
        for side, start in starts.items():
            load: Any = self.loads[side]
            m.submodules[f"load_{side}"] = load
            link(m, getattr(self, side), load.i)
            wiring.connect(m, load.codes, getattr(product, f"{side}_codes"))
            wiring.connect(m, load.scales, getattr(product, f"{side}_scales"))
            m.d.comb += [
                load.start.eq(start),
                load.base.eq(job[f"{side}_base"]),
                load.tiles.eq(job[f"{side}_tiles"]),
                getattr(issue, f"{side}_busy").eq(load.busy),
            ]
        m.d.comb += [
            issue.multiply_busy.eq(product.busy),
            issue.fits.eq(results.fits),
            product.start.eq(issue.start_multiply),
            product.job.eq(job),
            results.start.eq(issue.start_multiply),
            results.job.eq(job),
        ]
        link(m, self.c, product.c)
        link(m, product.o, results.i)
        link(m, results.o, self.o)
        link(m, results.t, self.t)

        busy = issue.i.valid | issue.a_busy | issue.b_busy | product.busy | ~results.free
        m.d.comb += [self.error.eq(issue.error), self.busy.eq(busy)]
        self._count(m, issue)
        return m

    def _count(self, m: Module, issue: Issue) -> None:
        """What the counters count."""
        results: Any = self.results
        product: Any = self.product
        events = {name: product.events[name] for name in EVENTS} | {
            "cycles": self.busy,
            "a_tiles": self.loads["a"].loaded,
            "b_tiles": self.loads["b"].loaded,
            "o_tiles": results.o_tile,
            "t_tiles": results.t_tile,
            "stalled_load": issue.waits,
            "stalled_output": issue.drains | product.events.stalled_output,
        }
        m.d.comb += [self.events[name].eq(events[name]) for name in COUNTERS]
