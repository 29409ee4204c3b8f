"""Unpacked elements: the golden answer of the hardware decoder.

Source: docs/numerics.md section 1.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, vector_format
from ..formats.element import ElementFormat

__all__ = ["Unpacked", "unpack"]


class Unpacked(NamedTuple):
    """Elements taken apart: value = +-significand * 2**shift * 2**format.unit_exponent.

    The significand is right-aligned as its mode keeps it, so that shift stays small. Special codes
    carry the significand and shift of the plain number that their bits would be.

    Attributes:
        sign: True for negative, bool.
        significand: integer, int64.
        shift: integer at least 0, int64.
        nan: True for NaN codes, bool.
        inf: True for infinities, bool.
    """

    sign: NDArray[np.bool_]
    significand: NDArray[np.int64]
    shift: NDArray[np.int64]
    nan: NDArray[np.bool_]
    inf: NDArray[np.bool_]


def unpack(
    codes: ArrayLike, element: ElementFormat | BlockFormat, micro: ArrayLike | None = None
) -> Unpacked:
    """Take codes apart; any shape.

    Args:
        codes: integers in ``[0, 2**bits)``.
        element: the format.
        micro: the microexponent of each code, 0 or 1, of the codes' shape; of a format that has
            them. One of 0 shifts by 1.

    Raises:
        TypeError: codes are not integers, or the format is none.
        ValueError: a code is out of range, or microexponents do not belong to the format.

    >>> from mxsf.golden import MXSF
    >>> [int(field) for field in unpack(0xA1, MXSF)[:3]]  # -(1 + 1/32): wide mantissa mode
    [1, 33, 4]
    >>> [int(field) for field in unpack(0x1D, MXSF)[:3]]  # 2**-1 * (1 + 1/4): subnormal mode
    [0, 5, 6]
    >>> from mxsf.golden import MX9
    >>> [int(field) for field in unpack(0xC0, MX9, micro=0)[:3]]  # -1: 64 * 2**-6
    [1, 64, 1]
    """
    format = vector_format(element)
    if (micro is None) != (format.micro is None):
        raise ValueError("microexponents belong to formats that have them, and to no others")
    index = format.element.check_codes(codes)
    sign, significand, shift, nan, inf = _tables(format.element)
    shifts = shift[index] if micro is None else shift[index] + 1 - np.asarray(micro)
    return Unpacked(sign[index], significand[index], shifts, nan[index], inf[index])


@cache
def _tables(element: ElementFormat) -> Unpacked:
    count = element.sign_mask
    significand, shift = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for exponent, first, kept in element.natural_binades:
        codes = slice(first, first + (1 << kept))
        significand[codes] = np.arange(1 << kept) + (1 << kept)
        shift[codes] = exponent - kept - element.unit_exponent
    if element.twos_complement:
        negative = np.concatenate([[count], significand[:0:-1]])
        significand, shift = np.concatenate([significand, negative]), np.tile(shift, 2)
    else:
        significand, shift = np.tile(significand, 2), np.tile(shift, 2)
    values = element.table
    sign = np.arange(2 * count) >= count
    return Unpacked(sign, significand, shift, np.isnan(values), np.isinf(values))
