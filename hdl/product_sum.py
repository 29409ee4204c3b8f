"""Exact sum of products of elements: the feed-forward half of a dot product.

Golden answer: ``mxsf.golden.product_sum.product_sum``. Source: docs/numerics.md section 4.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.catalogue import MXSF
from ..golden.formats import ElementFormat
from ..golden.product_sum import Pair, check_pair
from .adder import TermSum, add_bits, wire
from .aligner import Aligner
from .checks import check_block, check_fabric, check_least
from .formats import Fabric
from .multiplier import Multiplier
from .operand import Operand
from .points import named_points, register_places
from .product import ProductPlan, count_bits
from .specials import gather_specials, resolve_specials, special_fields
from .stream import derive, link, register

__all__ = ["ORDER", "POINTS", "ProductSum", "sum_bits", "sum_layout"]

POINTS = ("decode", "product", "shift", "sum/k", "sum")
"""Where pipeline registers may stand, in the order of the data path."""

ORDER = ("sum", "product", "shift", "decode")
"""The same in the order in which a number of stages takes them."""


def sum_bits(pair: ElementFormat | Pair, count: int) -> int:
    """Narrowest signed width that holds every sum of ``count`` products of two formats.

    >>> from mxsf.golden import E5M2, INT8
    >>> sum_bits(MXSF, 32), sum_bits(E5M2, 32), sum_bits((INT8, INT8), 32)
    (30, 70, 21)
    """
    return count_bits(check_pair(pair), count)


def sum_layout(pair: ElementFormat | Pair, count: int) -> data.StructLayout:
    """Fields of a sum: ``sum``, and ``nan``, ``inf``, ``inf_sign`` where the formats have them."""
    fields = {"sum": signed(sum_bits(pair, count))}
    formats = check_pair(pair)
    if any(f.has_nan for f in formats):
        fields["nan"] = unsigned(1)
    if any(f.has_inf for f in formats):
        fields |= {"inf": unsigned(1), "inf_sign": unsigned(1)}
    return data.StructLayout(fields)


class ProductSum(wiring.Component):
    """Codes of two operands to the exact sum of their products, once a beat.

    Feed-forward: decoders, products of significands, shifts to the exact grid, one signed sum.
    Latency is the number of pipeline registers, throughput one beat a cycle.

    Args:
        element: format of the codes, or a pair for a and b; at most 5 exponent bits.
        block: elements that share a scale, at least 1.
        lanes: products a beat, a divisor of block; default block.
        points: where pipeline registers stand, any of ``decode``, ``product``, ``shift``,
            ``sum/k`` (after levels k, 2k, ... of the adder tree) and ``sum`` (after its last
            level; one register where that is also a level of ``sum/k``). Without any, the path
            from ``i`` to ``o`` is combinational.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs, ``"dsp"`` for
            few LUTs beside one hard multiplier a lane; the same cycles and bits.
        tag: bits that travel along with a beat.

    Members:
        i: In, stream of ``a.codes``, ``b.codes`` (arrays of lanes), ``tag`` where tag > 0, and,
            when lanes < block, ``first`` and ``last``, which travel along.
        o: Out, stream of ``sum``, signed, in units of ``a.least * b.least``; ``nan`` where a
            format has NaN: a NaN element, Inf * 0 or Inf - Inf; ``inf`` and ``inf_sign`` where one
            has Inf; ``tag``, ``first``, ``last`` as above. ``sum`` counts a product with an IEEE
            Inf or NaN code as 0, and E4M3's NaN code as the number it would be.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat | Pair = MXSF,
        *,
        block: int = 32,
        lanes: int | None = None,
        points: Sequence[str] = (),
        fabric: Fabric = "asic",
        tag: int = 0,
    ):
        self.pair = check_pair(element)
        lanes = check_block(block, lanes)
        check_least("tag", tag, 0)
        self.element = self.pair[0] if self.pair[0] == self.pair[1] else self.pair
        self.block, self.lanes, self.tag = block, lanes, tag
        self.fabric: Fabric = check_fabric(fabric)
        self.points = named_points("points", points, POINTS)
        self.registers = register_places(self.points, (lanes - 1).bit_length(), "shift")
        carried = {"tag": unsigned(tag)} if tag else {}
        if lanes < block:
            carried |= {"first": unsigned(1), "last": unsigned(1)}
        self._carried, self._flags = carried, special_fields(self.pair)
        self._plan = ProductPlan(self.pair, fabric)
        codes = (data.StructLayout({"codes": data.ArrayLayout(f.bits, lanes)}) for f in self.pair)
        incoming = {**dict(zip("ab", codes, strict=True)), **carried}
        found = {name: field.shape for name, field in sum_layout(self.pair, lanes)}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout({**found, **carried}))),
            }
        )

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def stages(self) -> tuple[str, ...]:
        """Where the registers stand, under the name that all designs use."""
        return self.points

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a beat in to valid of its sum."""
        return len(self.registers)

    def elaborate(self, platform: Any) -> Module:
        """Decode, multiply, shift, sum."""
        m = Module()
        decoded = self._register(m, self._decode(m, self.i), "decode")
        products = self._register(m, self._multiply(m, decoded), "product")
        terms = self._register(m, self._align(m, products), "shift")
        link(m, self._finish(m, self._sum(m, terms)), self.o)
        return m

    def _stage(self, m: Module, source: Any, fields: dict[str, Any], name: str) -> Any:
        """Return a stream of some fields and of what travels along from ``source``."""
        known = [name for name, _ in source.payload.shape()]
        flags = [field for field in self._flags if field in fields and field in known]
        layout = {**fields, **self._carried}
        return derive(m, source, layout, name=name, copied=[*self._carried, *flags])

    def _register(self, m: Module, source: Any, place: str) -> Any:
        if place not in self.registers:
            return source
        return register(m, source, name=place.replace("/", "_"))

    def _decode(self, m: Module, source: Any) -> Any:
        """Operands of all lanes, one of a lane negated where hard multipliers follow."""
        plan, sides = self._plan, dict(zip("ab", self.pair, strict=True))
        fields = {
            side: data.ArrayLayout(layout, self.lanes)
            for side, layout in zip("ab", plan.operands, strict=True)
        }
        out = self._stage(m, source, fields, "decoded")
        alike = self.pair[0] == self.pair[1]
        for k in range(self.lanes):
            lane: list[Any] = []
            for number, (side, element) in enumerate(sides.items()):
                operand = Operand(element, self.pair[1 - number].has_inf, plan.whole)
                lane.append(operand)
                name = f"operand_{k + self.lanes * number}" if alike else f"operand_{side}_{k}"
                m.submodules[name] = operand
                m.d.comb += operand.code.eq(source.payload[side].codes[k])
            for number, (side, operand) in enumerate(zip("ab", lane, strict=True)):
                made = out.payload[side][k]
                for field, _ in operand.layout:
                    value = getattr(operand, str(field))
                    if field == "significand" and number == plan.negated_factor:
                        negative = self._xor_signs(*lane)
                        value = _negate(m, value, negative)
                    m.d.comb += made[field].eq(value)
        return out

    def _multiply(self, m: Module, source: Any) -> Any:
        """Products, complemented where they count negatively, and their places."""
        plan, given = self._plan, source.payload
        shapes = [dict(given[side][0].shape())["significand"].shape for side in "ab"]
        multipliers: list[Any] = [
            Multiplier(shapes[0], shapes[1], self.fabric) for _ in range(self.lanes)
        ]
        lane: dict[str, Any] = {"product": multipliers[0].product.shape()}
        lane |= {"negative": unsigned(1)} if plan.complements else {}
        lane |= {"place": unsigned(plan.places[1].bit_length())} if plan.shifts else {}
        lanes = data.ArrayLayout(data.StructLayout(lane), self.lanes)
        out = self._stage(m, source, {"lanes": lanes, **self._flags}, "products")
        for k, multiplier in enumerate(multipliers):
            m.submodules[f"multiplier_{k}"] = multiplier
            a, b, made = given.a[k], given.b[k], out.payload.lanes[k]
            m.d.comb += [
                multiplier.a.eq(a.significand),
                multiplier.b.eq(b.significand),
                made.product.eq(multiplier.product),
            ]
            if plan.complements:
                negative = self._xor_signs(a, b)
                m.d.comb += made.negative.eq(negative)
                if not plan.inverts_late:
                    m.d.comb += multiplier.invert.eq(negative)
            if plan.shifts:
                m.d.comb += made.place.eq(self._add_places(m, a, b))
        operands = [(given.a[k], given.b[k]) for k in range(self.lanes)]
        gather_specials(m, self.pair, operands, out.payload)
        return out

    def _xor_signs(self, a: Any, b: Any) -> Value:
        signs = [x.sign for x, f in zip((a, b), self.pair, strict=True) if not f.twos_complement]
        return Cat(signs).xor()

    def _add_places(self, m: Module, a: Any, b: Any) -> Value:
        places = [x.place for x, f in zip((a, b), self.pair, strict=True) if f.max_shift]
        if len(places) == 1:
            return places[0]
        if self.fabric == "asic":
            return Cat(*add_bits(m, list(places[0]), list(places[1])))
        return places[0] + places[1]

    def _align(self, m: Module, source: Any) -> Any:
        """Terms, offset by half their range, which inverts the sign bit.

        So the sum is one of unsigned numbers, and no sign needs to be extended.
        """
        plan = self._plan
        fields: dict[str, Any] = {"terms": data.ArrayLayout(plan.bits, self.lanes)}
        if plan.complements:
            fields["negative"] = data.ArrayLayout(1, self.lanes)
        out = self._stage(m, source, {**fields, **self._flags}, "aligned")
        for k in range(self.lanes):
            made, term = source.payload.lanes[k], out.payload.terms[k]
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

    def _sum(self, m: Module, source: Any) -> Any:
        """Tree of groups of terms, a level more where a register is wanted.

        The first level adds what makes two's complements of one's complements, the last one takes
        the offset of the terms out.
        """
        levels = (self.lanes - 1).bit_length()
        stops = [int(place[4:]) for place in self.registers if place.startswith("sum/")]
        count, height = self.lanes, 0
        for stop in dict.fromkeys([*stops, levels]) if levels else [0]:
            last = stop == levels
            old = source.payload
            size, group = len(old.terms[0]), min(1 << (stop - height), count)
            bits = sum_bits(self.pair, self.lanes) if last else size + stop - height
            offset = -self.lanes << (self._plan.bits - 1) if last else 0
            groups = -(-count // group)
            fields: dict[str, Any] = {"terms": data.ArrayLayout(bits, groups)}
            out = self._stage(m, source, {**fields, **self._flags}, f"level_{stop}")
            for k in range(groups):
                mine = range(k * group, min((k + 1) * group, count))
                ones = len(mine) if self._plan.complements and not height else 0
                adder: Any = TermSum(len(mine), size, ones, bits, offset, self.fabric)
                m.submodules[f"sum_{stop}_{k}"] = adder
                m.d.comb += [
                    *(adder.terms[i].eq(old.terms[lane]) for i, lane in enumerate(mine)),
                    adder.ones.eq(Cat(*(old.negative[lane] for lane in mine)) if ones else 0),
                    out.payload.terms[k].eq(adder.total),
                ]
            count, height = groups, stop
            source = self._register(m, out, f"sum/{stop}")
        return source

    def _finish(self, m: Module, source: Any) -> Any:
        """Tell NaN from Inf."""
        fields = {name: field.shape for name, field in sum_layout(self.pair, self.lanes)}
        found = self._stage(m, source, fields, "found")
        m.d.comb += found.payload.sum.eq(source.payload.terms[0])
        resolve_specials(m, self.pair, source.payload, found.payload)
        return found


def _negate(m: Module, value: Value, negative: Value) -> Value:
    """The value or its negative, signed, one bit longer."""
    flipped = Cat(*(bit ^ negative for bit in value), negative).as_signed()
    return wire(m, (flipped + negative)[: len(flipped)], "signed").as_signed()
