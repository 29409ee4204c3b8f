"""Result rounder: sign, exponent and significand to an FP32 or BF16 word, rounded once.

The one place where a result is rounded and becomes a word. ``rounds_up``, to nearest even, is also
what the nodes of the baseline's tree ask (``mxsf.hdl.baseline.fp32_adder``). Source:
docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import BF16, FP32, WordFormat
from ..layouts import Fabric
from .ripple import increment

__all__ = ["ResultRounder", "rounds_up"]


class ResultRounder(wiring.Component):
    """Round a normalised value, flush it below 2**-126, overflow to Inf. Combinational.

    With m the significand's bits above its lowest, g that lowest bit, and the value inexact where
    bits were lost below g: a value that is not negative rounds up by ``g & (inexact | m[0])``. Of
    a negative one the bits are inverted and one is still to be added at the bottom: lost bits make
    that no carry; without any it carries through g, or meets a tie.

    Args:
        exponent_bits: width of ``exponent``.
        word: FP32 or BF16.
        choose: whether ``narrow`` selects a BF16 result in an FP32 word's upper half.
        truncate: round towards zero instead; a negative value then gets what it still lacks where
            its bits are inverted, and nothing else.
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
        truncate: bool = False,
        fabric: Fabric = "asic",
    ):
        self._word, self._choose, self._truncate = word, choose, truncate
        self.fabric: Fabric = fabric
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
        half = FP32.mantissa_bits - BF16.mantissa_bits  # bits of FP32's mantissa, not of BF16's
        narrow: Value = self.narrow if self._choose else Const(self._word is BF16, 1)
        decide = _missing if self._truncate else rounds_up
        kept, mantissa = self.significand, self.significand[1:-1]
        lost, up, up_narrow = Signal(name="lost"), Signal(name="up"), Signal(name="up_narrow")
        m.d.comb += [
            up.eq(decide(kept[0], kept[1], self.inexact, self.sign) & ~narrow),
            # Lost bits of a negative value are 1 where the value's own are 0.
            lost.eq(self.inexact | (kept[:half] ^ self.sign.replicate(half)).any()),
            up_narrow.eq(decide(kept[half], kept[half + 1], lost, self.sign) & narrow),
        ]
        number = Cat(mantissa, self.exponent[:8])
        rounded, into = increment(m, number, {0: up, half: up_narrow}, self.fabric, name="rounded")
        carry = into[FP32.mantissa_bits]

        flushed, finite, full = Signal(name="flushed"), Signal(name="finite"), Signal(name="full")
        m.d.comb += [
            # Exponents 0 and 254 that the carry raises need no more: they give 2**-126 and Inf.
            flushed.eq(~kept[-1] | (self.exponent < 0) | ((self.exponent == 0) & ~carry)),
            full.eq(self.nan | self.inf | (kept[-1] & (self.exponent >= 255))),
            finite.eq(~(flushed | full)),
        ]
        fraction = rounded[: FP32.mantissa_bits] & finite.replicate(FP32.mantissa_bits)
        exponent = rounded[FP32.mantissa_bits : -1] & finite.replicate(8) | full.replicate(8)
        sign = Mux(self.nan | self.inf, self.inf_sign & ~self.nan, self.sign)
        low = fraction[:half] & ~narrow.replicate(half)
        word = Cat(low, fraction[half:-1], fraction[-1] | self.nan, exponent, sign)
        m.d.comb += self.word.eq(word[-self._word.bits :])
        return m


def rounds_up(guard: Value, lowest: Value, inexact: Value, sign: Value) -> Value:
    """Whether to round to nearest even upwards: see ``ResultRounder``."""
    exact = Mux(sign, guard | lowest, guard & lowest)
    return Mux(inexact, guard, exact)


def _missing(guard: Value, lowest: Value, inexact: Value, sign: Value) -> Value:
    """Whether the one that an inverted value lacks carries into its lowest bit."""
    return sign & guard & ~inexact
