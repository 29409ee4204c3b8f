"""Scales: how one lies in a vector, and what a dot product takes of two.

Hardware has scales that are powers of two: the product of two is a sum of exponents. Source:
docs/numerics.md sections 2 and 4.
"""

from typing import Any

from amaranth.hdl import Shape, unsigned

from ..golden.formats.block import BlockFormat
from ..golden.formats.scale import E8M0, ScaleFormat
from ..golden.formats.scale_rule import ScaleRule

__all__ = [
    "most_exponents",
    "power_rule",
    "product_fields",
    "product_offset",
    "product_values",
    "scale_shape",
]

Pair = tuple[BlockFormat, BlockFormat]


def scale_shape(scale: ScaleFormat) -> Shape:
    """Shape of a scale: its code.

    Raises:
        ValueError: a scale format that hardware does not have.
    """
    if scale != E8M0:
        raise ValueError(f"hardware has scales of {E8M0}, not {scale}")
    return unsigned(scale.bits)


def power_rule(format: BlockFormat) -> ScaleRule:
    """Return the rule of a format, which chooses powers of two.

    Raises:
        ValueError: it chooses other scales, which hardware does not have.
    """
    if not isinstance(format.rule, ScaleRule):
        raise ValueError(f"hardware has scales of {E8M0}, not {format.scale}")
    return format.rule


def most_exponents(formats: Pair) -> int:
    """Largest sum of the exponent fields of two scales, NaN codes included."""
    return sum((1 << format.scale.exponent_bits) - 1 for format in formats)


def product_fields(formats: Pair) -> dict[str, Any]:
    """Fields that stand for the product of two scales.

    ``scale``: their exponent fields added; a value in the units of the elements is worth
    ``2**(scale + product_offset(formats))``. ``scale_nan``: one of them is NaN.
    """
    return {"scale": unsigned(most_exponents(formats).bit_length()), "scale_nan": unsigned(1)}


def product_offset(formats: Pair) -> int:
    """What the exponent fields of two scales lack together."""
    return sum(format.scale.offset for format in formats)


def product_values(formats: Pair, a: Any, b: Any) -> dict[str, Any]:
    """Values of ``product_fields`` for the scales of a and b: expressions, or arrays of numbers."""
    a_format, b_format = (format.scale for format in formats)
    return {"scale": a + b, "scale_nan": (a == a_format.nan_code) | (b == b_format.nan_code)}
