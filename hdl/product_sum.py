"""Exact sum of products of elements: the feed-forward half of a dot product.

Golden answer: ``mxsf.golden.product_sum.product_sum``. Source: docs/numerics.md section 4.
"""

import re
from typing import Any, get_args

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.catalogue import MXSF
from ..golden.formats import ElementFormat
from ..golden.product_sum import Pair, check_pair, units
from .decoder import Decoder
from .formats import Fabric, unpacked_layout
from .stream import derive, link, register

__all__ = ["ProductSum", "sum_bits", "sum_layout"]


def sum_bits(pair: ElementFormat | Pair, count: int) -> int:
    """Narrowest signed width that holds every sum of ``count`` products of two formats.

    >>> from mxsf.golden import E5M2, INT8
    >>> sum_bits(MXSF, 32), sum_bits(E5M2, 32), sum_bits((INT8, INT8), 32)
    (30, 70, 21)
    """
    a, b = (units(f) for f in check_pair(pair))
    ends = [x * y for x in (min(a), max(a)) for y in (min(b), max(b))]
    low, high = count * min(ends), count * max(ends)
    return max(high.bit_length(), (~low).bit_length()) + 1


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
        points: tuple[str, ...] = (),
        fabric: Fabric = "asic",
        tag: int = 0,
    ):
        self.pair = check_pair(element)
        lanes = block if lanes is None else lanes
        for name, value in (("block", block), ("lanes", lanes), ("tag", tag)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be of type int, not {value!r}")
        if block < 1:
            raise ValueError(f"block must be at least 1, not {block!r}")
        if lanes < 1 or block % lanes:
            raise ValueError(f"lanes must divide block = {block}, not {lanes!r}")
        if tag < 0:
            raise ValueError(f"tag must be at least 0, not {tag!r}")
        if fabric not in get_args(Fabric):
            raise ValueError(f"fabric must be 'asic', 'fpga' or 'dsp', not {fabric!r}")
        self.element = self.pair[0] if self.pair[0] == self.pair[1] else self.pair
        self.block, self.lanes, self.tag = block, lanes, tag
        self.fabric: Fabric = fabric
        self.points = tuple(points)
        self.registers = _places(self.points, (lanes - 1).bit_length())
        carried = {"tag": unsigned(tag)} if tag else {}
        if lanes < block:
            carried |= {"first": unsigned(1), "last": unsigned(1)}
        self._carried = carried
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
    def latency(self) -> int:
        """Cycles from the transfer of a beat in to valid of its sum."""
        return len(self.registers)

    def elaborate(self, platform: Any) -> Module:
        """Decode, multiply, shift, sum."""
        m = Module()
        decoded = self._register(m, self._decode(m, self.i), "decode")
        products = self._register(m, self._multiply(m, decoded), "product")
        terms = self._register(m, self._shift(m, products), "shift")
        link(m, self._sum(m, terms), self.o)
        return m

    def _stage(self, m: Module, source: Any, fields: dict[str, Any], name: str) -> Any:
        """A stream of some fields and what is carried along."""
        shape = data.StructLayout({**fields, **self._carried})
        target = derive(m, source, shape, name=name)
        for field in self._carried:
            m.d.comb += target.payload[field].eq(source.payload[field])
        return target

    def _register(self, m: Module, source: Any, place: str) -> Any:
        if place not in self.registers:
            return source
        return register(m, source, name=place.replace("/", "_"))

    def _decode(self, m: Module, source: Any) -> Any:
        layouts = {
            side: data.ArrayLayout(unpacked_layout(f), self.lanes)
            for side, f in zip("ab", self.pair, strict=True)
        }
        out = self._stage(m, source, layouts, "decoded")
        for side, element in zip("ab", self.pair, strict=True):
            for k in range(self.lanes):
                name = f"decoder_{k}" if self.pair[0] == self.pair[1] else f"decoder_{side}_{k}"
                if side == "b" and self.pair[0] == self.pair[1]:
                    name = f"decoder_{k + self.lanes}"
                m.submodules[name] = decoder = Decoder(element)
                m.d.comb += decoder.code.eq(source.payload[side].codes[k])
                for field, _ in unpacked_layout(element):
                    m.d.comb += out.payload[side][k][field].eq(getattr(decoder, field))
        return out

    def _flags(self) -> dict[str, Any]:
        """What the lanes' special codes come to, before Inf - Inf is looked for."""
        fields = {"any_nan": unsigned(1)} if any(f.has_nan for f in self.pair) else {}
        if any(f.has_inf for f in self.pair):
            fields |= {"any_plus": unsigned(1), "any_minus": unsigned(1)}
        return fields

    def _multiply(self, m: Module, source: Any) -> Any:
        a, b = self.pair
        lane = {"sign": unsigned(1), "product": unsigned(a.significand_bits + b.significand_bits)}
        if a.max_shift + b.max_shift:
            lane["shift"] = unsigned((a.max_shift + b.max_shift).bit_length())
        lanes = data.ArrayLayout(data.StructLayout(lane), self.lanes)
        out = self._stage(m, source, {"lanes": lanes, **self._flags()}, "products")
        nans, pluses, minuses = [], [], []
        for k in range(self.lanes):
            one, other, made = source.payload.a[k], source.payload.b[k], out.payload.lanes[k]
            shift = sum((x.shift for x, f in ((one, a), (other, b)) if f.max_shift), Cat())
            m.d.comb += made.sign.eq(one.sign ^ other.sign)
            if a.max_shift + b.max_shift:
                m.d.comb += made.shift.eq(shift)
            product: Value = one.significand * other.significand
            nan = Cat(x.nan for x, f in ((one, a), (other, b)) if f.has_nan).any()
            infs = [x.inf for x, f in ((one, a), (other, b)) if f.has_inf]
            if infs:
                zero = Signal(name=f"zero_{k}")
                inf = Signal(name=f"inf_{k}")
                is_nan = Signal(name=f"nan_{k}")
                m.d.comb += [
                    zero.eq((one.significand == 0) | (other.significand == 0)),
                    inf.eq(Cat(infs).any()),
                    is_nan.eq(nan | (inf & zero)),
                ]
                pluses.append(inf & ~made.sign)
                minuses.append(inf & made.sign)
                special = inf
                for x, f in ((one, a), (other, b)):
                    if f.has_inf:
                        special = special | x.nan
                product = Mux(special, 0, product)
                nan = is_nan
            nans.append(nan)
            m.d.comb += made.product.eq(product)
        if "any_nan" in self._flags():
            m.d.comb += out.payload.any_nan.eq(Cat(nans).any())
        if "any_plus" in self._flags():
            m.d.comb += [
                out.payload.any_plus.eq(Cat(pluses).any()),
                out.payload.any_minus.eq(Cat(minuses).any()),
            ]
        return out

    def _shift(self, m: Module, source: Any) -> Any:
        bits = sum_bits(self.pair, 1)
        lanes = data.ArrayLayout(signed(bits), self.lanes)
        out = self._stage(m, source, {"terms": lanes, **self._flags()}, "terms")
        self._pass_flags(m, source, out)
        for k in range(self.lanes):
            made = source.payload.lanes[k]
            magnitude = Signal(bits, name=f"magnitude_{k}")
            shift = made.shift if self.pair[0].max_shift + self.pair[1].max_shift else 0
            m.d.comb += [
                magnitude.eq(made.product << shift),
                out.payload.terms[k].eq(Mux(made.sign, -magnitude, magnitude)),
            ]
        return out

    def _pass_flags(self, m: Module, source: Any, target: Any) -> None:
        for field in self._flags():
            m.d.comb += target.payload[field].eq(source.payload[field])

    def _sum(self, m: Module, source: Any) -> Any:
        """Binary tree, level by level."""
        counts = [1] * self.lanes
        for level in range(1, (self.lanes - 1).bit_length() + 1):
            pairs = [counts[i : i + 2] for i in range(0, len(counts), 2)]
            old, counts = source.payload.terms, [sum(pair) for pair in pairs]
            bits = sum_bits(self.pair, max(counts))
            layout = data.ArrayLayout(signed(bits), len(counts))
            out = self._stage(m, source, {"terms": layout, **self._flags()}, f"level_{level}")
            self._pass_flags(m, source, out)
            for k, pair in enumerate(pairs):
                total = old[2 * k] + old[2 * k + 1] if len(pair) == 2 else old[2 * k]
                m.d.comb += out.payload.terms[k].eq(total)
            source = self._register(m, out, f"sum/{level}")
        fields = {name: field.shape for name, field in sum_layout(self.pair, self.lanes)}
        found = self._stage(m, source, fields, "found")
        m.d.comb += found.payload.sum.eq(source.payload.terms[0])
        if "nan" in fields:
            nan = Signal(name="nan")
            m.d.comb += [nan.eq(source.payload.any_nan), found.payload.nan.eq(nan)]
            if "inf" in fields:
                plus, minus = source.payload.any_plus, source.payload.any_minus
                m.d.comb += [
                    nan.eq(source.payload.any_nan | (plus & minus)),
                    found.payload.inf.eq((plus | minus) & ~nan),
                    found.payload.inf_sign.eq(minus & ~nan),
                ]
        return found


def _places(points: tuple[str, ...], levels: int) -> tuple[str, ...]:
    """Where the registers of some points stand, in order: levels of the tree are ``sum/level``."""
    places = set()
    for point in points:
        found = re.fullmatch(r"sum/([1-9]\d*)", point) if isinstance(point, str) else None
        if found:
            step = int(found[1])
            places |= {f"sum/{level}" for level in range(step, levels + 1, step)}
        elif point == "sum":
            places.add(f"sum/{levels}" if levels else "shift")
        elif point in ("decode", "product", "shift"):
            places.add(point)
        else:
            raise ValueError(
                f"points must be of decode, product, shift, sum/k and sum, not {point!r}"
            )
    order = ("decode", "product", "shift", *(f"sum/{n}" for n in range(1, levels + 1)))
    return tuple(place for place in order if place in places)
