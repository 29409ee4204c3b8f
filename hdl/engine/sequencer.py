"""Sequencer: the loop nest of a tiled matrix product, one step of the PE array a cycle.

Output tiles are taken in groups, row by row of tiles. Within a group the order is: for each tile of
K, for each output tile of the group, for each step of a tile product. So the steps between two
uses of the same accumulator are those of a whole group, which hides the adder's latency.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .command import job_layout

__all__ = ["Sequencer", "step_layout"]


def step_layout(depth: int, steps: int, outputs: int) -> data.StructLayout:
    """Fields of a step: addresses and directions of both tiles, and what the accumulators need.

    ``a_new`` and ``b_new`` say that a tile is another one than in the step before, or that this is
    a product's first step: loads may have overwritten what was read in the last. ``step`` is the
    part of the tile product; ``output`` the accumulator that it belongs to; ``first`` and ``last``
    mark the first and the last tile of K; ``starts`` says that the accumulators start from C.
    """
    flags = ("a_across", "b_across", "a_new", "b_new", "first", "last", "starts")
    return data.StructLayout(
        {
            "a": range(depth),
            "b": range(depth),
            "step": range(steps),
            "output": range(outputs),
            **{name: unsigned(1) for name in flags},
        }
    )


class Sequencer(wiring.Component):
    """Jobs to steps of the array: the loop nest of a product.

    A group has ``group`` output tiles; what is left when it is less than two groups is one group,
    so that none is smaller unless the whole product is.

    Args:
        depth: tiles of a memory.
        steps: steps of a tile product.
        group: output tiles that are under way at once, at least 1.

    Members:
        start: In, take ``job``; only while ``busy`` is low. Its first step comes a cycle later.
        job: In, a checked MULTIPLY.
        busy: Out, steps are still to come.
        o: Out, stream of steps.
    """

    o: stream.Interface

    def __init__(self, depth: int, steps: int, group: int):
        self.depth, self.steps, self.group = depth, steps, group
        self.largest = 2 * group - 1 if group > 1 else 1
        self.outputs = self.largest * steps
        super().__init__(
            {
                "start": In(1),
                "job": In(job_layout(depth)),
                "busy": Out(1),
                "o": Out(stream.Signature(step_layout(depth, steps, self.outputs))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Counters from the innermost loop outwards, and the step that they say."""
        m = Module()
        address, size = range(self.depth), range(self.depth + 1)
        job: Any = Signal(job_layout(self.depth), reset_less=True)
        running = Signal()
        step = Signal(range(self.steps))
        output = Signal(range(self.outputs), name="sum")
        member = Signal(range(self.largest))  # of the group
        inner = Signal(size)  # tile of K
        left = Signal(range(self.depth**2 + 1))  # output tiles of this group and those to come
        # Offsets of the output tile at hand in A and B, its column; those of the group's first.
        here = {name: Signal(address, name=f"here_{name}") for name in ("a", "b", "column")}
        first = {name: Signal(address, name=f"first_{name}") for name in here}
        along = {name: Signal(address, name=f"along_{name}") for name in "ab"}  # of the tile of K

        group = Signal(range(self.largest + 1))
        whole = Mux(left >= 2 * self.group, self.group, left)
        m.d.comb += group.eq(whole if self.group > 1 else 1)
        strides = self._strides(m, job)
        following = self._following(m, job, strides, here)
        step_ends, member_ends, inner_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            step_ends.eq(step == self.steps - 1),
            member_ends.eq(member == group - 1),
            inner_ends.eq(inner == job.k - 1),
        ]

        def move(to: dict[str, Signal]) -> list[Any]:
            return [here[name].eq(to[name]) for name in here]

        with m.If(running & self.o.ready):
            m.d.sync += [step.eq(step + 1), output.eq(output + 1)]
            with m.If(step_ends):
                m.d.sync += [step.eq(0), member.eq(member + 1), *move(following)]
                with m.If(member_ends):
                    m.d.sync += [member.eq(0), output.eq(0), inner.eq(inner + 1), *move(first)]
                    for side, offset in along.items():
                        m.d.sync += offset.eq(offset + strides[f"along_{side}"])
                    with m.If(inner_ends):
                        m.d.sync += [inner.eq(0), left.eq(left - group), *move(following)]
                        m.d.sync += [first[name].eq(following[name]) for name in first]
                        m.d.sync += [offset.eq(0) for offset in along.values()]
                        m.d.sync += running.eq(left != group)
        with m.If(self.start):
            m.d.sync += [job.eq(self.job), running.eq(1), left.eq(self.job.tiles)]
            m.d.sync += [offset.eq(0) for offset in (*here.values(), *first.values())]
        self._compare(m)
        out = self.o.payload
        m.d.comb += [
            self.busy.eq(running),
            self.o.valid.eq(running),
            *(out[side].eq(job[f"{side}_base"] + here[side] + along[side]) for side in along),
            out.a_across.eq(job.a_transposed),
            out.b_across.eq(~job.b_transposed),  # B is read by columns of op(B)
            out.step.eq(step),
            out.output.eq(output),
            out.first.eq(inner == 0),
            out.last.eq(inner_ends),
            out.starts.eq(job.accumulate & (inner == 0)),
        ]
        return m

    def _compare(self, m: Module) -> None:
        """Whether the tiles of a step are those of the step before."""
        begins, out = Signal(), self.o.payload
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += begins.eq(0)
        with m.If(self.start):
            m.d.sync += begins.eq(1)
        for side in "ab":
            before = Signal(range(self.depth), name=f"{side}_before", reset_less=True)
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += before.eq(out[side])
            m.d.comb += out[f"{side}_new"].eq(begins | (out[side] != before))

    def _strides(self, m: Module, job: Any) -> dict[str, Signal]:
        """Tiles from an output tile to the next in A and B, and from a tile of K to the next."""
        names, size = ("a", "b", "along_a", "along_b"), range(self.depth + 1)
        strides = {name: Signal(size, name=f"stride_{name}") for name in names}
        m.d.comb += [
            strides["a"].eq(Mux(job.a_transposed, 1, job.k)),
            strides["b"].eq(Mux(job.b_transposed, job.k, 1)),
            strides["along_a"].eq(Mux(job.a_transposed, job.m, 1)),
            strides["along_b"].eq(Mux(job.b_transposed, 1, job.n)),
        ]
        return strides

    def _following(
        self, m: Module, job: Any, strides: dict[str, Signal], here: dict[str, Signal]
    ) -> dict[str, Signal]:
        """Offsets and column of the output tile after the one at hand."""
        wrap = Signal(name="wrap")
        following = {name: Signal.like(here[name], name=f"following_{name}") for name in here}
        m.d.comb += [
            wrap.eq(here["column"] == job.n - 1),
            following["a"].eq(Mux(wrap, here["a"] + strides["a"], here["a"])),
            following["b"].eq(Mux(wrap, 0, here["b"] + strides["b"])),
            following["column"].eq(Mux(wrap, 0, here["column"] + 1)),
        ]
        return following
