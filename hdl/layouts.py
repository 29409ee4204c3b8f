"""Layouts: how words, codes and unpacked elements lie in a vector. Lowest field first."""

from collections.abc import Iterable
from typing import Any, Literal

from amaranth.hdl import Shape, ShapeCastable, Value, unsigned
from amaranth.lib import data

from ..golden.formats.block import BlockFormat, vector_format
from ..golden.formats.element import ElementFormat
from ..golden.formats.word import WordFormat

__all__ = ["Fabric", "field_items", "group_size", "micro_fields", "unpacked_layout", "word_layout"]

Fabric = Literal["asic", "fpga", "dsp"]
"""What a structure is for: standard cells, LUTs with carry chains, or those with hard multipliers.

The numbers are the same. Designs without products build the same for ``fpga`` and ``dsp``.
"""


def word_layout(word: WordFormat) -> data.StructLayout:
    """Fields of a source word: mantissa, biased exponent, sign."""
    return data.StructLayout(
        {
            "mantissa": unsigned(word.mantissa_bits),
            "biased_exponent": unsigned(word.exponent_bits),
            "sign": unsigned(1),
        }
    )


def field_items(payload: Any, *path: str) -> list[Any]:
    """Items of an array field, each a slice of the payload itself.

    ``payload.field[k]`` is a slice of a slice, and each costs Amaranth the width of the field: in a
    loop over lanes, the square of their number.

    Args:
        payload: what has the field.
        path: names of the field and of those that it is in, the outermost first.
    """
    layout: Any = payload.shape()
    start = 0
    for name in path:
        start, layout = start + layout[name].offset, layout[name].shape
    bits, shape = Value.cast(payload), layout.elem_shape
    width = Shape.cast(shape).width
    slices = (
        bits[at : at + width] for at in range(start, start + width * layout.length, width or 1)
    )
    if isinstance(shape, ShapeCastable):
        return [shape(item) for item in slices]
    return [item.as_signed() if Shape.cast(shape).signed else item for item in slices]


def unpacked_layout(format: ElementFormat | BlockFormat) -> data.StructLayout:
    """Fields of an unpacked element: value = +-significand * 2**shift * 2**format.unit_exponent.

    ``shift`` is absent in a format whose elements share one spacing; ``nan`` and ``inf`` are
    present only where the format has such codes.
    """
    element = vector_format(format).element
    fields = {"sign": unsigned(1), "significand": unsigned(element.significand_bits)}
    if format.max_shift:
        fields["shift"] = unsigned(format.max_shift.bit_length())
    if element.has_nan:
        fields["nan"] = unsigned(1)
    if element.has_inf:
        fields["inf"] = unsigned(1)
    return data.StructLayout(fields)


def micro_fields(format: BlockFormat, lanes: int) -> dict[str, Any]:
    """Fields of a beat's microexponents: ``micro``, one bit a group; none in other formats.

    Raises:
        ValueError: lanes are no whole groups, or a group is no power of two.
    """
    if format.micro is None:
        return {}
    size = format.micro[1]
    if size & (size - 1):
        raise ValueError(f"elements that share a microexponent must be a power of two, not {size}")
    if lanes % size:
        raise ValueError(
            f"lanes must be a multiple of {size}, which share a microexponent, not {lanes!r}"
        )
    return {"micro": data.ArrayLayout(1, lanes // size)}


def group_size(formats: Iterable[BlockFormat]) -> int:
    """Lanes whose products have all microexponents in common, 0 in formats without.

    >>> from mxsf.golden import MX9, MXSF
    >>> group_size((MX9, BlockFormat(MXSF)))
    2
    """
    return min((f.micro[1] for f in formats if f.micro is not None), default=0)
