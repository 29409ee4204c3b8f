"""Down shifter: a value moved down inside a field, what falls out of it noted or dropped.

Source: docs/numerics.md section 8.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DownShifter"]


class DownShifter(wiring.Component):
    """Shift a value down from the top of a field. Combinational.

    Args:
        bits: width of the value; of one wider than the field the low bits are lost at once.
        field: width of the field.
        growing: take the shortest step first, so that a narrow value grows as it goes; without,
            the longest first, which fits a value almost as wide as the field.

    Members:
        value: In, stands at the top of the field where nothing is shifted.
        distance: In, places down, as many bits as it takes to leave the field.
        result: Out, the field.
        lost: Out, whether a 1 left the field.
    """

    def __init__(self, bits: int, field: int, *, growing: bool):
        self.bits, self.field, self.growing = bits, field, growing
        super().__init__(
            {
                "value": In(unsigned(bits)),
                "distance": In(unsigned(field.bit_length())),
                "result": Out(unsigned(field)),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """One multiplexer a bit and step."""
        m = Module()
        cut, room = max(self.bits - self.field, 0), max(self.field - self.bits, 0)
        value: Value = Cat(Const(0, 0 if self.growing else room), self.value[cut:])
        lost = [self.value[:cut].any()] if cut else []
        steps = range(len(self.distance))
        for k in steps if self.growing else reversed(steps):
            step = 1 << k
            width = min(len(value) + step, self.field)
            grown = width - len(value)
            still = Cat(Const(0, grown), value)
            shifted = Signal(width, name=f"down_{step}")
            m.d.comb += shifted.eq(Mux(self.distance[k], still[step:], still))
            if grown < step:
                gone = Signal(name=f"lost_{step}")
                m.d.comb += gone.eq(self.distance[k] & value[: step - grown].any())
                lost.append(gone)
            value = shifted
        m.d.comb += [self.result.eq(value), self.lost.eq(Cat(lost).any())]
        return m
