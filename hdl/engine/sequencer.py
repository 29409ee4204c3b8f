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
        """Counters from the innermost loop outwards, and the step that they say."""
        m = Module()
        job: Any = Signal.like(self.job, reset_less=True)
        size = unsigned(SIZE_BITS) if self.views else range(self.depth)
        running = Signal()
        step = Signal(range(self.steps))
        output = Signal(range(self.outputs), name="sum")
        member = Signal(range(self.largest))  # of the group
        inner = Signal(size)  # tile of K
        left = Signal.like(self.job.tiles)  # output tiles of this group and those to come
        group = Signal(range(self.largest + 1))
        whole = Mux(left >= 2 * self.group, self.group, left)
        step_ends, member_ends, inner_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            group.eq(whole if self.group > 1 else 1),
            step_ends.eq(step == self.steps - 1),
            member_ends.eq(member == group - 1),
            inner_ends.eq(inner == job.k - 1),
        ]
        with m.If(running & self.o.ready):
            m.d.sync += [step.eq(step + 1), output.eq(output + 1)]
            with m.If(step_ends):
                m.d.sync += [step.eq(0), member.eq(member + 1)]
                with m.If(member_ends):
                    m.d.sync += [member.eq(0), output.eq(0), inner.eq(inner + 1)]
                    with m.If(inner_ends):
                        m.d.sync += [inner.eq(0), left.eq(left - group)]
                        m.d.sync += running.eq(left != group)
        with m.If(self.start):
            m.d.sync += [job.eq(self.job), running.eq(1), left.eq(self.job.tiles)]

        moves = Signal()
        m.d.comb += moves.eq(running & self.o.ready & step_ends)
        at = self._walk(m, job, moves, member_ends, inner_ends)
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
            out.first.eq(inner == 0),
            out.last.eq(inner_ends),
            out.starts.eq(job.accumulate & (inner == 0)),
        ]
        return m

    def _walk(
        self, m: Module, job: Any, moves: Signal, member_ends: Signal, inner_ends: Signal
    ) -> dict[str, Value]:
        """Positions of the tiles at hand, by walk, from where tile products end.

        Within a group the output tiles come in the same order for each tile of K: the first one's
        place is kept, and returned to. A group of one tile stays where it is.
        """
        start, keeps = self.start, self.group > 1
        wraps, next_k, group_ends, back, next_row, next_column = (Signal() for _ in range(6))
        m.d.comb += [
            next_k.eq(moves & member_ends),
            group_ends.eq(next_k & inner_ends),
            back.eq(next_k & ~inner_ends),
            next_row.eq(moves & ~back & wraps),
            next_column.eq(moves & ~back & ~wraps),
        ]
        # What takes a walk on, and what takes it to its beginning.
        rows, columns = (next_row, start), (next_column, start | next_row)
        tiles = (next_k, start | group_ends)
        moved = {"a_m": rows, "a_k": tiles, "b_k": tiles, "b_n": columns, "column": columns}
        at = {}
        for name, view in self._views(job).items():
            counts, outer = name == "column", keeps and moved[name] is not tiles
            walk: Any = Walk(
                1 << SIZE_BITS if counts and self.views else self.depth,
                runs=self.views and not counts,
                keeps=outer,
            )
            m.submodules[f"walk_{name}"] = walk
            advance, restart = moved[name]
            m.d.comb += [
                walk.advance.eq(advance),
                walk.restart.eq(restart),
                *(walk.view[field].eq(value) for field, value in view.items()),
            ]
            if outer:
                m.d.comb += [walk.back.eq(back), walk.keep.eq(start | group_ends)]
            at[name] = walk.position
        m.d.comb += wraps.eq(at["column"] == job.n - 1)
        return at

    def _views(self, job: Any) -> dict[str, dict[str, Value]]:
        """Fields of the views of all walks; the column counts by ones."""
        column = {"column": {"pitch": Const(1)}}
        if self.views:
            fields = view_layout(self.depth, runs=True)
            return {name: {key: job[name][key] for key, _ in fields} for name in _WALKS} | column
        pitches = {
            "a_m": Mux(job.a_transposed, 1, job.k),
            "a_k": Mux(job.a_transposed, job.m, 1),
            "b_k": Mux(job.b_transposed, 1, job.n),
            "b_n": Mux(job.b_transposed, job.k, 1),
        }
        return {name: {"pitch": pitch} for name, pitch in pitches.items()} | column

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
