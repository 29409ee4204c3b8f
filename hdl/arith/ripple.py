"""Sums, increments and comparisons: chains of gates, or the target's carry chains.

In standard cells a chain is smaller than what synthesis makes of ``+`` and ``>=``, which it builds
for speed (docs/baseline.md).
"""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed

from ..layouts import Fabric
from .adder import add_bits, carry_chain

__all__ = ["add", "add_signed", "at_least", "increment"]


def add(m: Module, a: Value, b: Value, carry: Value, fabric: Fabric, *, name: str) -> Signal:
    """Sum of two unsigned values of the same width and a carry, one bit wider."""
    assert len(a) == len(b)
    total = Signal(len(a) + 1, name=name)
    asic = fabric == "asic"
    m.d.comb += total.eq(Cat(*add_bits(m, [*a], [*b], carry)) if asic else carry_chain(a, b, carry))
    return total


def add_signed(m: Module, a: Value, b: Value, carry: Value, fabric: Fabric, *, name: str) -> Signal:
    """Sum of two signed values and a carry, one bit wider than the wider of them."""
    size = max(len(a), len(b))
    # With their sign bits inverted they are unsigned, each offset by half its range.
    x, y = (Cat(v[:-1], v[-1].replicate(size - len(v)), ~v[-1]) for v in (a, b))
    offset = add(m, x, y, carry, fabric, name=f"{name}_offset")
    total = Signal(signed(size + 1), name=name)
    m.d.comb += total.eq(Cat(offset[:-1], ~offset[-1]))
    return total


def increment(
    m: Module, number: Value, ones: Mapping[int, Value], fabric: Fabric, *, name: str
) -> tuple[Signal, list[Value]]:
    """Unsigned number plus a one at some of its bits.

    Args:
        m: the module that gets the logic.
        number: what is incremented.
        ones: single bits to add, by the bit of ``number`` that they are added to; at most one of
            them is 1.
        fabric: ``"asic"`` builds a chain of half adders, else a carry chain.
        name: names the total in waveforms and netlists.

    Returns:
        The total, one bit wider, and the carry into each bit of ``number``; on FPGAs those are
        found beside the carry chain, not at its end.
    """
    total = Signal(len(number) + 1, name=name)
    into: list[Value] = []
    if fabric != "asic":
        m.d.comb += total.eq(number + Cat(ones.get(i, Const(0, 1)) for i in range(len(number))))
        for i in range(len(number)):
            rises = [number[k:i].all() & bit for k, bit in ones.items() if k < i]
            into.append(Cat(*rises, Const(0, 1)).any())
        return total, into
    bits: list[Value] = []
    carry: Value = Const(0, 1)
    for i, bit in enumerate(number):
        here = Signal(name=f"{name}_carry_{i}")
        m.d.comb += here.eq(carry | ones[i] if i in ones else carry)
        into.append(here)
        bits.append(bit ^ here)
        carry = bit & here
    m.d.comb += total.eq(Cat(*bits, carry))
    return total, into


def at_least(m: Module, a: Value, b: Value, fabric: Fabric, *, name: str) -> Signal:
    """Whether a >= b, unsigned values of the same width."""
    assert len(a) == len(b)
    result = Signal(name=name)
    if fabric != "asic":
        m.d.comb += result.eq(a >= b)
        return result
    carry: Value = a[0] | ~b[0]
    for i in range(1, len(a)):
        after = Signal(name=f"{name}_carry_{i}")
        m.d.comb += after.eq((a[i] & ~b[i]) | (carry & (a[i] | ~b[i])))
        carry = after
    m.d.comb += result.eq(carry)
    return result
