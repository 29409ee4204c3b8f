"""Sums and comparisons: chains of gates, or the target's carry chains.

In standard cells a chain is smaller than what synthesis makes of ``+`` and ``>=``, which it builds
for speed (docs/baseline.md).
"""

from amaranth.hdl import Cat, Module, Signal, Value, signed

from ..layouts import Fabric
from .adder import add_bits, chain

__all__ = ["add", "add_signed", "at_least"]


def add(m: Module, a: Value, b: Value, carry: Value, fabric: Fabric, *, name: str) -> Signal:
    """Sum of two unsigned values of the same width and a carry, one bit wider."""
    assert len(a) == len(b)
    total = Signal(len(a) + 1, name=name)
    asic = fabric == "asic"
    m.d.comb += total.eq(Cat(*add_bits(m, [*a], [*b], carry)) if asic else chain(a, b, carry))
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


def at_least(m: Module, a: Value, b: Value, fabric: Fabric, *, name: str) -> Signal:
    """Whether a >= b, unsigned values of the same width."""
    assert len(a) == len(b)
    found = Signal(name=name)
    if fabric != "asic":
        m.d.comb += found.eq(a >= b)
        return found
    carry: Value = a[0] | ~b[0]
    for i in range(1, len(a)):
        after = Signal(name=f"{name}_carry_{i}")
        m.d.comb += after.eq((a[i] & ~b[i]) | (carry & (a[i] | ~b[i])))
        carry = after
    m.d.comb += found.eq(carry)
    return found
