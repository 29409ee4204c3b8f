"""Rounder: a word and its block's origin to an element code, nearest even.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md section 3.

With x the biased exponent that the innermost float of the format would give the scaled word:

- ``x >= 1``: the word falls in a normal binade. Binades that keep the same number of mantissa
  bits form a segment; the code is (x + offset of the segment) above the kept mantissa bits.
- ``x <= 0``: the linear range below. The code is the significand shifted right by ``1 - x``.

Either way the code is some bits of the significand, perhaps below a field of x. A *part* is one
such choice of bits: a segment, or one x of the linear range. At most one part is selected, so
code and round-up are AND-ORs over the parts, and a word that selects none has code 0. Whether a
part rounds up is known from the mantissa alone, before the selection. Rounding increments the
code, and the carry crosses every seam by itself.

Instead of x a lane computes its place u in the window of ``mxsf.hdl.origin``.
docs/area-encoder.md has what else was tried.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.formats import ElementFormat, Overflow
from ..golden.words import WordFormat
from .formats import Fabric, word_layout
from .origin import origin_layout, segments, window

__all__ = ["Rounder"]


class Part(NamedTuple):
    """One way to make a code.

    Attributes:
        select: whether it applies.
        drop: significand bits below the code's lowest; they decide about rounding. Negative where
            the code has more bits than the significand.
        kept: significand bits taken, from bit ``drop`` up.
        field: bits above them.
    """

    select: Signal
    drop: int
    kept: int
    field: Value


class Rounder(wiring.Component):
    """One word to one code, nearest even. Combinational.

    Args:
        element: the element format.
        source: the word format.
        overflow: ``"saturate"`` or ``"ovf"``.
        overflows: whether a word can round beyond the limit at all under the scale rule in use;
            without it the saturation is not built.
        fabric: ``"asic"`` increments by a chain of gates, ``"fpga"`` by an adder.

    Members:
        word: In, the word; never Inf or NaN unless the origin has ``clear``.
        origin: In, ``origin_layout(element)``, from ``find_origin``.
        code: Out, the code.
    """

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        overflow: Overflow = "saturate",
        overflows: bool = True,
        fabric: Fabric = "asic",
    ):
        self.fabric = fabric
        self.element, self.source = element, source
        self.limit, self.overflows = element.limit_code(overflow), overflows
        super().__init__(
            {
                "word": In(word_layout(source)),
                "origin": In(origin_layout(element)),
                "code": Out(element.bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Place in the window, select, increment."""
        m = Module()
        element, size = self.element, window(self.element).bits
        word: Any = self.word
        origin: Any = self.origin

        total = Signal(len(origin.addend) + 1)
        u, near = Signal(size), Signal()
        m.d.comb += [
            total.eq(word.biased_exponent + origin.addend),
            u.eq(total),  # the low bits are u, whatever lies above
            near.eq(total[-1] | (origin.low & word.biased_exponent[:size].any())),
        ]

        code: list[Value] = [Const(0, 1)] * (element.bits - 1)
        up: Value = Const(0, 1)
        sticky = self._sticky(m, word.mantissa)
        for part in self._parts(m, u, near):
            taken = Cat(Const(0, max(-part.drop, 0)), word.mantissa, Const(1, 1))
            taken = taken[max(part.drop, 0) :][: part.kept]
            for i, bit in enumerate(Cat(taken, part.field)):
                code[i] |= part.select & bit
            up |= part.select & self._up(m, part, sticky)
        if element.emax < 0:  # the scale byte ends at 254, so a word may lie above every binade
            beyond = Signal()
            m.d.comb += beyond.eq(near & _at_least(u, self._end, window(element).most))
            for i in range(len(code)):
                code[i] |= beyond & (self.limit >> i & 1)
        chosen, rises, sign = Signal(len(code)), Signal(), Signal()
        m.d.comb += [
            chosen.eq(Cat(*code)),
            rises.eq(up),
            sign.eq(word.sign & ~origin.clear),
        ]
        self._increment(m, chosen, rises, sign)
        return m

    @property
    def _end(self) -> int:
        """First u above every binade."""
        return window(self.element).unscaled + self.element.emax + 1

    def _parts(self, m: Module, u: Signal, near: Signal) -> list[Part]:
        """Parts, highest first; ``near`` says that the word lies in the window."""
        element, (size, shift, _, most) = self.element, window(self.element)
        mantissa_bits = self.source.mantissa_bits
        parts = []
        above: Value = _at_least(u, self._end, most) if element.emax < 0 else Const(0, 1)
        for segment in segments(element):
            width = element.bits - 1 - segment.kept
            reached, select = Signal(name="reached"), Signal(name=f"normal_{segment.first}")
            field = Signal(width, name="field")
            m.d.comb += [
                reached.eq(_at_least(u, segment.first + shift, most)),
                select.eq(near & reached & ~above),
                field.eq(u + (segment.offset - shift) % (1 << width)),  # modulo 2**width
            ]
            parts.append(Part(select, mantissa_bits - segment.kept, segment.kept, field))
            above = reached
        depth = segments(element)[-1].kept
        for distance in range(1, depth + 2):
            place = shift + 1 - distance
            select = Signal(name=f"linear_{distance}")
            # A bit that is 0 here is not looked at where setting it would pass the largest u.
            bits = [
                u[i] if place >> i & 1 else ~u[i]
                for i in range(size)
                if place >> i & 1 or place | 1 << i <= most
            ]
            m.d.comb += select.eq(near & Cat(*bits).all())
            drop = mantissa_bits - depth + distance
            parts.append(Part(select, drop, mantissa_bits + 1 - drop, Const(0, 0)))
        return parts

    def _sticky(self, m: Module, mantissa: Value) -> dict[int, Value]:
        """Whether any of the lowest mantissa bits is set, by their number, as far as parts ask."""
        top = max(segment.kept for segment in segments(self.element))
        result: dict[int, Value] = {0: Const(0, 1)}
        for number in range(max(len(mantissa) - top - 1, 1), len(mantissa) + 1):
            found = Signal(name=f"sticky_{number}")
            last = max(result)
            m.d.comb += found.eq(result[last] | mantissa[last:number].any())
            result[number] = found
        return result

    def _up(self, m: Module, part: Part, sticky: dict[int, Value]) -> Value:
        """Whether a part rounds up: by more than half, or by half from an odd code."""
        if part.drop <= 0:
            return Const(0, 1)
        word: Any = self.word
        significand = Cat(word.mantissa, Const(1, 1))
        lowest = Cat(significand[part.drop : part.drop + part.kept], part.field, Const(0, 1))[0]
        up = Signal(name="up")
        m.d.comb += up.eq(significand[part.drop - 1] & (sticky[part.drop - 1] | lowest))
        return up

    def _increment(self, m: Module, code: Signal, rises: Value, sign: Signal) -> None:
        """Round up, saturate, sign."""
        element, limit = self.element, self.limit
        top = element.binades[0]
        natural = top.first_code + (1 << top.mantissa_bits) - 1  # largest code before rounding
        carry: Value = rises
        held: Value = code
        if self.overflows and (limit <= natural or element.emax < 0):
            full, rest = Signal(), Signal()
            m.d.comb += [full.eq(_at_least(code, limit, max(limit, natural))), rest.eq(~full)]
            carry = rises & rest
            if limit < natural:  # the one code between them is NaN
                held = Signal(len(code), name="held")
                m.d.comb += held.eq(Mux(full, limit, code))
        bits = [*held, Const(0, 1)] if element.twos_complement else list(held)
        if element.twos_complement:
            # -(c + r) = ~c + (1 - r): one incrementer serves rounding and negation.
            bits, carry = [bit ^ sign for bit in bits], carry ^ sign
        if self.fabric == "fpga":
            total = (Cat(*bits) + carry)[: len(bits)]
            m.d.comb += self.code.eq(total if element.twos_complement else Cat(total, sign))
            return
        out = []
        for i, bit in enumerate(bits):
            below, here = Signal(name=f"carry_{i}"), Signal(name=f"bit_{i}")
            m.d.comb += [below.eq(carry), here.eq(bit)]
            out.append(here ^ below)
            carry = here & below
        if not element.twos_complement:
            out.append(sign)
        m.d.comb += self.code.eq(Cat(*out))


def _at_least(value: Value, constant: int, most: int) -> Value:
    """``value >= constant`` for a value that never exceeds ``most``, a gate a bit at most."""
    result: Value = Const(1, 1)
    for i, bit in enumerate(value):
        if constant >> i & 1:
            result = bit & result
        elif (constant >> i | 1) << i <= most:  # else the bit is 0 wherever it would matter
            result = bit | result
    return result
