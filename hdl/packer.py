"""Packer: sign, exponent and significand to an FP32 or BF16 word, rounded once to nearest even.

The one place where a result is rounded. Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.words import BF16, FP32, WordFormat
from .formats import Fabric

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Round a normalised value, flush it below 2**-126, overflow to Inf. Combinational.

    With m the significand's bits above its lowest, g that lowest bit, and the value inexact where
    bits were lost below g: a value that is not negative rounds up by ``g & (inexact | m[0])``. Of
    a negative one the bits are inverted and one is still to be added at the bottom: lost bits make
    that no carry; without any it carries through g, or meets a tie.

    Args:
        exponent_bits: width of ``exponent``.
        word: FP32 or BF16.
        choose: whether ``narrow`` selects a BF16 result in an FP32 word's upper half.
        fabric: ``"asic"`` increments by a chain of gates, ``"fpga"`` by an adder.

    Members:
        sign: In, of the value.
        exponent: In, signed, biased exponent of the significand's top bit.
        significand: In, FP32's 24 bits and the one below; the top bit is 0 only for a value of 0.
        inexact: In, whether bits were lost.
        narrow: In, where chosen: round to BF16.
        nan, inf, inf_sign: In, override the value.
        word: Out, the result; a NaN is quiet, positive and has no payload.
    """

    def __init__(
        self,
        exponent_bits: int,
        word: WordFormat = FP32,
        *,
        choose: bool = False,
        fabric: Fabric = "asic",
    ):
        self._word, self._choose, self.fabric = word, choose, fabric
        super().__init__(
            {
                "sign": In(1),
                "exponent": In(signed(exponent_bits)),
                "significand": In(unsigned(FP32.mantissa_bits + 2)),
                "inexact": In(1),
                **({"narrow": In(1)} if choose else {}),
                "nan": In(1),
                "inf": In(1),
                "inf_sign": In(1),
                "word": Out(unsigned(word.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Decide, increment mantissa and exponent as one number, override."""
        m = Module()
        drop = FP32.mantissa_bits - BF16.mantissa_bits
        narrow: Value = self.narrow if self._choose else Const(self._word is BF16, 1)
        kept = self.significand
        low, lost = Signal(drop, name="low"), Signal(name="lost")  # of FP32, not of BF16
        up_wide, up_narrow = Signal(name="up_wide"), Signal(name="up_narrow")
        m.d.comb += [
            low.eq(kept[1 : drop + 1]),
            # Lost bits of a negative value are 1 where the value's own are 0.
            lost.eq(self.inexact | (kept[:drop] ^ self.sign.replicate(drop)).any()),
            up_wide.eq(_up(kept[0], kept[1], self.inexact, self.sign)),
            up_narrow.eq(_up(kept[drop], kept[drop + 1], lost, self.sign)),
        ]
        number = Cat(kept[drop + 1 : -1], self.exponent)  # BF16's mantissa, and the exponent
        carry = Signal(name="carry")
        rounded = Signal(len(number), name="rounded")
        if narrow_only := isinstance(narrow, Const) and narrow.value:
            m.d.comb += carry.eq(up_narrow)
            tail: Value = Const(0, 0)
        else:
            below = self._increment(m, low, up_wide & ~narrow, "below")
            m.d.comb += carry.eq(Mux(narrow, up_narrow, below[-1]))
            tail = below[:-1] & ~narrow.replicate(drop)
        m.d.comb += rounded.eq(self._increment(m, number, carry, "above")[:-1])
        mantissa = Cat(tail, rounded[: BF16.mantissa_bits])
        exponent = rounded[BF16.mantissa_bits :].as_signed()
        assert narrow_only or len(mantissa) == FP32.mantissa_bits

        zero, infinite = Signal(name="zero"), Signal(name="infinite")
        m.d.comb += [
            zero.eq(~kept[-1] | (exponent <= 0)),
            infinite.eq(kept[-1] & (exponent >= 255)),
        ]
        wild, finite, full = Signal(name="wild"), Signal(name="finite"), Signal(name="full")
        m.d.comb += [
            wild.eq(self.nan | self.inf),
            finite.eq(~(zero | infinite | wild)),
            full.eq(infinite | wild),
        ]
        sign = Mux(wild, self.inf_sign & ~self.nan, self.sign)
        fraction = mantissa & finite.replicate(len(mantissa))
        m.d.comb += self.word.eq(
            Cat(
                fraction[:-1],
                fraction[-1] | self.nan,
                (exponent[:8] & finite.replicate(8)) | full.replicate(8),
                sign,
            )
        )
        return m

    def _increment(self, m: Module, number: Value, carry: Value, name: str) -> Value:
        """Number plus carry, one bit wider."""
        if self.fabric != "asic":
            total = Signal(len(number) + 1, name=name)
            m.d.comb += total.eq(number + carry)
            return total
        bits = []
        for i, bit in enumerate(number):
            into = Signal(name=f"{name}_carry_{i}")
            m.d.comb += into.eq(carry)
            bits.append(bit ^ into)
            carry = bit & into
        total = Signal(len(number) + 1, name=name)
        m.d.comb += total.eq(Cat(*bits, carry))
        return total


def _up(guard: Value, lowest: Value, inexact: Value, sign: Value) -> Value:
    """Whether to round up: see ``Packer``."""
    exact = Mux(sign, guard | lowest, guard & lowest)
    return Mux(inexact, guard, exact)
