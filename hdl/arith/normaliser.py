"""Normaliser: a two's complement value to sign, leading bit and a significand of fixed width.

The one normalisation of a dot product. Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LeadingCount", "Normaliser"]


class LeadingCount(wiring.Component):
    """Number of bits below the sign that equal it. Combinational.

    By halves: of two counts the upper one holds unless its half is all equal.

    Args:
        bits: width of the value, two's complement.

    Members:
        value: In, signed.
        leading: Out, 0 to ``bits - 1``.
    """

    def __init__(self, bits: int):
        super().__init__({"value": In(signed(bits)), "leading": Out(range(bits))})

    def elaborate(self, platform: Any) -> Module:
        """A tree; a node says whether its bits are all 0, and the count of zeros where not."""
        m = Module()
        value, sign = self.value[:-1], self.value[-1]
        below = (1 << len(self.leading)) - len(value)  # a 1 below the value ends every count
        ends = Cat(Const(1 << (below - 1), below), value ^ sign.replicate(len(value)))
        nodes: list[tuple[Value, list[Value]]] = [(~bit, []) for bit in reversed(ends)]
        level = 0
        while len(nodes) > 1:
            merged = []
            for number, (high, low) in enumerate(zip(nodes[::2], nodes[1::2], strict=True)):
                empty = Signal(name=f"empty_{level}_{number}")
                count = Signal(level + 1, name=f"count_{level}_{number}")
                inner = [Mux(high[0], b, a) for a, b in zip(high[1], low[1], strict=True)]
                m.d.comb += [empty.eq(high[0] & low[0]), count.eq(Cat(*inner, high[0]))]
                merged.append((empty, list(count)))
            nodes, level = merged, level + 1
        m.d.comb += self.leading.eq(Cat(*nodes[0][1]))
        return m


class Normaliser(wiring.Component):
    """Shift a value up until the bit below its sign differs from the sign. Combinational.

    The value is not negated: of a negative one the bits are inverted, and the one that is still
    to be added to the last place is left to the rounding, which adds at most one anyway.

    Args:
        bits: width of the value, two's complement.
        keep: width of the significand.
        counted: whether the number of places is given; without, each step looks at the value
            that it may shift, which is smaller and slower.

    Members:
        value: In, signed.
        sign: Out, 1 for negative.
        leading: In where counted, else Out: places to shift, the bits below the sign that equal
            it, 0 to ``bits - 1``.
        significand: Out, the highest ``keep`` bits below the sign, inverted in a negative value.
            The top bit is 0 only for a value of 0.
        rest: Out, whether any lower bit of the value (not inverted) is 1.
    """

    def __init__(self, bits: int, keep: int, *, counted: bool = False):
        self.bits, self.keep, self.counted = bits, keep, counted
        super().__init__(
            {
                "value": In(signed(bits)),
                "sign": Out(1),
                "leading": (In if counted else Out)(range(bits)),
                "significand": Out(unsigned(keep)),
                "rest": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """From the longest step to the shortest; bits no longer needed go into ``rest``."""
        m = Module()
        sign = self.value[-1]
        missing = max(self.keep - (self.bits - 1), 0)
        value: Value = Cat(Const(0, missing), self.value[:-1])
        steps = len(self.leading)
        leading: list[Value] = []
        rest: Value = Const(0, 1)
        for k in reversed(range(steps)):
            step = 1 << k
            move = Signal(name=f"move_{step}")
            top = value[-step:] if step < len(value) else value
            equal = Mux(sign, top.all(), ~top.any())
            m.d.comb += move.eq(self.leading[k] if self.counted else equal)
            leading.insert(0, move)
            size = min(self.keep + step - 1, len(value))  # what the shorter steps still need
            moved = Cat(Const(0, step), value)[: len(value)]
            spare = len(value) - size
            shifted = Signal(size, name=f"shifted_{step}")
            m.d.comb += shifted.eq(Mux(move, moved[spare:], value[spare:]))
            if spare:
                lost = Signal(name=f"lost_{step}")
                m.d.comb += lost.eq(Mux(move, moved[:spare].any(), value[:spare].any()))
                rest = rest | lost
            value = shifted
        m.d.comb += [
            self.sign.eq(sign),
            self.significand.eq(value ^ sign.replicate(self.keep)),
            self.rest.eq(rest),
        ]
        if not self.counted:
            m.d.comb += self.leading.eq(Cat(*leading))
        return m
