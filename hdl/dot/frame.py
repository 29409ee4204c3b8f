"""Frame: the bits in which a block's sum and acc meet before the one rounding.

The sum keeps its place in a frame, unnormalised, and acc is shifted to it. Two frames do: where
acc's lowest bit lies at or above the sum's (*high*), nothing lies below the sum, and the sum stands
at the bottom. Where it lies below (*low*), nothing that matters lies above the sum, which stands
``GUARD`` bits up. What acc loses below a low frame only makes the result inexact: it is less than
a quarter of the last place even of a sum of 1. What would place acc above a high frame is
clamped to its top, where the sum is at most a quarter of acc's last place. A sum of 0 has no
weight; the frame then follows acc.

Source: docs/numerics.md section 4.
"""

from typing import NamedTuple

from ...golden.dot.product_sum import Formats
from ...golden.formats.word import FP32
from ..scale import most_exponents, product_offset

__all__ = ["GUARD", "SIGNIFICAND", "Frame", "frame"]

SIGNIFICAND = FP32.mantissa_bits + 1
"""Bits of acc's significand."""

GUARD = SIGNIFICAND + 1
"""Bits of a low frame below the sum: a significand below 1, and the bit that decides rounding."""


class Frame(NamedTuple):
    """Geometry of the frame of a pair of formats; bit 0 is the lowest, the top one is the sign.

    Attributes:
        bits: width of the frame, two's complement.
        sum_bits: width of the block's sum.
        offset: with the exponents of both scales added: the biased FP32 exponent of the bit below
            the sign in a high frame.
        turn: distance of acc from the top from which on the frame is low.
        exponents: largest sum of the scales' exponents.
    """

    bits: int
    sum_bits: int
    offset: int
    turn: int
    exponents: int


def frame(formats: Formats, sum_bits: int, accumulate: bool) -> Frame:
    """Frame of a pair of formats whose block sums have ``sum_bits`` bits."""
    unit = formats[0].unit_exponent + formats[1].unit_exponent
    reach = max(sum_bits, SIGNIFICAND) + 1  # acc's distance where its lowest bit meets the sum's
    bits = reach + SIGNIFICAND + 1 if accumulate else sum_bits
    # A low frame has room for acc that far and a little higher; the roundest number is cheapest.
    first = min(max(reach + 1 - max(sum_bits - SIGNIFICAND, 0), GUARD), reach + 1)
    turn = max(range(first, reach + 2), key=lambda n: (n & -n, n))
    # A value of 1 in bit 0 is worth 2**(exponents of both scales + least).
    least = product_offset(formats) + unit
    return Frame(bits, sum_bits, least + FP32.bias + bits - 2, turn, most_exponents(formats))
