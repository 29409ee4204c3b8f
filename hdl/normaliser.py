"""Normaliser: a two's complement value to sign, leading bit and a significand of fixed width.

The one normalisation of a dot product. Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .formats import Fabric

__all__ = ["Normaliser"]


class Normaliser(wiring.Component):
    """Shift a value up until the bit below its sign differs from the sign. Combinational.

    The value is not negated: of a negative one the bits are inverted, and the one that is still
    to be added to the last place is left to the rounding, which adds at most one anyway.

    Args:
        bits: width of the value, two's complement.
        keep: width of the significand.
        fabric: ``"asic"`` looks at the shifted value before each step, ``"fpga"`` counts first.

    Members:
        value: In, signed.
        sign: Out, 1 for negative.
        leading: Out, places shifted, 0 to ``bits - 1``: bits below the sign that equal it.
        significand: Out, the highest ``keep`` bits below the sign, inverted in a negative value.
            The top bit is 0 only for a value of 0.
        rest: Out, whether any lower bit of the value (not inverted) is 1.
    """

    def __init__(self, bits: int, keep: int, fabric: Fabric = "asic"):
        self.bits, self.keep, self.fabric = bits, keep, fabric
        super().__init__(
            {
                "value": In(signed(bits)),
                "sign": Out(1),
                "leading": Out(range(bits)),
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
        counted = None if self.fabric == "asic" else self._count(m, self.value[:-1], sign)
        leading: list[Value] = []
        rest: Value = Const(0, 1)
        for k in reversed(range(steps)):
            step = 1 << k
            move = Signal(name=f"move_{step}")
            top = value[-step:] if step < len(value) else value
            if counted is None:
                m.d.comb += move.eq(Mux(sign, top.all(), ~top.any()))
            else:
                m.d.comb += move.eq(counted[k])
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
            self.leading.eq(Cat(*leading)),
            self.significand.eq(value ^ sign.replicate(self.keep)),
            self.rest.eq(rest),
        ]
        return m

    def _count(self, m: Module, value: Value, sign: Value) -> Value:
        """Number of leading bits that equal the sign, by halves: two counts give one."""
        below = (1 << len(self.leading)) - len(value)  # a 1 below the value ends every count
        ends = Cat(Const(1 << (below - 1), below), value ^ sign.replicate(len(value)))
        # A node: whether all its bits are 0, and the number of leading zeros where not.
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
        return Cat(*nodes[0][1])
