"""Layouts: how words, codes and unpacked elements lie in a vector. Lowest field first."""

from typing import Literal

from amaranth.hdl import unsigned
from amaranth.lib import data

from ..golden.block import BlockFormat, vector_format
from ..golden.formats import ElementFormat
from ..golden.words import WordFormat

__all__ = ["Fabric", "unpacked_layout", "word_layout"]

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
