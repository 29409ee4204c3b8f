"""Issue: starts the parts of the matrix engine, in the order of the commands.

A job waits at the head until what it needs is free. So loads of both memories overlap each other
and a product that reads other tiles, and nothing is read before it is loaded or overwritten before
it is read.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.machine import Fault, Opcode
from .command import job_layout

__all__ = ["Issue"]


class Issue(wiring.Component):
    """Jobs to starts.

    Args:
        depth: tiles of a memory.

    Members:
        i: In, stream of jobs.
        job: Out, the job at the head.
        a_busy, b_busy: In, a load is under way. multiply_busy: In, a product still reads tiles.
        fits: In, the results can take a product that leaves as ``job.output`` says.
        start_a, start_b, start_multiply: Out, start it with ``job`` in this cycle.
        waits: Out, a product waits for a load and for nothing else.
        error: Out, the first fault since reset, see ``mxsf.golden.machine.Fault``.
    """

    i: stream.Interface

    def __init__(self, depth: int):
        self.depth = depth
        flags = ("start_a", "start_b", "start_multiply", "waits")
        super().__init__(
            {
                "i": In(stream.Signature(job_layout(depth))),
                "job": Out(job_layout(depth)),
                "a_busy": In(1),
                "b_busy": In(1),
                "multiply_busy": In(1),
                "fits": In(1),
                **{name: Out(1) for name in flags},
                "error": Out(2),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """What each kind of job waits for."""
        m = Module()
        job, head = self.i.payload, Signal()
        m.d.comb += [self.job.eq(job), head.eq(self.i.valid & (job.fault == Fault.NONE))]
        starts = {"a": self.start_a, "b": self.start_b}
        busy = {"a": self.a_busy, "b": self.b_busy}
        for side, opcode in (("a", Opcode.LOAD_A), ("b", Opcode.LOAD_B)):
            # The tiles that the product under way reads.
            low = Signal(range(self.depth + 1), name=f"{side}_low", reset_less=True)
            high = Signal(range(self.depth + 1), name=f"{side}_high", reset_less=True)
            apart = Signal(name=f"{side}_apart")
            m.d.comb += [
                apart.eq((job[f"{side}_end"] <= low) | (job[f"{side}_base"] >= high)),
                starts[side].eq(
                    head & (job.opcode == opcode) & ~busy[side] & (apart | ~self.multiply_busy)
                ),
            ]
            with m.If(self.start_multiply):
                m.d.sync += [low.eq(job[f"{side}_base"]), high.eq(job[f"{side}_end"])]
        multiplies, loading = Signal(), Signal()
        m.d.comb += [
            multiplies.eq(head & (job.opcode == Opcode.MULTIPLY) & ~self.multiply_busy),
            loading.eq(self.a_busy | self.b_busy),
            self.start_multiply.eq(multiplies & self.fits & ~loading),
            self.waits.eq(multiplies & self.fits & loading),
        ]
        fails = Signal()
        m.d.comb += [
            fails.eq(self.i.valid & ~head),
            self.i.ready.eq(fails | self.start_a | self.start_b | self.start_multiply),
        ]
        error = Signal(2)
        m.d.comb += self.error.eq(error)
        m.d.sync += error.eq(Mux(fails & (error == Fault.NONE), job.fault, error))
        return m
