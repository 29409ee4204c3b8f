"""``mx.mx_ops`` and ``mx.elemwise_ops`` on a CPU: words, and blocks by the rule FLOOR."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from comparison import (
    ELEMENTS,
    FLUSHES,
    Comparison,
    all_blocks,
    bf16_words,
    blocks,
    decoded,
    pooled,
    unsigned_zeros,
)
from mx.elemwise_ops import _quantize_elemwise
from mx.mx_ops import quantize_mx_op
from mxsf.golden import INT8, Rounding, quantize
from numpy.typing import NDArray

FORMATS = (*ELEMENTS, INT8)
LOGARITHM = (
    "[2](numerics.md#2-scale): exponents come from the bits; there from a rounded logarithm, one "
    "more just below a power of two"
)
WHOLE_BLOCK = (
    "[3](numerics.md#3-encoding): subnormal words are zero; there a block is, where its largest "
    "word is subnormal"
)


def peer(element: Any) -> str:
    """The name that a format has there."""
    return element.name if element is INT8 else f"fp{element.bits}_{element.name}"


def mx(
    data: NDArray[np.float32], element: Any, rounding: str, flush: bool = False
) -> NDArray[np.float64]:
    """Values of blocks of 32 after quantization there."""
    specs = {
        "scale_bits": 8,
        "block_size": 32,
        "shared_exp_method": "max",
        "mx_flush_fp32_subnorms": flush,
        "custom_cuda": False,
    }
    x = torch.from_numpy(data.copy())
    return unsigned_zeros(quantize_mx_op(x, specs, peer(element), axes=[-1], round=rounding))


def words() -> Iterator[tuple[Any, Any, Any]]:
    """Every word as a single value, nearest even."""
    every = bf16_words()
    for element in FORMATS:
        x = torch.from_numpy(every.copy())
        theirs = _quantize_elemwise(x, peer(element), round="even", saturate_normals=True)
        ours = unsigned_zeros(element.decode(element.encode(every)))
        yield ours, unsigned_zeros(theirs), ours


def elements(flush: bool) -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 32, nearest even."""
    data = all_blocks()
    largest = np.abs(data).max(axis=1).astype(np.float64)
    largest[largest == 0] = 2.0**-126
    logarithms = np.floor(np.log2(largest).astype(np.float32)).astype(np.int32)
    for element in FORMATS:
        exponents = np.maximum(logarithms - element.emax, -127)
        expected = decoded(data, element, exponents, exponents)
        if flush:
            expected[logarithms <= -127] = 0
        ours = unsigned_zeros(quantize(data, element, (1, 32)).dequantize())
        yield ours, mx(data, element, "even", flush), expected


def half_away() -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 32 words, none of them subnormal, half away from zero."""
    data = blocks()
    subnormal = (data != 0) & (np.abs(data) < 2.0**-126)
    data = data[~subnormal.any(axis=1)]
    for element in FORMATS:
        away = quantize(data, element, (1, 32), rounding=Rounding.HALF_AWAY)
        ours = unsigned_zeros(away.dequantize())
        yield ours, mx(data, element, "nearest"), ours


def not_finite() -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 32 that hold Inf, -Inf or NaN."""
    data = blocks(seed=2, count=300)
    for kind, value in enumerate((np.inf, -np.inf, np.nan)):
        data[kind::3, kind] = value
    for element in FORMATS:
        ours = quantize(data, element, (1, 32)).dequantize()
        yield ours, mx(data, element, "even"), ours


def compare() -> Iterator[Comparison]:
    """Compare with microxcaling."""
    yield pooled("microxcaling", "every word, even, six formats", words())
    what = "FLOOR: elements of blocks, even, six formats"
    yield pooled("microxcaling", what, elements(flush=False), (FLUSHES, LOGARITHM))
    yield pooled("microxcaling", f"{what}, flush", elements(flush=True), (WHOLE_BLOCK, LOGARITHM))
    what = "FLOOR: elements of blocks without subnormal words, nearest, six formats"
    yield pooled("microxcaling", what, half_away())
    what = "FLOOR: elements of blocks that hold Inf or NaN, six formats"
    yield pooled("microxcaling", what, not_finite())
