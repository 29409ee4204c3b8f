"""FP32 addition, rounded to nearest even, results below 2**-126 flushed: the node of a tree.

Numbers travel unpacked, as ``float_layout``: where a zero or an infinity is marked, nobody has to
clear the other fields. Source: docs/numerics.md section 8.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import FP32
from ..arith.down_shifter import DownShifter
from ..arith.result_rounder import rounds_up
from ..arith.ripple import add, at_least, increment
from ..layouts import Fabric

__all__ = ["Fp32Adder", "float_layout"]

_GUARD = 2  # bits below the larger operand's last place
_FIELD = FP32.mantissa_bits + 1 + _GUARD


def float_layout(mantissa_bits: int = FP32.mantissa_bits) -> data.StructLayout:
    """Fields of a float on its way: (-1)**sign * 1.mantissa * 2**(exponent - 126).

    ``normal`` is 0 for a zero, whose other fields then mean nothing; where ``infinite``, only
    ``sign`` means something. ``exponent`` is one less than FP32's field.
    """
    return data.StructLayout(
        {
            "mantissa": unsigned(mantissa_bits),
            "exponent": unsigned(8),
            "normal": unsigned(1),
            "infinite": unsigned(1),
            "sign": unsigned(1),
        }
    )


class Fp32Adder(wiring.Component):
    """Sum of two floats, one rounding. Combinational.

    The larger magnitude is found and stands still, the smaller is aligned to it, so that the
    difference is never negative. Two bits below the last place and the word ``lost`` are all that
    rounding can need: a difference that moves up by more than one place had nothing to lose.

    A node rounds by the rule and the increment of ``mxsf.hdl.arith.result_rounder``, but makes no
    word: the masks of zeros and infinities that a word needs come once, behind the last addition.
    With the result rounder in every node an addition is 6 % larger (docs/baseline.md).

    Args:
        mantissa_bits: of the operands; fewer than 23 are FP32 numbers that end in zeros.
        fabric: ``"asic"`` adds and compares in chains of gates, ``"fpga"`` on carry chains.

    Members:
        a, b: In, ``float_layout(mantissa_bits)``.
        sum: Out, ``float_layout()``.
        zero: Out, whether the sum is exactly zero (and not flushed).
        nan: Out, infinities of both signs.
    """

    def __init__(self, mantissa_bits: int = FP32.mantissa_bits, *, fabric: Fabric = "asic"):
        self.mantissa_bits = mantissa_bits
        self.fabric: Fabric = fabric
        operand = float_layout(mantissa_bits)
        super().__init__(
            {
                "a": In(operand),
                "b": In(operand),
                "sum": Out(float_layout()),
                "zero": Out(1),
                "nan": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Order, align, add, normalise, round."""
        m = Module()
        a, b, fabric = self.a, self.b, self.fabric
        ordered, differ = Signal(name="ordered"), Signal(name="differ")
        larger: Any = Signal(a.shape(), name="larger")
        smaller = Signal(self.mantissa_bits, name="smaller")
        keys = [Cat(x.mantissa, x.exponent, x.normal, x.infinite) for x in (a, b)]
        m.d.comb += [
            ordered.eq(at_least(m, keys[0], keys[1], fabric, name="order")),
            larger.eq(Mux(ordered, a.as_value(), b.as_value())),
            smaller.eq(Mux(ordered, b.mantissa, a.mantissa)),
            differ.eq(a.sign ^ b.sign),
            self.nan.eq(a.infinite & b.infinite & differ),
        ]

        # a - b, or where a is the smaller one a - b - 1, whose inverse is b - a.
        difference = add(m, a.exponent, ~b.exponent, ordered, fabric, name="difference")
        distance = Signal(8, name="distance")
        both, gone = Signal(name="both"), Signal(name="gone")
        m.submodules.shifter = shifter = DownShifter(self.mantissa_bits + 1, _FIELD, growing=False)
        reach = len(shifter.distance)
        m.d.comb += [
            distance.eq(difference[:8] ^ (~ordered).replicate(8)),
            both.eq(a.normal & b.normal),
            gone.eq(distance[reach:].any() | ~both),
            shifter.value.eq(Cat(smaller, Const(1, 1))),
            shifter.distance.eq(distance[:reach] | gone.replicate(reach)),
        ]

        lost = Signal(name="lost")
        addend = Signal(_FIELD, name="addend")
        still = Cat(Const(0, _FIELD - 1 - self.mantissa_bits), larger.mantissa, Const(1, 1))
        m.d.comb += [
            lost.eq(shifter.lost & both),
            # What is lost makes the smaller one's inverse plus less than one.
            addend.eq(shifter.result ^ differ.replicate(_FIELD)),
        ]
        total = add(m, still, addend, differ & ~lost, fabric, name="total")
        carry, inexact = Signal(name="carry"), Signal(name="inexact")
        m.d.comb += [
            carry.eq(total[-1] & ~differ),
            # What ends below the guard bit: nothing that moves up by more than a place.
            inexact.eq(lost | (carry & total[:2].any()) | (total[-2] & total[0])),
        ]
        self._round(m, Cat(total[:-1], carry), inexact, larger)
        return m

    def _round(self, m: Module, value: Value, inexact: Value, larger: Any) -> None:
        """Normalise, round, and find what the exponent comes to."""
        moves: list[Value] = []
        for k in reversed(range((len(value) - 1).bit_length())):
            step = 1 << k
            move = Signal(name=f"move_{step}")
            shifted = Signal(len(value), name=f"up_{step}")
            moved = Cat(Const(0, step), value)[: len(value)]
            m.d.comb += [move.eq(~value[-step:].any()), shifted.eq(Mux(move, moved, value))]
            moves.insert(0, move)
            value = shifted
        leading = Cat(*moves)
        guard, kept, top = value[2], value[3:-1], value[-1]
        up = Signal(name="up")
        m.d.comb += up.eq(rounds_up(guard, kept[0], inexact, Const(0, 1)))
        rounded, _ = increment(m, kept, {0: up}, self.fabric, name="rounded")
        # The sum's top place lies one above the larger operand's: exponent + 1 - leading.
        below = Cat(~leading, Const(-1, 8 - len(leading)))
        moved = add(m, larger.exponent, below, Const(1, 1), self.fabric, name="moved")
        exponent = add(m, moved[:8], Const(1, 8), rounded[-1], self.fabric, name="exponent")
        some, fits = Signal(name="some"), Signal(name="fits")
        m.d.comb += [
            some.eq(top & (self.a.normal | self.b.normal)),
            fits.eq(some & (moved[8] | exponent[8])),
            self.zero.eq(~some),
            self.sum.mantissa.eq(rounded[:-1]),
            self.sum.exponent.eq(exponent[:8]),
            self.sum.normal.eq(fits),
            # 254 is the exponent of 2**128, which is infinite.
            self.sum.infinite.eq(self.a.infinite | self.b.infinite | (fits & exponent[1:8].all())),
            self.sum.sign.eq(larger.sign),
        ]
