"""Operands of products: a code taken apart in the form that costs least in front of a multiplier.

As the decoder's, but the shift is one too large (``place = shift + 1``), which is the exponent
field itself in most codes: the two ones too much are dropped where the product is shifted. Two's
complement codes are their own significands. Both are made of the same levels
(``mxsf.hdl.dot.levels``), and both are proved by SAT. Source: docs/numerics.md section 1.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ..arith.adder import wire
from .levels import Level, levels, special_codes

__all__ = ["Operand", "operand_layout"]


def operand_layout(
    element: ElementFormat, infinite: bool = False, shifted: bool = False
) -> data.StructLayout:
    """Fields of an operand.

    ``significand``, signed and without ``sign`` beside it for two's complement; ``place`` where
    shifts differ and are not carried out; ``nan``, ``inf`` where the format has them; ``zero``
    where the other operand can be infinite.
    """
    fields: dict[str, Any] = {}
    if element.twos_complement:
        fields["significand"] = signed(element.significand_bits)
    else:
        bits = element.significand_bits
        if shifted:
            bits = max(element.magnitudes).bit_length()
        fields |= {"significand": unsigned(bits), "sign": unsigned(1)}
    if element.max_shift and not shifted:
        fields["place"] = unsigned((element.max_shift + 1).bit_length())
    for flag, wanted in (("nan", element.has_nan), ("inf", element.has_inf), ("zero", infinite)):
        if wanted:
            fields[flag] = unsigned(1)
    return data.StructLayout(fields)


class Operand(wiring.Component):
    """Decoder of one operand of a product. Combinational.

    Args:
        element: the element format.
        infinite: whether the other operand can be infinite.
        shifted: whether the significand is the whole magnitude in units of ``element.least``.

    Members:
        code: In, ``element.bits``.
        fields of ``operand_layout(element, infinite, shifted)``: Out; value = +-significand *
            2**(place - 1) * element.least. IEEE Inf and NaN codes have significand 0.
    """

    def __init__(self, element: ElementFormat, infinite: bool = False, shifted: bool = False):
        self.element, self.shifted = element, shifted
        self.layout = operand_layout(element, infinite, shifted)
        super().__init__(
            {"code": In(element.bits), **{name: Out(field.shape) for name, field in self.layout}}
        )

    def elaborate(self, platform: Any) -> Module:
        """Levels of floats, special codes."""
        m = Module()
        element: ElementFormat = self.element
        out: Any = self
        if "zero" in dict(self.layout):
            nothing = self.code if element.twos_complement else self.code[:-1]
            m.d.comb += out.zero.eq(~nothing.any())
        if element.twos_complement:
            m.d.comb += out.significand.eq(self.code.as_signed())
            return m
        magnitude = self.code[:-1]
        significand, place = _gather(*reversed(levels(m, magnitude, element, name="code")))
        m.d.comb += out.sign.eq(self.code[-1])
        if element.max_shift and not self.shifted:
            m.d.comb += out.place.eq(place)
        special = special_codes(m, magnitude, element, name="code")
        if special is not None:
            m.d.comb += out.nan.eq(special.nan)
        if special is not None and element.has_inf:
            m.d.comb += out.inf.eq(special.inf)
            significand = Mux(special.any, 0, significand)
        if self.shifted and element.max_shift:
            significand = _shift(m, significand, place)[1:]
        m.d.comb += out.significand.eq(significand)
        return m


def _shift(m: Module, word: Value, amount: Value) -> Value:
    """Logarithmic left shift."""
    for stage, select in enumerate(amount):
        size = len(word) + (1 << stage)
        word = wire(m, Mux(select, Cat(Const(0, 1 << stage), word), word)[:size], "shifted")
    return word


def _gather(inner: Level, *outer: Level) -> tuple[Value, Value]:
    """Significand and place, from the innermost level outwards.

    A level whose field is 0 has zeros where it is ORed with the level below.
    """
    significand, place = inner.mantissa, Const(1, 1)
    if len(inner.field):
        # Exponent field 0 has the spacing of field 1.
        significand = Cat(inner.mantissa, inner.normal)
        place = Cat(inner.field[0] | ~inner.normal, inner.field[1:])
    for level in outer:
        normal, field = level.normal, level.field
        # A mantissa bit that is also one of the level below is a bit of its significand, or the
        # lowest bit of its field, which implies its hidden bit.
        bits = [
            bit | (significand[i] & ~normal) if i < len(significand) else bit & normal
            for i, bit in enumerate(level.mantissa)
        ]
        above = range(len(field), len(field + level.shift))
        if level.shift % (1 << len(field)) == 0:  # nothing carries: the shift is above the field
            gated = Cat(field, *(normal & (level.shift >> i & 1) for i in above))
        else:
            gated = Mux(normal, field + level.shift, 0)
        significand, place = Cat(*bits, normal), gated | Mux(normal, 0, place)
    return significand, place
