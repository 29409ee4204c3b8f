"""Encoding: float tensors to blocks of codes with one scale each.

Source: docs/numerics.md sections 2 and 3.

The fast path rounds with the floating-point adder. For each sign and binade a constant C is
chosen such that the low bits of ``v + C`` are the code of v: C's last place is the element's
spacing in that binade, its low bits are the binade's first code (and the sign bit), and the
adder's nearest-even is the code's. ``ElementFormat.encode`` is the judge: tests hold both equal.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .block import BlockFormat, BlockTensor, Rounding, block_counts, slabs
from .catalogue import MXSF
from .formats import ElementFormat, Overflow
from .scale import NAN_BYTE, ScaleRule, scale_bytes
from .words import float_array

__all__ = ["Rounding", "quantize"]

_MAGNITUDE = np.uint32(0x7FFFFFFF)
_LEAST_NORMAL = 1 << 23  # bits of 2**-126
_FACTORS = np.ldexp(1.0, 127 - np.arange(256))  # what undoes each scale byte


def quantize(
    x: ArrayLike,
    element: ElementFormat = MXSF,
    block: tuple[int, int] = (1, 32),
    rule: ScaleRule = ScaleRule.FLOOR,
    *,
    rounding: Rounding = Rounding.NEAREST_EVEN,
    random: ArrayLike | None = None,
    random_bits: int = 16,
    overflow: Overflow = "saturate",
) -> BlockTensor:
    """Quantize a tensor: one E8M0 scale per block of the last two axes, one code per element.

    Args:
        x: float array of one or more axes, any floating dtype (converted to FP32 first). One axis
            counts as one row. Partial blocks at the edges behave as if padded with zeros.
        element: the element format.
        block: rows and columns that share a scale.
        rule: the scale rule.
        rounding: nearest even or stochastic.
        random: for stochastic rounding, integers in ``[0, 2**random_bits)``, the shape of x.
        random_bits: R, 1 to 24: the code is ``floor(|v| / ulp + random / 2**R)``.
        overflow: ``"saturate"`` or ``"ovf"``.

    Returns:
        A BlockTensor. Blocks that hold Inf or NaN have scale byte 0xFF and codes 0, blocks of
        zeros byte 0; subnormal words count as zero of their sign.

    Raises:
        TypeError: x is no float array, or an argument is of the wrong kind.
        ValueError: an empty tensor, a block of 0, or an argument out of range.

    >>> q = quantize(np.float32([0.3, -1.0, 7.9, 1e-3]), MXSF, (1, 4))
    >>> [hex(code) for code in q.codes], q.scales.tolist()
    (['0x19', '0xa0', '0x7f', '0x1'], [127])
    """
    fmt = BlockFormat(element, block, rule, rounding, overflow)
    array = np.asarray(x)
    float_array(array.reshape(-1)[:0])  # raises for dtypes that are no floats
    if array.ndim == 0:
        raise ValueError("x must have at least one axis")
    if array.size == 0:
        raise ValueError(f"x must not be empty, its shape is {array.shape}")
    if array.ndim == 1 and block[0] != 1:
        raise ValueError(f"a tensor of one axis needs blocks of one row, not {block!r}")
    draws = _draws(array.shape, rounding, random, random_bits)

    codes = np.empty(array.shape, element.code_dtype)
    scales = np.empty(block_counts(array.shape, fmt.block), np.uint8)
    _fill(_stack(array, fmt), _stack(codes, fmt), scales, fmt, draws, random_bits)
    return BlockTensor(codes, scales, fmt)


def _draws(
    shape: tuple[int, ...], rounding: Rounding, random: ArrayLike | None, random_bits: int
) -> NDArray[Any] | None:
    if rounding is not Rounding.STOCHASTIC:
        if random is not None:
            raise ValueError("random is for stochastic rounding only")
        return None
    if not 1 <= random_bits <= 24:
        raise ValueError(f"random_bits must be 1 to 24, not {random_bits!r}")
    if random is None:
        raise ValueError("stochastic rounding needs random integers")
    draws = np.asarray(random)
    if draws.dtype.kind not in "iu":
        raise TypeError(f"random must hold integers, not {draws.dtype}")
    if draws.shape != shape:
        raise ValueError(f"random must have the shape of x, {shape}, not {draws.shape}")
    if int(draws.min()) < 0 or int(draws.max()) >> random_bits:
        raise ValueError(f"random must be below 2**{random_bits}, not {draws.max()!r}")
    return draws


def _stack(a: NDArray[Any], fmt: BlockFormat) -> NDArray[Any]:
    """View as (matrices, rows, columns), with as few matrices and as short rows as blocks allow."""
    rows, columns = fmt.block
    if a.ndim == 1:
        return a.reshape(1, -1, columns) if a.size % columns == 0 else a.reshape(1, 1, -1)
    if a.shape[-2] % rows == 0:
        return a.reshape(1, -1, a.shape[-1])
    return a.reshape(-1, *a.shape[-2:])


def _fill(
    x: NDArray[Any],
    codes: NDArray[Any],
    scales: NDArray[np.uint8],
    fmt: BlockFormat,
    draws: NDArray[Any] | None,
    random_bits: int,
) -> None:
    """Quantize slab by slab, so that temporaries stay small."""
    rows, columns = fmt.block
    counts = (x.shape[0], -(-x.shape[1] // rows), -(-x.shape[2] // columns))
    grid = scales.reshape(counts)
    noise = None if draws is None else draws.reshape(x.shape)
    for matrix, r, c in slabs(x.shape, fmt.block):
        words = _whole_blocks(float_array(x[matrix, r, c]), fmt.block)
        n, h, w = words.shape
        blocks = words.reshape(n, h // rows, rows, w // columns, columns)
        byte = scale_bytes(_largest(blocks), fmt.element, fmt.rule)
        if noise is None:
            found = _nearest(blocks, byte, fmt)
        else:
            draw = _whole_blocks(noise[matrix, r, c], fmt.block).reshape(blocks.shape)
            found = _stochastic(blocks, byte, fmt, draw, random_bits)
        bad = byte == NAN_BYTE
        if bad.any():
            found.swapaxes(2, 3)[bad] = 0
        piece = codes[matrix, r, c]
        piece[...] = found.reshape(n, h, w)[:, : piece.shape[1], : piece.shape[2]]  # low bits
        top, left = r.start // rows, c.start // columns
        grid[matrix, top : top + h // rows, left : left + w // columns] = byte


def _whole_blocks(piece: NDArray[Any], block: tuple[int, int]) -> NDArray[Any]:
    """Pad (n, rows, columns) with zeros to whole blocks."""
    _, h, w = piece.shape
    missing = (-h % block[0], -w % block[1])
    if not any(missing):
        return piece
    return np.pad(piece, ((0, 0), (0, missing[0]), (0, missing[1])))


def _largest(blocks: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Bits of each block's largest magnitude; NaN above Inf above all; (n, R, r, C, c)."""
    # As int32, which NumPy compares twice as fast as uint32; the sign bit is clear.
    bits = np.bitwise_and(blocks.view(np.uint32), _MAGNITUDE).view(np.int32)
    found = np.maximum.reduce(bits, axis=2) if bits.shape[2] > 1 else bits[:, :, 0]
    # Neighbours pair by pair: long strided passes cost half of a reduction over a short axis.
    while found.shape[-1] % 2 == 0:
        flat = found.reshape(-1)
        found = np.maximum(flat[0::2], flat[1::2]).reshape(*found.shape[:-1], -1)
    return np.maximum.reduce(found, axis=-1).view(np.uint32)


def _unscaled(
    blocks: NDArray[np.float32], byte: NDArray[np.uint8], element: ElementFormat, dtype: Any
) -> NDArray[Any]:
    """Elements in the element format's own scale, v / 2**s, subnormal words flushed.

    The product is exact, or so small that it rounds to code 0.
    """
    factor = _FACTORS.astype(dtype)[byte][:, :, None, :, None]
    values = blocks
    if int(byte.min()) < 2 - element.unit_exponent:  # a subnormal word could reach code 1
        normal = (blocks.view(np.uint32) & _MAGNITUDE) >= _LEAST_NORMAL
        with np.errstate(invalid="ignore"):
            values = blocks * normal
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return values * factor


def _nearest(
    blocks: NDArray[np.float32], byte: NDArray[np.uint8], fmt: BlockFormat
) -> NDArray[Any]:
    """Codes in the low bits of unsigned words, by the adder, nearest even; shape of ``blocks``."""
    element = fmt.element
    dtype, unsigned, constants, limit = _adder_table(element, fmt.overflow)
    v = _unscaled(blocks, byte, element, dtype)
    np.clip(v, -limit, limit, out=v)
    index = np.empty(v.shape, np.intp)
    np.right_shift(v.view(unsigned), np.finfo(dtype).nmant, out=index, casting="unsafe")
    v += np.take(constants, index, mode="clip")
    found = v.view(unsigned)  # the code in the low bits, the adder's rest above
    if element.bits not in (8, 16):
        found &= (1 << element.bits) - 1
    return found


@cache
def _adder_table(element: ElementFormat, overflow: Overflow) -> tuple[Any, Any, NDArray[Any], Any]:
    """Float type, its unsigned twin, C for each sign and biased exponent, and the clip limit.

    float32 where ``v + C`` stays inside its range for every v that matters, else float64.
    """
    top = element.binades[0]
    narrow = element.unit_exponent > -120 and top.exponent - top.mantissa_bits < 100
    dtype, unsigned = (np.float32, np.uint32) if narrow else (np.float64, np.uint64)
    info = np.finfo(dtype)
    bias, one = info.maxexp - 1, 3 << (info.nmant - 1)  # `one`: 1.5 * 2**nmant
    spacing, offset = _spacing(element, np.arange(2 * bias + 2) - bias)
    positive = np.ldexp((one + offset).astype(dtype), spacing)
    if element.twos_complement:
        negative = positive
    else:
        negative = -np.ldexp((one + offset + element.sign_mask).astype(dtype), spacing)
    beyond = element.limit_code(overflow) - element.largest_code
    limit = element.largest + beyond * 2.0 ** (top.exponent - top.mantissa_bits)
    return dtype, unsigned, np.concatenate([positive, negative]), dtype(limit)


def _spacing(
    element: ElementFormat, exponent: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For values of each exponent: log2 of the code spacing, and the offset of the code.

    ``code = offset + |v| / 2**spacing``. The lowest binade goes on down to zero, the top one up.
    """
    ascending = element.binades[::-1]
    place = np.searchsorted([b.exponent for b in ascending], exponent, side="right") - 1
    spacing = np.array([b.exponent - b.mantissa_bits for b in ascending])[np.maximum(place, 0)]
    first = np.array([b.first_code - (1 << b.mantissa_bits) for b in ascending])
    return spacing, np.where(place < 0, 0, first[np.maximum(place, 0)])


def _stochastic(
    blocks: NDArray[np.float32],
    byte: NDArray[np.uint8],
    fmt: BlockFormat,
    draws: NDArray[Any],
    random_bits: int,
) -> NDArray[Any]:
    """Codes by stochastic rounding; shape of ``blocks``. The sum is exact in float64."""
    element = fmt.element
    v = np.nan_to_num(_unscaled(blocks, byte, element, np.float64), posinf=0.0, neginf=0.0)
    exponent = np.where(v == 0, -1024, np.frexp(v)[1].astype(np.int64) - 1)
    spacing, offset = _spacing(element, exponent)
    steps = np.ldexp(np.abs(v), -spacing)
    # Far below one step the sum with the draw cannot reach it: cut where float64 would round.
    steps = np.floor(np.ldexp(steps, random_bits)) + draws
    magnitude = offset + np.floor(np.ldexp(steps, -random_bits)).astype(np.int64)
    magnitude = np.minimum(magnitude, element.limit_code(fmt.overflow))
    negative = np.signbit(v)
    if element.twos_complement:
        found = np.where(negative, -magnitude, magnitude) & ((1 << element.bits) - 1)
    else:
        found = magnitude | np.where(negative, element.sign_mask, 0)
    return found.astype(element.code_dtype)
