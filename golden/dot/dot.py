"""Block dot products with accumulation.

Source: docs/numerics.md section 4.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import vector_format
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat
from ..formats.word import FP32, WordFormat
from ..quantize.micro import along_block
from .accumulator import accumulate
from .product_sum import Operand, Operands, halvings, operand_pair, sliced, spare_bits

__all__ = ["dot"]


def dot(
    a_codes: ArrayLike,
    a_scale: ArrayLike,
    b_codes: ArrayLike,
    b_scale: ArrayLike,
    acc: ArrayLike = 0.0,
    element: Operands = MXSF,
    result: WordFormat = FP32,
    *,
    a_micro: ArrayLike | None = None,
    b_micro: ArrayLike | None = None,
) -> NDArray[Any]:
    """Return round(acc + a_scale * b_scale * sum(a * b)): one rounding, nothing lost before it.

    Args:
        a_codes: codes, the last axis is the block; the leading axes broadcast with all others.
        a_scale: codes of the format's scale, of the leading axes; E8M0 for an element format.
        b_codes: codes of the other operand, blocks of the same length.
        b_scale: its scales.
        acc: rounded to FP32 first; subnormal values count as zero.
        element: element or block format of the codes, or a pair for a and b. Blocks have one row
            and may have any length, whatever the block format says.
        result: the word format to round to, FP32 or BF16.
        a_micro: microexponents, 0 or 1; codes of a group with 1 count half. A block format says
            whether it has them and how many codes share one. With an element format, a
            sign-magnitude integer, the last axis has as many as there are equal groups in a block.
        b_micro: the same of the other operand.

    Returns:
        float32 of the broadcast leading axes; for BF16 of dtype ``ml_dtypes.bfloat16``.

    Raises:
        TypeError: codes or scales that are no integers.
        ValueError: codes or scales out of range, block lengths that differ, microexponents that do
            not fit, a block format with several rows.

    >>> float(dot([0x20, 0x40], 127, [0x20, 0xA0], 128, acc=1.0))  # 1 + 2 * (1*1 - 2*1)
    -1.0
    >>> from mxsf.golden import MX9, quantize
    >>> q = quantize(np.float32([1.5, 1.0] * 8), MX9)
    >>> float(dot(*[q.codes, q.scales[0]] * 2, element=MX9, a_micro=q.micro, b_micro=q.micro))
    26.0
    """
    operands = operand_pair(element)
    formats = [vector_format(operand) for operand in operands]
    pair = [format.element for format in formats]
    codes = [f.check_codes(c) for f, c in zip(pair, (a_codes, b_codes), strict=True)]
    for array in codes:
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(f"codes must have a block axis, their shape is {array.shape}")
    length = codes[0].shape[-1]
    if codes[1].shape[-1] != length:
        raise ValueError(f"blocks must agree, not {length} and {codes[1].shape[-1]}")
    a_part, b_part = (f.scale.parts(s) for f, s in zip(formats, (a_scale, b_scale), strict=True))
    significand = a_part.significand * b_part.significand
    shift = a_part.exponent + b_part.exponent + sum(f.scale.offset for f in formats)
    spare = spare_bits(*(f.scale for f in formats))
    a, b = (sliced(f, length, spare)[:, c] for f, c in zip(pair, codes, strict=True))
    if a_micro is not None or formats[0].micro is not None:
        a = a * _halves("a_micro", operands[0], a_micro, length)
    if b_micro is not None or formats[1].micro is not None:
        b = b * _halves("b_micro", operands[1], b_micro, length)
    sums = [np.einsum("...i,...i->...", left, right) for left in a for right in b]
    terms = [np.ldexp(term * significand, shift) for term in sums]
    with np.errstate(over="ignore", invalid="ignore"):
        start = np.asarray(acc).astype(np.float32)
    total = accumulate(start, terms, result)
    # Inf and NaN follow IEEE arithmetic, which needs no exactness.
    if any(f.has_nan for f in pair):
        with np.errstate(invalid="ignore"):
            natural = (pair[0].table[codes[0]] * pair[1].table[codes[1]]).sum(axis=-1)
            natural = natural * np.sign(significand)
            total = np.where(np.isfinite(natural), total, (natural + start).astype(np.float32))
    nan = formats[0].scale.is_nan(a_scale) | formats[1].scale.is_nan(b_scale) | np.isnan(total)
    return result.array(np.where(nan, np.float32(np.nan), total))[()]


def _halves(
    name: str, operand: Operand, micro: ArrayLike | None, length: int
) -> NDArray[np.float64]:
    """What codes count, 1 or 1/2, along the block; sums of integers stay exact."""
    if not isinstance(operand, ElementFormat) or micro is None:
        return np.ldexp(1.0, -halvings(name, vector_format(operand), micro, length))
    if operand.exponent_bits or operand.twos_complement:
        raise ValueError(f"{name} needs a sign-magnitude integer, not {operand}")
    return np.ldexp(1.0, -along_block(name, micro, length))
