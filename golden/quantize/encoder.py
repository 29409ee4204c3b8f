"""Encoding: float tensors to blocks of codes with one scale each.

Source: docs/numerics.md sections 2 and 3.

The fast path rounds with the floating-point adder. For each sign and binade a constant C is
chosen such that the low bits of ``v + C`` are the code of v: C's last place is the element's
spacing in that binade, its low bits are the binade's first code (and the sign bit), and the
adder's nearest-even is the code's. ``ElementFormat.encode`` is the judge: tests hold both equal.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, Rounding
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat, Overflow
from ..formats.scale import NAN_BYTE, ScaleRule, scale_bytes
from ..formats.word import is_float
from ..slabs import Scratch, block_counts, fit, matrices, slabs, spread, whole_blocks
from .micro import microexponents, weights
from .tensor import BlockTensor

__all__ = ["Rounding", "quantize"]

_MAGNITUDE = np.int32(0x7FFFFFFF)
_LEAST_NORMAL = np.int32(1 << 23)  # bits of 2**-126
_FACTORS = {  # what undoes each scale byte
    dtype: np.ldexp(dtype(1), 127 - np.arange(256)) for dtype in (np.float32, np.float64)
}


def quantize(
    x: ArrayLike,
    element: ElementFormat | BlockFormat = MXSF,
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
        element: the element format; or a block format, which brings block, rule, rounding and
            overflow, and perhaps microexponents.
        block: rows and columns that share a scale.
        rule: the scale rule.
        rounding: nearest even, stochastic, or half away.
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
    if isinstance(element, BlockFormat):
        fmt = element
        if (block, rule, rounding, overflow) != _DEFAULTS:
            raise ValueError("a block format brings its own block, rule, rounding and overflow")
    else:
        fmt = BlockFormat(element, block, rule, rounding, overflow)
    array = np.asarray(x)
    if not is_float(array.dtype):
        raise TypeError(f"a float array is needed, not {array.dtype}")
    if array.ndim == 0:
        raise ValueError("x must have at least one axis")
    if array.size == 0:
        raise ValueError(f"x must not be empty, its shape is {array.shape}")
    if array.ndim == 1 and fmt.block[0] != 1:
        raise ValueError(f"a tensor of one axis needs blocks of one row, not {fmt.block!r}")
    draws = _draws(array.shape, fmt.rounding, random, random_bits)

    codes = np.empty(array.shape, fmt.element.code_dtype)
    micro = None
    if fmt.micro is not None:
        micro = np.empty(block_counts(array.shape, fmt.micro), np.uint8)
    scales = np.empty(block_counts(array.shape, fmt.block), np.uint8)
    noise = None if draws is None else matrices(draws)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        bits = None if micro is None else matrices(micro)
        parts = matrices(codes), matrices(scales), bits
        _fill(matrices(array), *parts, fmt, noise, random_bits)
    return BlockTensor(codes, scales, fmt, micro)


_DEFAULTS = ((1, 32), ScaleRule.FLOOR, Rounding.NEAREST_EVEN, "saturate")


def _draws(
    shape: tuple[int, ...], rounding: Rounding, random: ArrayLike | None, random_bits: int
) -> NDArray[Any] | None:
    if rounding is not Rounding.STOCHASTIC:
        if random is not None:
            raise ValueError("random is for stochastic rounding only")
        return None
    if isinstance(random_bits, bool) or not isinstance(random_bits, int | np.integer):
        raise TypeError(f"random_bits must be an integer, not {random_bits!r}")
    if not 1 <= random_bits <= 24:
        raise ValueError(f"random_bits must be 1 to 24, not {random_bits!r}")
    if random is None:
        raise ValueError("stochastic rounding needs random integers")
    draws = np.asarray(random)
    if draws.dtype.kind not in "iu":
        raise TypeError(f"random must hold integers, not {draws.dtype}")
    if draws.shape != shape:
        raise ValueError(f"random must have the shape of x, {shape}, not {draws.shape}")
    for draw in (int(draws.min()), int(draws.max())):
        if not 0 <= draw < 1 << random_bits:
            raise ValueError(f"random must be 0 to 2**{random_bits} - 1, not {draw}")
    return draws


def _fill(
    x: NDArray[Any],
    codes: NDArray[Any],
    scales: NDArray[np.uint8],
    micro: NDArray[np.uint8] | None,
    fmt: BlockFormat,
    draws: NDArray[Any] | None,
    random_bits: int,
) -> None:
    """Quantize (matrices, rows, columns) slab by slab."""
    rows, columns = block = fit(fmt.block, x.shape) if micro is None else fmt.block
    scratch = Scratch()
    for place, scale_place in slabs(x.shape, block):
        words = whole_blocks(x[place], block, np.float32, scratch)
        byte = scale_bytes(_largest(words, columns, scratch), fmt.element, fmt.rule)
        if micro is not None and fmt.micro is not None:
            words = _fill_micro(words, byte, micro, place, fmt.block, fmt.micro)
        if fmt.rounding is Rounding.HALF_AWAY:
            half = np.ones(words.shape, np.int64)
            found = _stochastic(words, byte, fmt, half, 1, scratch)
        elif draws is None:
            found = _nearest(words, byte, fmt, scratch)
        else:
            noise = whole_blocks(draws[place], block, np.int64, scratch)
            found = _stochastic(words, byte, fmt, noise, random_bits, scratch)
        bad = byte == NAN_BYTE
        if bad.any():
            found.reshape(*byte.shape[:2], rows, -1, columns).swapaxes(2, 3)[bad] = 0
        n, h, w = codes[place].shape
        whole = found.reshape(n, -1, found.shape[-1])
        np.copyto(codes[place], whole[:, :h, :w], casting="unsafe")  # the low bits
        scales[scale_place] = byte


def _fill_micro(
    words: NDArray[np.float32],
    byte: NDArray[np.uint8],
    micro: NDArray[np.uint8],
    place: tuple[slice, slice, slice],
    block: tuple[int, int],
    group: tuple[int, int],
) -> NDArray[np.float32]:
    """Microexponents of a slab, written to their place; returns its words, doubled where one is."""
    bits = microexponents(words, block, group)
    nan = (byte == NAN_BYTE).repeat(block[0] // group[0], axis=1)
    bits &= ~nan.repeat(block[1] // group[1], axis=2)
    matrix, *axes = place
    rows, columns = (
        slice(axis.start // size, -(-axis.stop // size))
        for axis, size in zip(axes, group, strict=True)
    )
    target = micro[matrix, rows, columns]
    target[...] = bits[:, : target.shape[1], : target.shape[2]]
    flat = words.reshape(len(words), -1, words.shape[-1])
    flat = flat * ((flat.view(np.int32) & _MAGNITUDE) >= _LEAST_NORMAL)  # before it is doubled
    return (flat / weights(bits, group, flat.shape)).reshape(words.shape)


def _largest(words: NDArray[np.float32], columns: int, scratch: Scratch) -> NDArray[np.uint32]:
    """Bits of each block's largest magnitude, NaN above Inf above all: one per block."""
    # As int32, which NumPy compares twice as fast as uint32; the sign bit is clear.
    bits = scratch("magnitudes", words.shape, np.int32)
    np.bitwise_and(words.view(np.int32), _MAGNITUDE, out=bits)
    n, block_rows, rows, _ = words.shape
    found = (np.maximum.reduce(bits, axis=2) if rows > 1 else bits).reshape(-1)
    # Neighbours pair by pair: long strided passes cost half of a reduction over a short axis.
    while columns % 2 == 0:
        columns, half = columns // 2, scratch(f"pairs of {columns}", (found.size // 2,), np.int32)
        found = np.maximum(found[0::2], found[1::2], out=half)
    if columns > 1:
        found = np.maximum.reduce(found.reshape(-1, columns), axis=1)
    return found.reshape(n, block_rows, -1).view(np.uint32)


def _unscaled(
    words: NDArray[np.float32], byte: NDArray[np.uint8], dtype: Any, flush: bool, scratch: Scratch
) -> NDArray[Any]:
    """Elements in the element format's own scale, v / 2**s; shape of ``words``.

    The product is exact, or so small that it rounds to code 0.
    """
    columns = words.shape[-1] // byte.shape[-1]
    v = scratch("elements", words.shape, dtype)
    np.multiply(words, spread(_FACTORS[dtype][byte], columns), out=v)
    if flush:
        v *= (words.view(np.int32) & _MAGNITUDE) >= _LEAST_NORMAL
    return v


def _nearest(
    words: NDArray[np.float32], byte: NDArray[np.uint8], fmt: BlockFormat, scratch: Scratch
) -> NDArray[Any]:
    """Codes in the low bits of unsigned words, by the adder, nearest even; shape of ``words``."""
    element = fmt.element
    adder = _adder(element, fmt.overflow)
    flush = int(byte.min()) < 2 - element.unit_exponent  # a subnormal word could reach code 1
    v = _unscaled(words, byte, adder.dtype, flush, scratch)
    v.clip(-adder.limit, adder.limit, out=v)
    found = v.view(adder.unsigned)
    index = scratch("index", v.shape, np.intp)
    np.right_shift(found, adder.mantissa_bits, out=index, casting="unsafe")
    # Every index is in range; of NumPy's modes "wrap" is the fast one.
    constants = scratch("constants", v.shape, adder.dtype)
    v += np.take(adder.constants, index, mode="wrap", out=constants)
    if element.bits not in (8, 16):
        found &= adder.unsigned((1 << element.bits) - 1)
    return found  # the code in the low bits, the adder's rest above


class _Adder(NamedTuple):
    """What rounds by one addition.

    Attributes:
        dtype: float32 where ``v + C`` stays inside its range for every v that matters, or float64.
        unsigned: the unsigned integer of the same width.
        mantissa_bits: of the float type.
        constants: C for each sign and biased exponent of the float type.
        limit: where larger magnitudes are clipped to, so that they saturate or reach Inf or NaN.
    """

    dtype: type[np.floating]
    unsigned: type[np.unsignedinteger]
    mantissa_bits: int
    constants: NDArray[np.floating]
    limit: np.floating


@cache
def _adder(element: ElementFormat, overflow: Overflow) -> _Adder:
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
    constants = np.concatenate([positive, negative])
    return _Adder(dtype, unsigned, int(info.nmant), constants, dtype(limit))


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
    words: NDArray[np.float32],
    byte: NDArray[np.uint8],
    fmt: BlockFormat,
    draws: NDArray[np.int64],
    random_bits: int,
    scratch: Scratch,
) -> NDArray[Any]:
    """Codes by stochastic rounding; shape of ``words``."""
    element = fmt.element
    v = _unscaled(words, byte, np.float64, True, scratch)
    v[~np.isfinite(v)] = 0.0
    exponent = np.where(v == 0, -1024, np.frexp(v)[1].astype(np.int64) - 1)
    spacing, offset = _spacing(element, exponent)
    # v has 24 bits, the draw too: where float64 rounds their sum, it does not reach an integer.
    steps = np.ldexp(np.abs(v), random_bits - spacing) + draws
    magnitude = offset + np.floor(np.ldexp(steps, -random_bits)).astype(np.int64)
    magnitude = np.minimum(magnitude, element.limit_code(fmt.overflow))
    negative = np.signbit(v)
    if element.twos_complement:
        found = np.where(negative, -magnitude, magnitude) & ((1 << element.bits) - 1)
    else:
        found = magnitude | np.where(negative, element.sign_mask, 0)
    return found.astype(element.code_dtype)
