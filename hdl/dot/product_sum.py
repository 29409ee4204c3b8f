"""Exact sum of products of elements: the feed-forward half of a dot product.

Golden answer: ``mxsf.golden.dot.product_sum.product_sum``. Source: docs/numerics.md section 4.
"""

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.dot.product_sum import Operands, check_formats, check_pair, single
from ...golden.formats.block import BlockFormat
from ...golden.formats.catalogue import MXSF
from ..arith.adder import TermSum, negate
from ..arith.aligner import Aligner
from ..arith.multiplier import Multiplier
from ..checks import check_block, check_fabric, check_least, own_block
from ..layouts import Fabric, field_items, group_size, micro_fields
from ..stream.pipeline import Stage, pipeline
from ..stream.points import Points, Stages
from ..stream.register import derive, link
from .group_sum import GroupSum, shared_micro
from .operand import Operand
from .product_plan import ProductPlan
from .specials import gather_specials, resolve_specials, special_fields
from .sums import sum_bits, sum_layout

__all__ = ["POINTS", "ProductSum", "sum_bits", "sum_layout", "tree_depth"]

POINTS = Points(
    path=("decode", "product", "shift", "sum/k", "sum"),
    priority=("sum", "product", "shift", "decode"),
    default=0,
)
"""Where pipeline registers may stand."""


def tree_depth(formats: Iterable[BlockFormat], lanes: int) -> int:
    """Levels of the adder tree over a beat, whose terms are products, or groups of them."""
    return (lanes // max(group_size(formats), 1) - 1).bit_length()


class ProductSum(wiring.Component):
    """Codes of two operands to the exact sum of their products, once a beat.

    Feed-forward: decoders, products of significands, shifts to the exact grid, one signed sum.
    Products that have their microexponents in common are summed first, and shifted together.
    Latency is the number of pipeline registers, throughput one beat a cycle.

    Args:
        element: format of the codes, or a pair for a and b; at most 5 exponent bits. A block format
            brings microexponents.
        block: elements that share a scale, at least 1; default that of a block format, else 32.
        lanes: products a beat, a divisor of block; default block.
        stages: pipeline registers: 0 to 4, or names of their points, any of ``decode``,
            ``product``, ``shift``, ``sum/k`` (after levels k, 2k, ... of the adder tree) and
            ``sum`` (after its last level; one register where that is also a level of ``sum/k``).
            Without any, the path from ``i`` to ``o`` is combinational. Groups that share
            microexponents are summed before ``shift``.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs, ``"dsp"`` for
            few LUTs beside one hard multiplier a lane; the same cycles and bits.
        tag: bits that travel along with a beat.

    Members:
        i: In, stream of ``a.codes``, ``b.codes`` (arrays of lanes); ``a.micro``, ``b.micro`` in
            formats that have microexponents (arrays, a bit for each group of lanes); ``tag`` where
            tag > 0, and, when lanes < block, ``first`` and ``last``, which travel along.
        o: Out, stream of ``sum``, signed, in units of ``a.least * b.least``, half of it for each
            operand with microexponents; ``nan`` where a format has NaN: a NaN element, Inf * 0 or
            Inf - Inf; ``inf`` and ``inf_sign`` where one has Inf; ``tag``, ``first``, ``last`` as
            above. ``sum`` counts a product with an IEEE Inf or NaN code as 0, and E4M3's NaN code
            as the number it would be.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: Operands = MXSF,
        *,
        block: int | None = None,
        lanes: int | None = None,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
        tag: int = 0,
    ):
        self.element, self.formats = single(element), check_formats(element)
        self.pair = check_pair(element)
        block = own_block(element) if block is None else block
        lanes = check_block(block, lanes)
        check_least("tag", tag, 0)
        self.block, self.lanes, self.tag = block, lanes, tag
        self.fabric: Fabric = check_fabric(fabric)
        self.stages = POINTS.chosen(stages)
        self._group = group_size(self.formats)
        micro = [micro_fields(f, lanes) for f in self.formats]
        terms = lanes // max(self._group, 1)
        self._depth = tree_depth(self.formats, lanes)
        self.points = POINTS.resolve(stages, depth=self._depth, term="shift")
        carried = {"tag": unsigned(tag)} if tag else {}
        if lanes < block:
            carried |= {"first": unsigned(1), "last": unsigned(1)}
        self._carried, self._flags = carried, special_fields(self.pair)
        shared = data.ArrayLayout(sum(map(bool, micro)), terms)
        self._micro = {"micro": shared} if self._group else {}
        self._plan = ProductPlan(self.pair, fabric)
        incoming = {
            side: data.StructLayout({"codes": data.ArrayLayout(f.bits, lanes), **bits})
            for side, f, bits in zip("ab", self.pair, micro, strict=True)
        } | carried
        sums = {name: field.shape for name, field in sum_layout(element, lanes)}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout({**sums, **carried}))),
            }
        )

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a beat in to valid of its sum."""
        return len(self.points)

    def elaborate(self, platform: Any) -> Module:
        """Decode, multiply, shift and join groups, sum."""
        m = Module()
        lanes = ("decode", self._decode), ("product", self._multiply), ("shift", self._shift)
        terms = pipeline(m, self.i, lanes, self.points)
        sums = pipeline(m, terms, self._tree(terms.payload.terms), self.points)
        link(m, self._finish(m, sums), self.o)
        return m

    def _stage(self, m: Module, source: Any, fields: dict[str, Any], name: str) -> Any:
        """A stage's stream of some fields and of what travels along from ``source``."""
        known = [name for name, _ in source.payload.shape()]
        passing = [f for f in (*self._flags, *self._micro) if f in fields and f in known]
        layout = {**fields, **self._carried}
        copied = [*self._carried, *passing]
        return derive(m, source, layout, name=f"{name}_stage", copied=copied)

    def _decode(self, m: Module, source: Any, name: str) -> Any:
        """Operands of all lanes, one of a lane negated where hard multipliers follow."""
        plan, sides = self._plan, dict(zip("ab", self.pair, strict=True))
        fields = {
            side: data.ArrayLayout(layout, self.lanes)
            for side, layout in zip("ab", plan.operands, strict=True)
        }
        out = self._stage(m, source, {**fields, **self._micro}, name)
        if self._group:
            m.d.comb += out.payload.micro.eq(shared_micro(source.payload, self.formats, self.lanes))
        alike = self.pair[0] == self.pair[1]
        codes = {side: field_items(source.payload, side, "codes") for side in sides}
        made_lanes = {side: out.payload[side] for side in sides}
        for k in range(self.lanes):
            lane: list[Any] = []
            for number, (side, element) in enumerate(sides.items()):
                operand = Operand(element, self.pair[1 - number].has_inf, plan.whole)
                lane.append(operand)
                name = f"operand_{k + self.lanes * number}" if alike else f"operand_{side}_{k}"
                m.submodules[name] = operand
                m.d.comb += operand.code.eq(codes[side][k])
            for number, (side, operand) in enumerate(zip("ab", lane, strict=True)):
                made = made_lanes[side][k]
                for field, _ in operand.layout:
                    value = getattr(operand, str(field))
                    if field == "significand" and number == plan.negated_factor:
                        negative = plan.negative(*lane)
                        value = negate(m, value, negative)
                    m.d.comb += made[field].eq(value)
        return out

    def _multiply(self, m: Module, source: Any, name: str) -> Any:
        """Products, complemented where they count negatively, and their places."""
        plan, factors = self._plan, source.payload
        shapes = [dict(factors[side][0].shape())["significand"].shape for side in "ab"]
        multipliers: list[Any] = [
            Multiplier(shapes[0], shapes[1], self.fabric) for _ in range(self.lanes)
        ]
        lane: dict[str, Any] = {"product": multipliers[0].product.shape()}
        lane |= {"negative": unsigned(1)} if plan.complements else {}
        lane |= {"place": unsigned(plan.places[1].bit_length())} if plan.shifts else {}
        lanes = data.ArrayLayout(data.StructLayout(lane), self.lanes)
        out = self._stage(m, source, {"lanes": lanes, **self._flags, **self._micro}, name)
        operands = list(zip(field_items(factors, "a"), field_items(factors, "b"), strict=True))
        products = out.payload.lanes
        for k, multiplier in enumerate(multipliers):
            m.submodules[f"multiplier_{k}"] = multiplier
            (a, b), made = operands[k], products[k]
            m.d.comb += [
                multiplier.a.eq(a.significand),
                multiplier.b.eq(b.significand),
                made.product.eq(multiplier.product),
            ]
            if plan.complements:
                negative = plan.negative(a, b)
                m.d.comb += made.negative.eq(negative)
                if not plan.inverts_late:
                    m.d.comb += multiplier.invert.eq(negative)
            if plan.shifts:
                m.d.comb += made.place.eq(plan.place(m, a, b))
        gather_specials(m, self.pair, operands, out.payload)
        return out

    def _shift(self, m: Module, source: Any, name: str) -> Any:
        """Terms of the lanes, or of groups of lanes."""
        if not self._group:
            return self._align(m, source, name)
        return self._join(m, self._align(m, source, "align"), name)

    def _align(self, m: Module, source: Any, name: str) -> Any:
        """Terms, offset by half their range, which inverts the sign bit.

        So the sum is one of unsigned numbers, and no sign needs to be extended.
        """
        plan = self._plan
        fields: dict[str, Any] = {"terms": data.ArrayLayout(plan.bits, self.lanes)}
        if plan.complements:
            fields["negative"] = data.ArrayLayout(1, self.lanes)
        out = self._stage(m, source, {**fields, **self._flags, **self._micro}, name)
        lanes, terms = field_items(source.payload, "lanes"), out.payload.terms
        for k in range(self.lanes):
            made, term = lanes[k], terms[k]
            negative: Value = made.negative if plan.complements else Const(0, 1)
            if plan.complements:
                m.d.comb += out.payload.negative[k].eq(negative)
            below = Const(0, 1) if plan.inverts_late else negative
            sign = made.product[-1] if made.product.shape().signed else below
            if plan.shifts:
                least, most = plan.places
                aligner = Aligner(len(made.product), least, most, plan.bits)
                m.submodules[f"aligner_{k}"] = aligner
                m.d.comb += [
                    aligner.product.eq(made.product),
                    aligner.below.eq(below),
                    aligner.sign.eq(sign),
                    aligner.invert.eq(negative if plan.inverts_late else 0),
                    aligner.place.eq(made.place),
                    term.eq(aligner.term),
                ]
            else:
                word = Cat(made.product, sign.replicate(plan.bits))[: plan.bits - 1]
                m.d.comb += term.eq(Cat(word, ~sign))
        return out

    def _join(self, m: Module, source: Any, name: str) -> Any:
        """Terms of groups that share microexponents, shifted by them."""
        lanes, size = source.payload, self._group
        sums: list[Any] = [
            GroupSum(size, self._plan.bits, len(micro), self.fabric) for micro in lanes.micro
        ]
        fields: dict[str, Any] = {"terms": data.ArrayLayout(len(sums[0].term), len(sums))}
        if self._plan.complements:
            fields["negative"] = data.ArrayLayout(1, len(sums))
        out = self._stage(m, source, {**fields, **self._flags}, name)
        for k, group in enumerate(sums):
            m.submodules[f"group_{k}"] = group
            m.d.comb += [group.micro.eq(lanes.micro[k]), out.payload.terms[k].eq(group.term)]
            for i, lane in enumerate(range(k * size, (k + 1) * size)):
                m.d.comb += group.terms[i].eq(lanes.terms[lane])
                if self._plan.complements:
                    m.d.comb += group.ones[i].eq(lanes.negative[lane])
            if self._plan.complements:
                m.d.comb += out.payload.negative[k].eq(group.carry)
        return out

    def _tree(self, terms: Any) -> list[tuple[str, Stage]]:
        """Levels of the tree after which a register stands, and the last one.

        The first level adds what makes two's complements of one's complements, the last one takes
        the offset of the terms out.
        """
        offset = -len(terms) << (len(terms[0]) - 1)
        registered = [int(point[4:]) for point in self.points if point.startswith("sum/")]
        tops = list(dict.fromkeys([*registered, self._depth])) if self._depth else [0]
        return [
            (f"sum/{top}", partial(self._sum, below=below, top=top, offset=offset))
            for below, top in pairwise([0, *tops])
        ]

    def _sum(self, m: Module, source: Any, name: str, *, below: int, top: int, offset: int) -> Any:
        """Sums of terms that stand after level ``below``, as they stand after level ``top``."""
        terms, last = field_items(source.payload, "terms"), top == self._depth
        count, size = len(terms), len(terms[0])
        negative = (
            field_items(source.payload, "negative") if self._plan.complements and not below else []
        )
        group = min(1 << (top - below), count)
        bits = sum_bits(self.element, self.lanes) if last else size + top - below
        sums = data.ArrayLayout(bits, -(-count // group))
        out = self._stage(m, source, {"terms": sums, **self._flags}, name)
        for k in range(sums.length):
            mine = range(k * group, min((k + 1) * group, count))
            ones = len(mine) if negative else 0
            constant = offset if last else 0
            adder: Any = TermSum(len(mine), size, ones, bits, constant, self.fabric)
            m.submodules[f"{name}_{k}"] = adder
            m.d.comb += [
                *(adder.terms[i].eq(terms[lane]) for i, lane in enumerate(mine)),
                adder.ones.eq(Cat(*(negative[lane] for lane in mine)) if ones else 0),
                out.payload.terms[k].eq(adder.total),
            ]
        return out

    def _finish(self, m: Module, source: Any) -> Any:
        """Tell NaN from Inf."""
        fields = {name: field.shape for name, field in sum_layout(self.element, self.lanes)}
        out = self._stage(m, source, fields, "finish")
        m.d.comb += out.payload.sum.eq(source.payload.terms[0])
        resolve_specials(m, self.pair, source.payload, out.payload)
        return out
