"""Sums of products as hardware holds them: how wide they are, and what stands beside them.

Source: docs/numerics.md section 4.
"""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from ...golden.dot.product_sum import Operand, Operands, check_formats, check_pair, units

__all__ = ["count_bits", "sum_bits", "sum_layout"]


def count_bits(formats: tuple[Operand, Operand], count: int) -> int:
    """Narrowest signed width that holds every sum of ``count`` products."""
    a, b = (units(f) for f in formats)
    ends = [x * y for x in (min(a), max(a)) for y in (min(b), max(b))]
    low, high = count * min(ends), count * max(ends)
    return max(high.bit_length(), (~low).bit_length()) + 1


def sum_bits(element: Operands, count: int) -> int:
    """Narrowest signed width that holds every sum of ``count`` products of two formats.

    >>> from mxsf.golden import E5M2, INT8, MX9, MXSF
    >>> sum_bits(MXSF, 32), sum_bits(E5M2, 32), sum_bits((INT8, INT8), 32), sum_bits(MX9, 16)
    (30, 70, 21, 21)
    """
    return count_bits(check_formats(element), count)


def sum_layout(element: Operands, count: int) -> data.StructLayout:
    """Fields of a sum: ``sum``, and ``nan``, ``inf``, ``inf_sign`` where the formats have them."""
    fields = {"sum": signed(sum_bits(element, count))}
    pair = check_pair(element)
    if any(f.has_nan for f in pair):
        fields["nan"] = unsigned(1)
    if any(f.has_inf for f in pair):
        fields |= {"inf": unsigned(1), "inf_sign": unsigned(1)}
    return data.StructLayout(fields)
