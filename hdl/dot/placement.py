"""Placement: where acc stands in the frame.

Source: docs/numerics.md section 4; ``mxsf.hdl.dot.frame`` has the geometry.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..layouts import Fabric
from .frame import GUARD, Frame

__all__ = ["Placement"]


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
            increments = (offset + 1) >> i & 1
            totals.append(~(a[i] ^ b[i]) if increments else a[i] ^ b[i])
            carries.append(a[i] | b[i] if increments else a[i] & b[i])
        return (Cat(*totals) + Cat(*carries[:size]))[:size]
