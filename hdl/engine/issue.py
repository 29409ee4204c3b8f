"""Issue: starts the parts of the matrix engine, in the order of the commands.

A job waits at the head until what it needs is free: a product for the loads of tiles that it reads,
a load for the product that reads what it overwrites. So loads of both memories overlap each other
and any product of other tiles.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.machine import Fault, Opcode
from .command import FAULT_BITS, job_layout

__all__ = ["Issue"]


class Issue(wiring.Component):
    """Jobs to starts of loads and products, each when what it needs is free.

    Args:
        depth: tiles of a memory.

    Members:
        i: In, stream of jobs.
        job: Out, the job at the head.
        a_busy, b_busy: In, a load is under way. multiply_busy: In, a product still reads tiles.
        fits: In, the results can take a product that leaves as ``job`` says.
        start_a, start_b, start_multiply: Out, start it with ``job`` in this cycle.
        waits: Out, a product waits for a load of what it reads, and for nothing else.
        drains: Out, a product waits until results of another kind have left.
        error: Out, the first fault since reset, see ``mxsf.golden.engine.machine.Fault``.
    """

    i: stream.Interface

    def __init__(self, depth: int):
        self.depth = depth
        flags = ("start_a", "start_b", "start_multiply", "waits", "drains")
        super().__init__(
            {
                "i": In(stream.Signature(job_layout(depth))),
                "job": Out(job_layout(depth)),
                "a_busy": In(1),
                "b_busy": In(1),
                "multiply_busy": In(1),
                "fits": In(1),
                **{name: Out(1) for name in flags},
                "error": Out(FAULT_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """What each kind of job waits for."""
        m = Module()
        job, head = self.i.payload, Signal()
        m.d.comb += [self.job.eq(job), head.eq(self.i.valid & (job.fault == Fault.NONE))]
        starts = {"a": self.start_a, "b": self.start_b}
        busy = {"a": self.a_busy, "b": self.b_busy}
        loading = Signal()
        for side, opcode in (("a", Opcode.LOAD_A), ("b", Opcode.LOAD_B)):
            # Apart from the tiles that the product under way reads, that the load under way writes.
            unread = self._apart(m, side, "product", self.start_multiply)
            unwritten = self._apart(m, side, "load", starts[side])
            m.d.comb += starts[side].eq(
                head & (job.opcode == opcode) & ~busy[side] & (unread | ~self.multiply_busy)
            )
            with m.If(busy[side] & ~unwritten):
                m.d.comb += loading.eq(1)
        multiplies = Signal()
        m.d.comb += [
            multiplies.eq(head & (job.opcode == Opcode.MULTIPLY) & ~self.multiply_busy),
            self.start_multiply.eq(multiplies & self.fits & ~loading),
            self.waits.eq(multiplies & self.fits & loading),
            self.drains.eq(multiplies & ~self.fits),
        ]
        fails = Signal()
        m.d.comb += [
            fails.eq(self.i.valid & ~head),
            self.i.ready.eq(fails | self.start_a | self.start_b | self.start_multiply),
        ]
        error = Signal(FAULT_BITS)
        m.d.comb += self.error.eq(error)
        m.d.sync += error.eq(Mux(fails & (error == Fault.NONE), job.fault, error))
        return m

    def _apart(self, m: Module, side: str, what: str, start: Value) -> Signal:
        """Whether the job's tiles of a memory are none of those of the last that did start."""
        job = self.i.payload
        base, end = job[f"{side}_base"], job[f"{side}_end"]
        low = Signal(range(self.depth + 1), name=f"{side}_{what}_low", reset_less=True)
        high = Signal(range(self.depth + 1), name=f"{side}_{what}_high", reset_less=True)
        apart = Signal(name=f"{side}_{what}_apart")
        with m.If(start):
            m.d.sync += [low.eq(base), high.eq(end)]
        m.d.comb += apart.eq((end <= low) | (base >= high))
        return apart
