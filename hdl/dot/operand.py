"""Operands of products: a code taken apart in the form that costs least in front of a multiplier.

As the decoder's, but the shift is one too large (``place = shift + 1``), which is the exponent
field itself in most codes: the two ones too much are dropped where the product is shifted. Two's
complement codes are their own significands. Source: docs/numerics.md section 1.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import Binade, ElementFormat
from ..arith.adder import wire

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
        significand, place = _level(m, magnitude, element, element.natural_binades)
        m.d.comb += out.sign.eq(self.code[-1])
        if element.max_shift and not self.shifted:
            m.d.comb += out.place.eq(place)
        if element.has_inf:
            field, mantissa = magnitude[element.mantissa_bits :], magnitude[: element.mantissa_bits]
            special = wire(m, field.all(), "special")
            m.d.comb += [
                out.nan.eq(special & mantissa.any()),
                out.inf.eq(special & ~mantissa.any()),
            ]
            significand = Mux(special, 0, significand)
        elif element.has_nan:
            m.d.comb += out.nan.eq(magnitude.all())
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


def _level(
    m: Module, magnitude: Value, element: ElementFormat, binades: tuple[Binade, ...]
) -> tuple[Value, Value]:
    """Significand and place of one float level and all levels nested in it.

    ``binades`` are those of this level and below, as the outermost format places them. A level
    whose field is 0 has zeros where it is ORed with the level below.
    """
    y = element.mantissa_bits
    if element.exponent_bits == 0:
        return magnitude, Const(1, 1)
    mantissa, field = magnitude[:y], magnitude[y:]
    normal = Signal(name=f"{element.name.split('+')[0]}_normal")
    m.d.comb += normal.eq(field.any())
    if element.subnormal is None:
        # Exponent field 0 has the spacing of field 1.
        return Cat(mantissa, normal), Cat(field[0] | ~normal, field[1:])
    count = (1 << element.exponent_bits) - 1
    unit = binades[-1].exponent - binades[-1].mantissa_bits
    least = binades[count - 1].exponent - y - unit  # shift where the field is 1
    below, below_place = _level(m, mantissa, element.subnormal, binades[count:])
    # A mantissa bit that is also one of the level below is a bit of its significand, or the
    # lowest bit of its field, which implies its hidden bit.
    bits = [
        bit | (below[i] & ~normal) if i < len(below) else bit & normal
        for i, bit in enumerate(mantissa)
    ]
    place = field + least
    if least % (1 << element.exponent_bits) == 0:  # nothing carries: least stands above the field
        gated = Cat(field, *(normal & (least >> i & 1) for i in range(len(field), len(place))))
    else:
        gated = Mux(normal, place, 0)
    return Cat(*bits, normal), gated | Mux(normal, 0, below_place)
