"""Levels of a code: where its fields are told apart, the one place for all who take codes apart.

An element has two unpacked forms, one for users (``mxsf.hdl.dot.decoder``) and one in front of a
multiplier (``mxsf.hdl.dot.operand``). Both are made of what is found here. Source:
docs/numerics.md section 1.
"""

from typing import NamedTuple

from amaranth.hdl import Const, Module, Signal, Value

from ...golden.formats.element import ElementFormat

__all__ = ["Level", "Specials", "levels", "special_codes"]


class Level(NamedTuple):
    """A level of a float code; a nested one begins in the mantissa of the one around it.

    Attributes:
        mantissa: below the exponent field.
        field: the exponent field; empty in a level that has none.
        normal: whether the field is not 0, so that the code is of this level and no deeper one.
        shift: that of a code whose field is 1, in units of ``element.least``.
    """

    mantissa: Value
    field: Value
    normal: Value
    shift: int


class Specials(NamedTuple):
    """Special codes of a format.

    Attributes:
        any: whether the code is special.
        nan, inf: which one it is.
    """

    any: Value
    nan: Value
    inf: Value


def levels(m: Module, magnitude: Value, element: ElementFormat, *, name: str) -> list[Level]:
    """Levels of a code, the outermost first.

    Args:
        m: the module that gets the logic.
        magnitude: the code without its sign.
        element: the element format, sign-magnitude.
        name: names the signals in waveforms and netlists.
    """
    binades = element.natural_binades
    unit = binades[-1].exponent - binades[-1].mantissa_bits
    nested: ElementFormat | None = element
    result: list[Level] = []
    while nested is not None:
        size, inner = nested.mantissa_bits, nested.subnormal
        mantissa, field = magnitude[:size], magnitude[size:]
        normal: Value = Const(0, 1)
        if nested.exponent_bits:
            normal = Signal(name=f"{name}_{nested.name.split('+')[0]}_normal")
            m.d.comb += normal.eq(field.any())
        count = (1 << nested.exponent_bits) - 1  # binades of this level, where one is nested
        # Without a nested level exponent field 0 has the spacing of field 1.
        shift = 0 if inner is None else binades[count - 1].exponent - size - unit
        result.append(Level(mantissa, field, normal, shift))
        magnitude, binades, nested = mantissa, binades[count:], inner
    return result


def special_codes(
    m: Module, magnitude: Value, element: ElementFormat, *, name: str
) -> Specials | None:
    """Which special code a code is; None in a format without.

    Args:
        m: the module that gets the logic.
        magnitude: the code without its sign.
        element: the element format.
        name: names the signals in waveforms and netlists.
    """
    if element.special == "nan":
        every = magnitude.all()
        return Specials(every, every, Const(0, 1))
    if element.special != "ieee":
        return None
    special = Signal(name=f"{name}_special")
    mantissa = magnitude[: element.mantissa_bits]
    m.d.comb += special.eq(magnitude[element.mantissa_bits :].all())
    return Specials(special, special & mantissa.any(), special & ~mantissa.any())
