"""Placement: where acc stands in the frame, and acc shifted there.

Source: docs/numerics.md section 4; ``mxsf.hdl.dot.frame`` has the geometry.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..layouts import Fabric
from .frame import GUARD, SIGNIFICAND, Frame

__all__ = ["AccShifter", "Placement"]


class Placement(wiring.Component):
    """Scales and acc's exponent to a kind of frame and acc's distance from its top. Combinational.

    Args:
        frame: geometry of the frame.
        fabric: ``"asic"`` computes one thing from the other, ``"fpga"`` all at once.

    Members:
        scale: In, the exponents of both scales added.
        acc_exponent: In, acc's biased exponent.
        empty: In, whether the sum is 0, so that only acc decides.
        steps: Out, places that acc is shifted down from the top; more than the frame has are as
            many as the field holds, which leave nothing of acc.
        low: Out, whether the frame is low.
        exponent: Out, signed, biased exponent of the bit below the frame's sign.
    """

    def __init__(self, frame: Frame, fabric: Fabric = "asic"):
        self.frame, self.fabric = frame, fabric
        reach = abs(frame.offset) + GUARD + frame.exponents
        super().__init__(
            {
                "scale": In(range(frame.exponents + 1)),
                "acc_exponent": In(8),
                "empty": In(1),
                "steps": Out(range(frame.bits)),
                "low": Out(1),
                "exponent": Out(signed(reach.bit_length() + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Exponents of the two frames, distances in them, the choice."""
        m = Module()
        frame, size, shape = self.frame, len(self.steps), self.exponent.shape()
        high, above, low = (
            Signal(shape, name="high"),
            Signal(name="above"),
            Signal(name="low_frame"),
        )
        distance, lower = Signal(shape, name="distance"), Signal(shape, name="low_distance")
        lowered = Signal(shape, name="lowered")
        m.d.comb += high.eq(self.scale + frame.offset)
        if self.fabric == "asic":
            m.d.comb += [
                distance.eq(high - self.acc_exponent),
                lower.eq(distance - GUARD),
                lowered.eq(high - GUARD),
            ]
        else:
            m.d.comb += [
                distance.eq(self._distance(frame.offset)),
                lower.eq(self._distance(frame.offset - GUARD)),
                lowered.eq(self.scale + (frame.offset - GUARD)),
            ]
        negative = distance[-1]
        m.d.comb += [
            above.eq(self.empty | negative),  # the frame follows acc
            low.eq(~negative & (distance[:-1] >= frame.turn)),
            self.low.eq(low & ~self.empty),
            self.exponent.eq(Mux(above, self.acc_exponent, Mux(low, lowered, high))),
        ]
        far = lower[size:-1].any()  # matters in a low frame only, where the distance is positive
        down = Mux(low, lower[:size] | far.replicate(size), distance[:size])
        m.d.comb += self.steps.eq(down & ~above.replicate(size))
        return m

    def _distance(self, offset: int) -> Value:
        """``scale + offset - acc_exponent`` in one carry chain, behind a carry-save adder."""
        size = len(self.exponent)
        plus, minus = self.scale, ~self.acc_exponent
        a = Cat(plus, Const(0, size - len(plus)))
        b = Cat(minus, Const(-1, size - len(minus)))
        totals, carries = [], [Const(0, 1)]
        for i in range(size):
            one = (offset + 1) >> i & 1
            totals.append(~(a[i] ^ b[i]) if one else a[i] ^ b[i])
            carries.append(a[i] | b[i] if one else a[i] & b[i])
        return (Cat(*totals) + Cat(*carries[:size]))[:size]


class AccShifter(wiring.Component):
    """Acc's significand shifted to its place in the frame, inverted where negative. Combinational.

    Args:
        frame: geometry of the frame.

    Members:
        significand: In, with its hidden bit.
        sign: In, acc's.
        steps: In, places down from the top.
        addend: Out, as wide as the frame; with ``carry`` added it is acc, rounded towards minus
            infinity where bits were lost.
        carry: Out.
        inexact: Out, whether bits were lost.
    """

    def __init__(self, frame: Frame):
        self.frame = frame
        super().__init__(
            {
                "significand": In(unsigned(SIGNIFICAND)),
                "sign": In(1),
                "steps": In(range(frame.bits)),
                "addend": Out(unsigned(frame.bits)),
                "carry": Out(1),
                "inexact": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Shift down, the shortest step first, so that the value grows as it goes."""
        m = Module()
        value: Value = Cat(Const(0, self.frame.bits - 1 - SIGNIFICAND), self.significand)
        lost: Value = Const(0, 1)
        for k, step in enumerate(self.steps):
            shifted = Signal(len(value), name=f"down_{1 << k}")
            gone = Signal(name=f"gone_{1 << k}")
            m.d.comb += [
                shifted.eq(Mux(step, value[1 << k :], value)),
                gone.eq(step & value[: 1 << k].any()),
            ]
            lost = lost | gone
            value = shifted
        m.d.comb += [
            self.inexact.eq(lost),
            # Minus acc is its inverse plus one, or, where bits were lost, plus less than one.
            self.addend.eq(Cat(value, Const(0, 1)) ^ self.sign.replicate(self.frame.bits)),
            self.carry.eq(self.sign & ~lost),
        ]
        return m
