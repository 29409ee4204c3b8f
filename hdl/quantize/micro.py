"""Microexponents of a beat: where the hardware finds them.

Golden answer: ``mxsf.golden.quantize.micro``. Source: docs/numerics.md section 7.
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value

__all__ = ["find_micro"]


def find_micro(
    m: Module, exponents: Sequence[Value], largest: Value, clear: Value, size: int
) -> Signal:
    """Microexponents of a beat: 1 where no word of a group has the block's largest exponent.

    Args:
        m: the module that gets the logic.
        exponents: biased exponents of the words, a lane each.
        largest: the largest of the block.
        clear: whether the block holds Inf or NaN; all bits are then 0.
        size: lanes that share a bit.

    Returns:
        One bit a group.
    """
    equal, micro = Signal(len(exponents)), Signal(len(exponents) // size, name="micro")
    m.d.comb += equal.eq(Cat(exponent == largest for exponent in exponents))
    for k in range(len(micro)):
        m.d.comb += micro[k].eq(~(equal[k * size : (k + 1) * size].any() | clear))
    return micro
