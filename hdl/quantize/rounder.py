"""Rounder: a word and its block's origin to an element code, in three steps.

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

Instead of x a lane computes its place u in the range of ``mxsf.hdl.quantize.origin``.
The steps are components, so that a register may stand between them: ``Placer`` (in a file of its
own) finds u, ``Chooser`` code and round-up, ``Incrementer`` rounds, saturates and gives the sign.
docs/area-encoder.md has what else was tried.
"""

from itertools import count
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.word import WordFormat
from ...golden.quantize.lfsr import NUMBER_BITS
from ..layouts import Fabric
from .digest import choices, tail
from .origin import exponent_range, segments
from .placer import placed_layout

__all__ = ["Chooser", "Incrementer", "chosen_layout"]


def chosen_layout(element: ElementFormat) -> data.StructLayout:
    """A magnitude code before rounding, whether it ``rises``, and the sign."""
    return data.StructLayout(
        {"code": unsigned(element.bits - 1), "rises": unsigned(1), "sign": unsigned(1)}
    )


class Part(NamedTuple):
    """One way to make a code.

    Attributes:
        select: whether it applies.
        drop: significand bits below the code's lowest; they decide about rounding. Negative where
            the code has more bits than the significand.
        kept: significand bits taken, from bit ``drop`` up.
        field: bits above them.
        up: number of the digest's decision to round up, None where there is none.
    """

    select: Signal
    drop: int
    kept: int
    field: Value
    up: int | None = None


class Chooser(wiring.Component):
    """A word and its place to a code and whether it is rounded up. Combinational.

    Args:
        element: the element format.
        source: the word format that digests were made of.
        rounding: the rounding that they are for.
        overflow: ``"saturate"`` or ``"ovf"``.

    Members:
        placed: In, ``placed_layout``.
        chosen: Out, ``chosen_layout``.
    """

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        rounding: Rounding,
        overflow: Overflow = "saturate",
    ):
        self.element, self.source, self.rounding = element, source, rounding
        self.limit = element.limit_code(overflow)
        self.range = exponent_range(element, tail(rounding))
        self.stochastic = rounding is Rounding.STOCHASTIC
        super().__init__(
            {
                "placed": In(placed_layout(element, source, rounding)),
                "chosen": Out(chosen_layout(element)),
            }
        )

    @property
    def _end(self) -> int:
        """First u above every binade."""
        return self.range.unscaled + self.element.emax + 1

    def elaborate(self, platform: Any) -> Module:
        """Code and round-up, by the place."""
        m = Module()
        placed: Any = self.placed
        chosen: Any = self.chosen
        element, most = self.element, self.range.most
        u, near = placed.u, placed.near
        code: list[Value] = [Const(0, 1)] * (element.bits - 1)
        up: Value = Const(0, 1)
        even = self.rounding is Rounding.NEAREST_EVEN
        sticky = self._sticky(m, placed.mantissa) if even else {}
        for part in self._parts(m, placed):
            taken = Cat(Const(0, max(-part.drop, 0)), placed.mantissa, Const(1, 1))
            taken = taken[max(part.drop, 0) :][: part.kept]
            for i, bit in enumerate(Cat(taken, part.field)):
                code[i] |= part.select & bit
            up |= part.select & self._up(m, part, sticky, placed)
        if self.stochastic:
            up |= self._far_up(m, placed)
        if element.emax < 0:  # the scale byte ends at 254, so a word may lie above every binade
            beyond = Signal()
            m.d.comb += beyond.eq(near & _at_least(u, self._end, most))
            for i in range(len(code)):
                code[i] |= beyond & (self.limit >> i & 1)
        m.d.comb += [chosen.code.eq(Cat(*code)), chosen.rises.eq(up), chosen.sign.eq(placed.sign)]
        return m

    def _parts(self, m: Module, placed: Any) -> list[Part]:
        """Parts, highest first; ``near`` says that the word lies in the range."""
        element, (size, shift, _, most) = self.element, self.range
        u, near, mantissa_bits = placed.u, placed.near, len(placed.mantissa)
        parts = []
        above: Value = _at_least(u, self._end, most) if element.emax < 0 else Const(0, 1)
        normal, ups = iter(segments(element)), count()
        dropping = [c.drop > 0 for c in choices(element, self.source.mantissa_bits, self.rounding)]
        for number, (drop, kept, distance) in enumerate(
            choices(element, mantissa_bits, self.rounding)
        ):
            up = next(ups) if dropping[number] else None
            if not distance:
                segment = next(normal)
                width = element.bits - 1 - kept
                reached, select = Signal(name="reached"), Signal(name=f"normal_{segment.first}")
                field = Signal(width, name="field")
                m.d.comb += [
                    reached.eq(_at_least(u, segment.first + shift, most)),
                    select.eq(near & reached & ~above),
                    field.eq(u + (segment.offset - shift) % (1 << width)),  # modulo 2**width
                ]
                parts.append(Part(select, drop, kept, field, up))
                above = reached
                continue
            place = shift + 1 - distance
            select = Signal(name=f"linear_{distance}")
            # A bit that is 0 here is not looked at where setting it would pass the largest u.
            bits = [
                u[i] if place >> i & 1 else ~u[i]
                for i in range(size)
                if place >> i & 1 or place | 1 << i <= most
            ]
            m.d.comb += select.eq(near & Cat(*bits).all())
            parts.append(Part(select, drop, kept, Const(0, 0), up))
        return parts

    def _far_up(self, m: Module, placed: Any) -> Value:
        """Whether a word below the least code rounds up to it: at distance 1 to ``reach``."""
        size, shift, _, most = self.range
        least = shift + 1 - segments(self.element)[-1].kept  # u of the least code
        reached = Signal(range((1 << size) + NUMBER_BITS + 1), name="reached")
        up = Signal(name="far_up")
        near = placed.near & ~_at_least(placed.u, least, most)
        m.d.comb += [reached.eq(placed.u + placed.reach), up.eq(near & (reached >= least))]
        return up

    def _sticky(self, m: Module, mantissa: Value) -> dict[int, Value]:
        """Whether any of the lowest mantissa bits is set, by their number, as far as parts ask."""
        top = max(segment.kept for segment in segments(self.element))
        result: dict[int, Value] = {0: Const(0, 1)}
        for number in range(max(len(mantissa) - top - 1, 1), len(mantissa) + 1):
            below = Signal(name=f"sticky_{number}")
            last = max(result)
            m.d.comb += below.eq(result[last] | mantissa[last:number].any())
            result[number] = below
        return result

    def _up(self, m: Module, part: Part, sticky: dict[int, Value], placed: Any) -> Value:
        """Whether a part rounds up: by half, to nearest even only from an odd code, or by more."""
        if part.up is None:
            return Const(0, 1)
        if self.stochastic:
            up = placed.up[part.up]
            return up | (placed.tie & part.field[0]) if part.kept == 0 else up
        significand = Cat(placed.mantissa, Const(1, 1))
        if self.rounding is Rounding.HALF_AWAY:
            return significand[part.drop - 1]
        lowest = Cat(significand[part.drop : part.drop + part.kept], part.field, Const(0, 1))[0]
        up = Signal(name="up")
        m.d.comb += up.eq(significand[part.drop - 1] & (sticky[part.drop - 1] | lowest))
        return up


class Incrementer(wiring.Component):
    """A code and whether it is rounded up to the code of a word. Combinational.

    Args:
        element: the element format.
        overflow: ``"saturate"`` or ``"ovf"``.
        overflows: whether a word can round beyond the limit at all under the scale rule in use;
            without it the saturation is not built.
        fabric: ``"asic"`` increments by a chain of gates, ``"fpga"`` by an adder.

    Members:
        chosen: In, ``chosen_layout``.
        code: Out, the code.
    """

    def __init__(
        self,
        element: ElementFormat,
        overflow: Overflow = "saturate",
        overflows: bool = True,
        fabric: Fabric = "asic",
    ):
        self.element, self.overflows = element, overflows
        self.limit = element.limit_code(overflow)
        self.fabric: Fabric = fabric
        super().__init__({"chosen": In(chosen_layout(element)), "code": Out(element.bits)})

    def elaborate(self, platform: Any) -> Module:
        """Round up, saturate, sign."""
        m = Module()
        chosen: Any = self.chosen
        code, sign = chosen.code, chosen.sign
        element, limit = self.element, self.limit
        top = element.binades[0]
        natural = top.first_code + (1 << top.mantissa_bits) - 1  # largest code before rounding
        carry: Value = chosen.rises
        held: Value = code
        if self.overflows and (limit <= natural or element.emax < 0):
            full, rest = Signal(), Signal()
            m.d.comb += [full.eq(_at_least(code, limit, max(limit, natural))), rest.eq(~full)]
            carry = chosen.rises & rest
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
            return m
        out = []
        for i, bit in enumerate(bits):
            below, here = Signal(name=f"carry_{i}"), Signal(name=f"bit_{i}")
            m.d.comb += [below.eq(carry), here.eq(bit)]
            out.append(here ^ below)
            carry = here & below
        if not element.twos_complement:
            out.append(sign)
        m.d.comb += self.code.eq(Cat(*out))
        return m


def _at_least(value: Value, constant: int, most: int) -> Value:
    """``value >= constant`` for a value that never exceeds ``most``, a gate a bit at most."""
    result: Value = Const(1, 1)
    for i, bit in enumerate(value):
        if constant >> i & 1:
            result = bit & result
        elif (constant >> i | 1) << i <= most:  # else the bit is 0 wherever it would matter
            result = bit | result
    return result
