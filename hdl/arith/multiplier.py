"""Multiplier of significands; of gates or LUTs, its product can be complemented.

Standard cells: full adders are the dearest cells, so the longer factor is cut into digits of two
bits, each of which selects 0, 1, 2 or 3 times the other factor: half as many rows to add, for one
more addition that makes the triple (docs/area-dot.md). Short factors take a row a bit. LUTs: a row
a bit, each added by a carry chain, which complements at no cost. Hard multipliers: ``*``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..layouts import Fabric
from .adder import ZERO, add_bits, add_columns, carry_chain, wire

__all__ = ["Multiplier"]

_SHORT = 4  # a factor of fewer bits is not worth a triple


class _Row(NamedTuple):
    """A summand of the product: ``bits`` from weight ``2**offset`` up; the last may be a sign."""

    bits: list[Value]
    offset: int
    signed: bool


class Multiplier(wiring.Component):
    """Product of two integers, all bits inverted on request. Combinational.

    Args:
        a_shape: shape of a, signed or unsigned.
        b_shape: shape of b.
        fabric: ``"asic"``, ``"fpga"`` or ``"dsp"``.

    Members:
        a: In, a_shape.
        b: In, b_shape.
        invert: In, 1 for the one's complement, ``-1 - a * b``; without effect on ``"dsp"``.
        product: Out, as wide as both factors together, and signed where a factor is. What
            ``invert`` makes of an unsigned product is two's complement below one more sign bit,
            which is ``invert``.
    """

    def __init__(self, a_shape: Any, b_shape: Any, fabric: Fabric = "asic"):
        a, b = Shape.cast(a_shape), Shape.cast(b_shape)
        self.fabric: Fabric = fabric
        product = Shape(a.width + b.width, signed=a.signed or b.signed)
        super().__init__({"a": In(a), "b": In(b), "invert": In(1), "product": Out(product)})

    def elaborate(self, platform: Any) -> Module:
        """Rows and their sum."""
        m = Module()
        if self.fabric == "dsp":
            m.d.comb += self.product.eq(self.a * self.b)
        elif self.fabric == "fpga":
            m.d.comb += self.product.eq(self._chains(m))
        else:
            short, long = sorted((self.a, self.b), key=len)
            rows = _bit_rows(m, long, short) if len(short) < _SHORT else _digits(m, short, long)
            product = _sum(m, rows, len(self.product))
            m.d.comb += self.product.eq(Cat(*(bit ^ self.invert for bit in product)))
        return m

    def _chains(self, m: Module) -> Value:
        """Rows on a tree of carry chains, each inverted before it is added.

        ``~(x + y) = ~x + ~y + 1``, so the sum of inverted rows is the inverted sum. Below the
        second summand's lowest bit that one carries through its inverted zeros.
        """
        short, long = sorted((self.a, self.b), key=len)
        nodes: list[tuple[Value, Value]] = []  # an inverted value, and whether it is
        for weight, bit in enumerate(short):
            negative = short.shape().signed and weight == len(short) - 1
            flip = ~self.invert if negative else self.invert
            above = [] if long.shape().signed else [flip]  # sign bit of an unsigned factor's row
            row = wire(m, Cat(*((x & bit) ^ flip for x in long), *above), "row")
            nodes.append((row.as_signed(), flip))
        reach = 1  # weight of the second of two nodes over that of the first
        while len(nodes) > 1:
            pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
            nodes = [
                pair[0]
                if len(pair) == 1
                else (self._chain(m, pair[0][0], *pair[1], reach), pair[0][1])
                for pair in pairs
            ]
            reach *= 2
        return nodes[0][0][: len(self.product)]

    def _chain(self, m: Module, low: Value, high: Value, flip: Value, reach: int) -> Value:
        """``low + (high << reach)`` of inverted values."""
        upper = carry_chain(low[reach:].as_signed(), high.as_signed(), flip)
        return wire(m, Cat(low[:reach], upper), "partial").as_signed()


def _bit_rows(m: Module, long: Value, short: Value) -> list[_Row]:
    """A row for each bit of the short factor."""
    rows = []
    for weight, bit in enumerate(short):
        if short.shape().signed and weight == len(short) - 1:  # of negative weight
            row = [~x & bit for x in long]
            rows.append(_Row([bit], weight, signed=False))
            rows.append(_Row(row if long.shape().signed else [*row, bit], weight, signed=True))
        else:
            row = [wire(m, x & bit, "partial") for x in long]
            rows.append(_Row(row, weight, long.shape().signed))
    return rows


def _digits(m: Module, factor: Value, digits: Value) -> list[_Row]:
    """A row for each two bits of ``digits``: 0, 1, 2 or 3 times ``factor``.

    The top digit of a signed factor is 0, 1, -2 or -1; negative rows are one's complements.
    """
    is_signed = factor.shape().signed
    size = len(factor) + 2
    above = [factor[-1] if is_signed else ZERO] * 2
    single = [*factor, *above]
    double = [ZERO, *factor, above[0]]
    triple = add_bits(m, single, double)[:size]
    bits = [*digits, *([digits[-1] if digits.shape().signed else ZERO] * (len(digits) % 2))]
    rows = []
    for weight in range(0, len(bits), 2):
        low, high = bits[weight], bits[weight + 1]
        if digits.shape().signed and weight + 2 >= len(bits):
            rows.append(_Row([high], weight, signed=False))
            chosen = [Mux(low, x, y & high) ^ high for x, y in zip(single, double, strict=True)]
            rows.append(_Row([wire(m, x, "row") for x in chosen], weight, signed=True))
            continue
        first, second = wire(m, low & ~high, "is_1"), wire(m, high & ~low, "is_2")
        third = wire(m, low & high, "is_3")
        chosen = [
            (x & first) | (y & second) | (z & third)
            for x, y, z in zip(single, double, triple, strict=True)
        ]
        rows.append(_Row([wire(m, x, "row") for x in chosen], weight, is_signed))
    return rows


def _sum(m: Module, rows: list[_Row], bits: int) -> list[Value]:
    """Sum of rows modulo ``2**bits``."""
    if not any(row.signed for row in rows):
        total = list(rows[0].bits)
        for row in rows[1:]:
            done, rest = total[: row.offset], total[row.offset :]
            total = [*done, *add_bits(m, rest, row.bits)]
        return [*total, *[ZERO] * bits][:bits]
    # A sign bit of weight -w counts as its complement of weight w, less w; what is to be
    # subtracted is one constant.
    columns: list[list[Value]] = [[] for _ in range(bits)]
    constant = 0
    for row in rows:
        for weight, bit in enumerate(row.bits, row.offset):
            is_sign = row.signed and weight == row.offset + len(row.bits) - 1
            constant -= is_sign << weight
            if weight < bits:
                columns[weight].append(~bit if is_sign else bit)
    for weight, column in enumerate(columns):
        if constant >> weight & 1:
            column.insert(0, Const(1, 1))
    return add_columns(m, columns)
