"""Adders from single bits: half and full adders, columns of bits, and the sum of many terms.

In standard cells an adder written as ``+`` gets a fast carry tree; a ripple of full adders is a
fifth smaller (docs/area-dot.md). On FPGAs ``+`` is a carry chain, the smallest adder there is.
Constants (``Const``) among the bits fold away: what they make unnecessary is not built.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import Fabric

__all__ = ["TermSum", "add_bits", "add_columns", "carry_chain", "negate", "wire"]

ZERO = Const(0, 1)


def wire(m: Module, value: Value, name: str) -> Signal:
    """Return a new signal that carries ``value``, so that its logic is emitted once."""
    signal = Signal(len(value), name=name)
    m.d.comb += signal.eq(value)
    return signal


def _half(m: Module, a: Value, b: Value) -> tuple[Value, Value]:
    return wire(m, a ^ b, "half"), wire(m, a & b, "both")


def _full(m: Module, a: Value, b: Value, c: Value) -> tuple[Value, Value]:
    """Sum and carry of three bits, some of which may be constants.

    Two exclusive ORs of NAND gates, which the carry shares.
    """
    bits = [bit for bit in (a, b, c) if not isinstance(bit, Const)]
    ones = sum(bit.value for bit in (a, b, c) if isinstance(bit, Const))
    if len(bits) == 3:
        both = wire(m, ~(a & b), "not_both")
        half = wire(m, (a | b) & both, "half")
        through = wire(m, ~(half & c), "through")
        return wire(m, (half | c) & through, "total"), wire(m, ~(both & through), "carry")
    if len(bits) == 2 and ones == 0:
        return _half(m, *bits)
    if len(bits) == 2:  # one more than the two bits
        return wire(m, ~(bits[0] ^ bits[1]), "total"), wire(m, bits[0] | bits[1], "carry")
    if len(bits) == 1:
        even = ones != 1
        return bits[0] if even else wire(m, ~bits[0], "total"), (ZERO, bits[0], Const(1, 1))[ones]
    return Const(ones & 1, 1), Const(ones >> 1, 1)


def add_bits(m: Module, a: list[Value], b: list[Value], carry: Value = ZERO) -> list[Value]:
    """Unsigned sum of two numbers and a carry, lowest bit first, one bit longer than the longer."""
    size = max(len(a), len(b))
    result = []
    for x, y in zip([*a, *[ZERO] * (size - len(a))], [*b, *[ZERO] * (size - len(b))], strict=True):
        total, carry = _full(m, x, y, carry)
        result.append(total)
    return [*result, carry]


def add_columns(m: Module, columns: list[list[Value]]) -> list[Value]:
    """Sum of bits by weight, modulo ``2**len(columns)``: full adders until a bit a column is left.

    The bits that wait longest go first, so the depth is logarithmic up to the last carries.
    """
    waiting = [list(column) for column in columns]
    result: list[Value] = []
    for weight, column in enumerate(waiting):
        while len(column) > 1:
            taken = [*column[:3], ZERO][:3]
            del column[:3]
            total, carry = _full(m, taken[0], taken[1], taken[2])
            column.append(total)
            if weight + 1 < len(waiting) and not (isinstance(carry, Const) and not carry.value):
                waiting[weight + 1].append(carry)
        result.append(column[0] if column else ZERO)
    return result


def carry_chain(a: Value, b: Value, carry: Value) -> Value:
    """``a + b + carry`` as one carry chain: the carry enters through a bit below the others.

    Written as three summands, synthesis would spend a row of LUTs to make two of them.
    """
    low_a, low_b = Cat(Const(1, 1), a), Cat(carry, b)
    total = (low_a.as_signed() if a.shape().signed else low_a) + (
        low_b.as_signed() if b.shape().signed else low_b
    )
    return total[1:]


def negate(m: Module, value: Value, negative: Value) -> Value:
    """The value or, where ``negative``, its negative; signed, one bit longer."""
    flipped = Cat(*(bit ^ negative for bit in value), negative).as_signed()
    return wire(m, (flipped + negative)[: len(flipped)], "signed").as_signed()


class TermSum(wiring.Component):
    """Sum of unsigned terms, single ones and a constant, modulo ``2**bits``. Combinational.

    Args:
        count: number of terms, at least 1.
        term_bits: width of a term.
        ones: number of single ones, at most ``count``.
        bits: width of the total.
        constant: what to add; even where there are ones.
        fabric: ``"asic"`` saves the carries from term to term and ripples once, at the end, so
            that only the first terms stand on the longest path; else a tree of carry chains.

    Members:
        terms: In, array of terms.
        ones: In, one bit each.
        total: Out, unsigned.
    """

    def __init__(
        self,
        count: int,
        term_bits: int,
        ones: int,
        bits: int,
        constant: int = 0,
        fabric: Fabric = "asic",
    ):
        self.constant = constant % (1 << bits)
        self.fabric: Fabric = fabric
        super().__init__(
            {
                "terms": In(data.ArrayLayout(term_bits, count)),
                "ones": In(ones),
                "total": Out(bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the structure of the fabric."""
        m = Module()
        terms: Any = self.terms
        rows = [terms[k] for k in range(terms.shape().length)]
        total = self._save(m, rows) if self.fabric == "asic" else self._tree(m, rows)
        m.d.comb += self.total.eq(total)
        return m

    def _save(self, m: Module, rows: list[Value]) -> Value:
        """Row after row of full adders; carries enter the next row, one higher."""
        bits = len(self.total)
        ones = [*self.ones, *[ZERO] * (len(rows) - len(self.ones))]
        words = [[*row[:bits], *[ZERO] * (bits - len(row))] for row in rows]
        constant: list[Value] = [Const(self.constant >> i & 1, 1) for i in range(bits)]
        totals, carries = words[0], [ones[0], *constant[1:]] if len(self.ones) else constant
        for word, carry in zip(words[1:], ones[1:], strict=True):
            pairs = [_full(m, *three) for three in zip(totals, carries, word, strict=True)]
            totals, carries = [t for t, _ in pairs], [carry, *(c for _, c in pairs[:-1])]
        return Cat(*add_bits(m, totals, carries)[:bits])

    def _tree(self, m: Module, rows: list[Value]) -> Value:
        """Halve the rows, level by level; ones enter as carries."""
        ones = list(self.ones)
        while len(rows) > 1:
            above = rows[len(rows) & ~1 :]
            for a, b in zip(rows[0::2], rows[1::2], strict=False):
                above.append(wire(m, carry_chain(a, b, ones.pop() if ones else ZERO), "sum"))
            rows = above
        if self.constant or ones:
            return carry_chain(rows[0], Const(self.constant, len(self.total)), Cat(ones, ZERO)[0])
        return rows[0]
