"""Sequencer: the loop nest of a tiled matrix product, one step of the PE array a cycle.

Output tiles are taken in groups, row by row of tiles. Within a group the order is: for each tile of
K, for each output tile of the group, for each step of a tile product. So the steps between two
uses of the same accumulator are those of a whole group, which hides the adder's latency.
"""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .command import job_layout
from .count import Count
from .walk import Walk, view_layout

__all__ = ["SIZE_BITS", "TILES_BITS", "Sequencer", "product_layout", "step_layout"]

SIZE_BITS, TILES_BITS = 16, 32
"""Bits of a size, and of the number of output tiles, in a job with views."""

_WALKS = ("a_m", "a_k", "b_k", "b_n")  # a memory and the dimension of the product


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


def product_layout(depth: int) -> data.StructLayout:
    """Fields of a product whose operands are views of the memories.

    op(A) has ``m`` x ``k`` tiles, op(B) ``k`` x ``n``; ``tiles`` is m * n. No size is 0. Tile
    (i, j) of op(A) is at ``a_base`` + ``a_m``'s position of i + ``a_k``'s of j, that of op(B) at
    ``b_base`` + ``b_k``'s of i + ``b_n``'s of j, modulo ``depth``. ``a_transposed`` and
    ``b_transposed`` say whether the tiles themselves are read transposed, and nothing of where they
    lie.
    """
    view = view_layout(depth, runs=True)
    flags = ("a_transposed", "b_transposed", "accumulate")
    return data.StructLayout(
        {
            **{name: unsigned(1) for name in flags},
            **{name: unsigned(SIZE_BITS) for name in ("n", "k")},
            "tiles": unsigned(TILES_BITS),
            **{name: range(depth) for name in ("a_base", "b_base")},
            **{name: view for name in _WALKS},
        }
    )


class Sequencer(wiring.Component):
    """Jobs to steps of the array: the loop nest of a product.

    A group has ``group`` output tiles; what is left when it is less than two groups is one group,
    so that none is smaller unless the whole product is.

    Args:
        depth: tiles of a memory; with views a power of two.
        steps: steps of a tile product.
        group: output tiles that are under way at once, at least 1.
        views: whether a job says of each dimension where its tiles lie. Otherwise the matrices are
            stored row by row of tiles, and ``a_transposed`` and ``b_transposed`` transpose both
            matrix and tiles.

    Members:
        start: In, take ``job``; only while ``busy`` is low. Its first step comes a cycle later.
        job: In, a checked MULTIPLY (``job_layout``), or with views ``product_layout``.
        busy: Out, steps are still to come.
        o: Out, stream of steps.
    """

    o: stream.Interface

    def __init__(self, depth: int, steps: int, group: int, *, views: bool = False):
        assert not views or not depth & (depth - 1)
        self.depth, self.steps, self.group, self.views = depth, steps, group, views
        self.largest = 2 * group - 1 if group > 1 else 1
        self.outputs = self.largest * steps
        super().__init__(
            {
                "start": In(1),
                "job": In(product_layout(depth) if views else job_layout(depth)),
                "busy": Out(1),
                "o": Out(stream.Signature(step_layout(depth, steps, self.outputs))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Counters from the innermost loop outwards, and the step that they say.

        Whether something ends is in a register before it does (``mxsf.hdl.engine.count``): nothing
        is compared between a step and the next.
        """
        m = Module()
        job: Any = Signal.like(self.job, reset_less=True)
        now: Any = Signal.like(self.job)  # the job from its start on
        running, moves = Signal(), Signal()
        step = Signal(range(self.steps))
        output = Signal(range(self.outputs), name="sum")
        m.d.comb += [
            now.eq(Mux(self.start, Value.cast(self.job), Value.cast(job))),
            moves.eq(running & self.o.ready & (step == self.steps - 1)),
        ]
        m.submodules.tiles_k = tiles_k = Count(len(job.k))
        group_ends = Signal()
        member_ends, last_group = self._group(m, now, moves, group_ends)
        next_k = Signal()
        m.d.comb += [
            next_k.eq(moves & member_ends),
            group_ends.eq(next_k & tiles_k.ends),
            tiles_k.size.eq(now.k),
            tiles_k.advance.eq(next_k),
            tiles_k.restart.eq(self.start | group_ends),
        ]
        first = Signal()
        with m.If(running & self.o.ready):
            m.d.sync += [step.eq(step + 1), output.eq(output + 1)]
        with m.If(moves):
            m.d.sync += step.eq(0)
        with m.If(next_k):
            m.d.sync += [output.eq(0), first.eq(tiles_k.ends)]
        with m.If(group_ends & last_group):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [job.eq(self.job), running.eq(1), first.eq(1)]

        at = self._walk(m, now, moves, next_k, group_ends)
        self._compare(m)
        out = self.o.payload
        m.d.comb += [
            self.busy.eq(running),
            self.o.valid.eq(running),
            out.a.eq(job.a_base + at["a_m"] + at["a_k"]),
            out.b.eq(job.b_base + at["b_k"] + at["b_n"]),
            out.a_across.eq(job.a_transposed),
            out.b_across.eq(~job.b_transposed),  # B is read by columns of op(B)
            out.step.eq(step),
            out.output.eq(output),
            out.first.eq(first),
            out.last.eq(tiles_k.ends),
            out.starts.eq(job.accumulate & first),
        ]
        return m

    def _group(
        self, m: Module, now: Any, moves: Signal, group_ends: Signal
    ) -> tuple[Value, Signal]:
        """Whether a tile is the last of its group, and whether that is the last group."""
        last_group = Signal(reset_less=True)
        if self.group == 1:
            m.submodules.tiles = tiles = Count(len(now.tiles))
            m.d.comb += [
                tiles.size.eq(now.tiles),
                tiles.advance.eq(group_ends),
                tiles.restart.eq(self.start),
                last_group.eq(tiles.ends),
            ]
            return Const(1), last_group
        # Those of this group and of those to come. What comes next is known long before: a group
        # that is not the last one takes several cycles.
        left = Signal.like(now.tiles, reset_less=True)
        size, next_size = Signal(range(self.largest + 1)), Signal(range(self.largest + 1))
        here, next_last, ends = Signal.like(size), Signal(), Signal()
        m.submodules.members = members = Count(len(size))
        whole = now.tiles >= 2 * self.group
        m.d.comb += [
            here.eq(Mux(self.start, Mux(whole, self.group, now.tiles), size)),
            ends.eq(moves & members.ends),
            members.size.eq(Mux(group_ends, next_size, here)),
            members.advance.eq(moves),
            members.restart.eq(self.start | ends),
        ]
        m.d.sync += [
            next_size.eq(Mux(left >= 3 * self.group, self.group, left - self.group)),
            next_last.eq(left < 3 * self.group),
        ]
        with m.If(group_ends):
            m.d.sync += [left.eq(left - self.group), size.eq(next_size), last_group.eq(next_last)]
        with m.If(self.start):
            m.d.sync += [left.eq(now.tiles), size.eq(here), last_group.eq(~whole)]
        return members.ends, last_group

    def _walk(
        self, m: Module, now: Any, moves: Signal, next_k: Signal, group_ends: Signal
    ) -> dict[str, Value]:
        """Positions of the tiles at hand, by walk, from where tile products end.

        Within a group the output tiles come in the same order for each tile of K: the first one's
        place is kept, and returned to. A group of one tile stays where it is.
        """
        start, keeps = self.start, self.group > 1
        back, next_row, next_column = Signal(), Signal(), Signal()
        m.submodules.columns = columns = Count(len(now.n), keeps=keeps)
        m.d.comb += [
            back.eq(next_k & ~group_ends),
            next_row.eq(moves & ~back & columns.ends),
            next_column.eq(moves & ~back & ~columns.ends),
            columns.size.eq(now.n),
        ]
        # What takes a walk on, and what takes it to its beginning.
        across, down = (next_column, start | next_row), (next_row, start)
        inwards = (next_k, start | group_ends)
        moved = {"a_m": down, "a_k": inwards, "b_k": inwards, "b_n": across}
        walks: dict[str, Any] = {"columns": columns}
        for name, view in self._views(now).items():
            walk: Any = Walk(
                self.depth, runs=self.views, keeps=keeps and moved[name] is not inwards
            )
            m.submodules[f"walk_{name}"] = walks[name] = walk
            m.d.comb += [walk.view[field].eq(value) for field, value in view.items()]
        for name, walk in walks.items():
            advance, restart = moved.get(name, across)
            m.d.comb += [walk.advance.eq(advance), walk.restart.eq(restart)]
            if walk.keeps:
                m.d.comb += [walk.back.eq(back), walk.keep.eq(start | group_ends)]
        return {name: walks[name].position for name in moved}

    def _views(self, job: Any) -> dict[str, dict[str, Value]]:
        """Fields of the views of all walks."""
        if self.views:
            fields = view_layout(self.depth, runs=True)
            return {name: {key: job[name][key] for key, _ in fields} for name in _WALKS}
        pitches = {
            "a_m": Mux(job.a_transposed, 1, job.k),
            "a_k": Mux(job.a_transposed, job.m, 1),
            "b_k": Mux(job.b_transposed, 1, job.n),
            "b_n": Mux(job.b_transposed, job.k, 1),
        }
        return {name: {"pitch": pitch} for name, pitch in pitches.items()}

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
