"""Element decoder: a code to sign, significand, shift and special flags.

A nested format such as MXSF has two modes; ``mxsf.hdl.dot.levels`` tells them apart, here and in
``mxsf.hdl.dot.operand``, the form of it inside a product sum. Golden answer:
``mxsf.golden.unpack``. Source: docs/numerics.md section 1.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat, vector_format
from ...golden.formats.element import ElementFormat
from ..layouts import unpacked_layout
from .levels import Level, levels, special_codes

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
    inside_out = reversed(levels(m, magnitude, element, name=name))
    significand, shift = _unpack(m, *inside_out, name=name)
    m.d.comb += out.significand.eq(significand)
    if element.max_shift:
        m.d.comb += out.shift.eq(shift)
    special = special_codes(m, magnitude, element, name=name)
    if special is not None:
        m.d.comb += out.nan.eq(special.nan)
    if special is not None and element.has_inf:
        m.d.comb += out.inf.eq(special.inf)
    return out


def _unpack(m: Module, inner: Level, *outer: Level, name: str) -> tuple[Value, Value]:
    """Significand and shift, from the innermost level outwards."""
    significand, shift = inner.mantissa, Const(0, 1)
    if len(inner.field):
        shift = Signal(range((1 << len(inner.field)) - 1), name=f"{name}_shift")
        m.d.comb += shift.eq(inner.field - inner.normal)
        significand = Cat(inner.mantissa, inner.normal)
    for level in outer:
        significand = Mux(level.normal, Cat(level.mantissa, Const(1, 1)), significand)
        shift = Mux(level.normal, level.field + (level.shift - 1), shift)
    return significand, shift


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
