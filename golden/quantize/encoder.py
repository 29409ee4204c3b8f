"""Encoding: float tensors to blocks of codes with one scale each.

Source: docs/numerics.md sections 2, 3 and 10.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, Rounding
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat, Overflow
from ..formats.factor import Factor
from ..formats.quotient_rule import QuotientRule, quotient_codes
from ..formats.scale_rule import ScaleRule, scale_codes
from ..formats.word import is_float
from ..slabs import Scratch, block_counts, fit, matrices, slabs, whole_blocks
from .factor import factor_of, factors_in, factors_of_slab
from .four_six import four_or_six
from .magnitude import MAGNITUDE, counted
from .micro import microexponents, weights
from .rounding import round_nearest, round_random
from .tensor import BlockTensor

__all__ = ["chosen", "quantize"]


def quantize(
    x: ArrayLike,
    element: ElementFormat | BlockFormat = MXSF,
    block: tuple[int, int] | None = None,
    rule: ScaleRule | QuotientRule | None = None,
    *,
    rounding: Rounding | None = None,
    random: ArrayLike | None = None,
    random_bits: int = 16,
    overflow: Overflow | None = None,
    factor: Factor | ArrayLike | None = None,
) -> BlockTensor:
    """Quantize a tensor: one scale per block of the last two axes, one code per element.

    Block, rule, rounding, overflow and factor that are None are those of the block format; for an
    element format they are ``(1, 32)``, ``ScaleRule.FLOOR``, ``Rounding.NEAREST_EVEN``,
    ``"saturate"`` and none. Those that are given count.

    Args:
        x: float array of one or more axes, any floating dtype (converted to FP32 first). One axis
            counts as one row. Partial blocks at the edges behave as if padded with zeros.
        element: the element format, or a block format, which brings its scale format and perhaps
            microexponents.
        block: rows and columns that share a scale; microexponents must divide them.
        rule: the scale rule.
        rounding: nearest even, stochastic, or half away.
        random: for stochastic rounding, integers in ``[0, 2**random_bits)``, the shape of x.
        random_bits: R, 1 to 24: the code is ``floor(|v| / ulp + random / 2**R)``.
        overflow: ``"saturate"`` or ``"ovf"``.
        factor: where the tensor's factor comes from; or the factor itself, floats rounded to FP32,
            of shape () or, where each row has one, (..., rows, 1) (``Factor.GIVEN``).

    Returns:
        A BlockTensor. Blocks that hold Inf or NaN have a NaN scale and codes 0, blocks of zeros
        scale code 0; subnormal words count as zero of their sign.

    Raises:
        TypeError: x is no float array, or an argument is of the wrong kind.
        ValueError: an empty tensor, a block of 0, or an argument out of range.

    >>> q = quantize(np.float32([0.3, -1.0, 7.9, 1e-3]), MXSF, (1, 4))
    >>> [hex(code) for code in q.codes], q.scales.tolist()
    (['0x19', '0xa0', '0x7f', '0x1'], [127])
    >>> from mxsf.golden import MX9
    >>> quantize(np.ones(64, np.float32), MX9).scales.shape  # its own blocks of 16
    (4,)
    >>> quantize(np.ones(64, np.float32), MX9, (1, 32)).scales.shape
    (2,)
    >>> from mxsf.golden import NVFP4
    >>> q = quantize(np.float32([5.0, -0.5, 0.1]), NVFP4)
    >>> q.codes.tolist(), q.scales.tolist(), round(2688 * float(q.factor), 5)
    ([7, 9, 0], [126], 5.0)
    """
    given = None if isinstance(factor, Factor) else factor
    source = factor if given is None else Factor.GIVEN
    fmt = chosen(
        element, block=block, rule=rule, rounding=rounding, overflow=overflow, factor=source
    )
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
    factors = factor_of(array, fmt, given)

    codes = np.empty(array.shape, fmt.element.code_dtype)
    micro = None
    if fmt.micro is not None:
        micro = np.empty(block_counts(array.shape, fmt.micro), np.uint8)
    scales = np.empty(block_counts(array.shape, fmt.block), fmt.scale.code_dtype)
    noise = None if draws is None else matrices(draws)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        bits = None if micro is None else matrices(micro)
        parts = matrices(codes), matrices(scales), bits
        _fill(matrices(array), *parts, fmt, noise, random_bits, factors_in(factors))
    return BlockTensor(codes, scales, fmt, micro, factors)


def chosen(element: ElementFormat | BlockFormat, **choices: Any) -> BlockFormat:
    """Return the block format, with what was chosen; one that becomes another loses its name."""
    fmt = element if isinstance(element, BlockFormat) else BlockFormat(element)
    changed = replace(
        fmt, name="", **{key: value for key, value in choices.items() if value is not None}
    )
    return fmt if changed == fmt else changed


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
    scales: NDArray[Any],
    micro: NDArray[np.uint8] | None,
    fmt: BlockFormat,
    draws: NDArray[Any] | None,
    random_bits: int,
    factors: NDArray[np.float64] | None,
) -> None:
    """Quantize (matrices, rows, columns) slab by slab."""
    rows, columns = block = fit(fmt.block, x.shape) if micro is None else fmt.block
    scratch = Scratch()
    for place, scale_place in slabs(x.shape, block):
        words = whole_blocks(x[place], block, np.float32, scratch)
        largest = _largest(words, columns, scratch)
        factor = None if factors is None else factors_of_slab(factors, place)
        scale = _scales(words, largest, fmt, factor, scratch)
        nan = fmt.scale.is_nan(scale)
        if micro is not None and fmt.micro is not None:
            words = _fill_micro(words, nan, micro, place, fmt.block, fmt.micro)
        if fmt.rounding is Rounding.HALF_AWAY:
            half = np.ones(words.shape, np.int64)
            rounded = round_random(words, scale, fmt, half, 1, scratch, factor)
        elif draws is None:
            rounded = round_nearest(words, scale, fmt, scratch, factor)
        else:
            noise = whole_blocks(draws[place], block, np.int64, scratch)
            rounded = round_random(words, scale, fmt, noise, random_bits, scratch, factor)
        if nan.any():
            rounded.reshape(*scale.shape[:2], rows, -1, columns).swapaxes(2, 3)[nan] = 0
        n, h, w = codes[place].shape
        whole = rounded.reshape(n, -1, rounded.shape[-1])
        np.copyto(codes[place], whole[:, :h, :w], casting="unsafe")  # the low bits
        scales[scale_place] = scale


def _scales(
    words: NDArray[np.float32],
    largest: NDArray[np.uint32],
    fmt: BlockFormat,
    factor: NDArray[np.float64] | None,
    scratch: Scratch,
) -> NDArray[Any]:
    """Scale codes of whole blocks by the format's rule."""
    if isinstance(fmt.rule, ScaleRule):
        return scale_codes(largest, fmt.element, fmt.rule, fmt.scale)
    if fmt.rule is QuotientRule.FOUR_SIX:
        return four_or_six(words, largest, fmt, factor, scratch)
    divisor = fmt.element.largest * (1.0 if factor is None else factor)
    return quotient_codes(largest, divisor, fmt.rule, fmt.scale, fmt.least)


def _fill_micro(
    words: NDArray[np.float32],
    nan: NDArray[np.bool_],
    micro: NDArray[np.uint8],
    place: tuple[slice, slice, slice],
    block: tuple[int, int],
    group: tuple[int, int],
) -> NDArray[np.float32]:
    """Microexponents of a slab, written to their place; returns its words, doubled where one is."""
    bits = microexponents(words, block, group)
    groups = nan.repeat(block[0] // group[0], axis=1).repeat(block[1] // group[1], axis=2)
    bits &= ~groups
    matrix, *axes = place
    rows, columns = (
        slice(axis.start // size, -(-axis.stop // size))
        for axis, size in zip(axes, group, strict=True)
    )
    target = micro[matrix, rows, columns]
    target[...] = bits[:, : target.shape[1], : target.shape[2]]
    flat = words.reshape(len(words), -1, words.shape[-1])
    flat = flat * counted(flat)  # before it is doubled
    return (flat / weights(bits, group, flat.shape)).reshape(words.shape)


def _largest(words: NDArray[np.float32], columns: int, scratch: Scratch) -> NDArray[np.uint32]:
    """Bits of each block's largest magnitude, NaN above Inf above all: one per block."""
    bits = scratch("magnitudes", words.shape, np.int32)
    np.bitwise_and(words.view(np.int32), MAGNITUDE, out=bits)
    n, block_rows, rows, _ = words.shape
    largest = (np.maximum.reduce(bits, axis=2) if rows > 1 else bits).reshape(-1)
    # Neighbours pair by pair: long strided passes cost half of a reduction over a short axis.
    while columns % 2 == 0:
        columns, half = columns // 2, scratch(f"pairs of {columns}", (largest.size // 2,), np.int32)
        largest = np.maximum(largest[0::2], largest[1::2], out=half)
    if columns > 1:
        largest = np.maximum.reduce(largest.reshape(-1, columns), axis=1)
    return largest.reshape(n, block_rows, -1).view(np.uint32)
