"""Element decoder: a code to sign, significand, shift and special flags.

Golden answer: ``mxsf.golden.unpack``. Source: docs/numerics.md section 1.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat, vector_format
from ...golden.formats.element import ElementFormat
from ..layouts import unpacked_layout

__all__ = ["Decoder", "decode"]


def decode(m: Module, code: Value, element: ElementFormat, *, name: str = "unpacked") -> data.View:
    """Unpack one code, combinational.

    A float level reads its fields; where its exponent field is 0 the nested level below takes
    over, and the innermost level drops the hidden bit. The significand stays right-aligned in
    each mode, so a nested format needs no wider shift than its outer one.

    Args:
        m: the module that gets the logic.
        code: ``element.bits`` wide.
        element: the element format.
        name: names the result in waveforms and netlists.

    Returns:
        A view of ``unpacked_layout(element)``.
    """
    out: Any = Signal(unpacked_layout(element), name=name)
    m.d.comb += out.sign.eq(code[-1])
    if element.twos_complement:
        m.d.comb += out.significand.eq(Mux(code[-1], -code.as_signed(), code.as_signed()))
        return out
    magnitude = code[:-1]
    significand, shift = _level(m, magnitude, element, element.natural_binades, name)
    m.d.comb += out.significand.eq(significand)
    if element.max_shift:
        m.d.comb += out.shift.eq(shift)
    if element.special == "nan":
        m.d.comb += out.nan.eq(magnitude.all())
    if element.special == "ieee":
        special = Signal(name=f"{name}_special")
        mantissa = magnitude[: element.mantissa_bits]
        m.d.comb += [
            special.eq(magnitude[element.mantissa_bits :].all()),
            out.nan.eq(special & mantissa.any()),
            out.inf.eq(special & ~mantissa.any()),
        ]
    return out


def _level(
    m: Module, magnitude: Value, element: ElementFormat, binades: Any, name: str
) -> tuple[Value, Value]:
    """Significand and shift of one float level and all levels nested in it.

    ``binades`` are those of this level and below, as the outermost format places them.
    """
    y = element.mantissa_bits
    if element.exponent_bits == 0:
        return magnitude, Const(0, 1)
    mantissa, field = magnitude[:y], magnitude[y:]
    normal = Signal(name=f"{name}_{element.name.split('+')[0]}_normal")
    m.d.comb += normal.eq(field.any())
    unit = binades[-1].exponent - binades[-1].mantissa_bits
    count = (1 << element.exponent_bits) - 1
    least = binades[count - 1].exponent - y - unit  # shift where the exponent field is 1
    nested = element.subnormal
    if nested is None:
        # Exponent field 0 has the spacing of field 1.
        shift = Signal(range((1 << element.exponent_bits) - 1), name=f"{name}_shift")
        m.d.comb += shift.eq(field - normal)
        return Cat(mantissa, normal), shift
    significand, below = _level(m, mantissa, nested, binades[count:], name)
    return (
        Mux(normal, Cat(mantissa, Const(1, 1)), significand),
        Mux(normal, field + (least - 1), below),
    )


class Decoder(wiring.Component):
    """One element decoder. Combinational, latency 0.

    Args:
        element: the element format, or a block format, which may have microexponents.

    Members:
        code: In, ``element.bits``.
        micro: In, the element's microexponent, in formats that have them.
        sign: Out, 1 for negative.
        significand: Out, unsigned; value = +-significand * 2**shift * 2**element.unit_exponent.
        shift: Out, unsigned; absent where it is always 0. A microexponent of 0 shifts by 1.
        nan, inf: Out, present where the format has such codes; significand and shift are then
            those of the plain number that the bits would be.
    """

    def __init__(self, element: ElementFormat | BlockFormat):
        self.element, self.format = element, vector_format(element)
        shared = {} if self.format.micro is None else {"micro": In(1)}
        layout = unpacked_layout(element)
        super().__init__(
            {
                "code": In(self.format.element.bits),
                **shared,
                **{name: Out(field.shape) for name, field in layout},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Wire ``decode`` to the ports."""
        m = Module()
        ports: Any = self
        unpacked = decode(m, self.code, self.format.element)
        for name, _ in unpacked.shape():
            m.d.comb += getattr(ports, name).eq(unpacked[name])
        if self.format.micro is not None:  # of elements that have no shift of their own
            m.d.comb += ports.shift.eq(~ports.micro)
        return m
