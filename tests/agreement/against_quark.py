"""``quark.torch.kernel`` on a CPU: words, scales by EVEN, blocks by three rules, MX9 and MX6.

Importing it compiles its C++ sources once, which takes half a minute.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import quark.torch.kernel  # noqa: F401  (registers torch.ops.quark)
import torch
from comparison import (
    ELEMENTS,
    FLUSHES,
    Comparison,
    all_blocks,
    bf16_words,
    blocks,
    decoded,
    magnitudes,
    pooled,
    unsigned_zeros,
)
from mxsf.golden import E4M3, E5M2, INT8, MX6, MX9, Rounding, ScaleRule, quantize
from mxsf.golden.formats.scale_rule import scale_codes
from numpy.typing import NDArray
from quark.torch.quantization.utils import even_round

INFINITE = "[2](numerics.md#2-scale): a block that holds Inf has byte 0xFF; there 0xFE"
ROUNDS_TO_INFINITY = (
    "[2](numerics.md#2-scale): what EVEN rounds up to 2^128 has an exponent as any other; there it "
    "is Inf, byte 0xFE"
)
ZEROS = "[2](numerics.md#2-scale): a block of zeros has byte 0; there, for INT8, byte 1"
INT8_BITS = "[2](numerics.md#2-scale): EVEN has 6 mantissa bits for INT8; there 8"
LOGARITHM = (
    "[2](numerics.md#2-scale): exponents come from the bits; there from a rounded logarithm, which "
    "near a power of two is that power's"
)
UNBOUNDED = (
    "[2](numerics.md#2-scale): s is at least -127; there 2^s is any FP32 number, and 2^-23 where "
    "it would be 0"
)
INT8_STEP = (
    "[2](numerics.md#2-scale): s is at least -127; there, for INT8, -120: its step 2^(s-6) is no "
    "subnormal number"
)


def peer(element: Any) -> str:
    """The name that a format has there."""
    if element is INT8:
        return "int8"
    return "fp4" if element.bits == 4 else f"fp{element.bits}_{element.name}"


def exponents_by(rule: ScaleRule, largest: NDArray[np.float32], element: Any) -> NDArray[np.int32]:
    """Exponents of the scales of blocks by a rule, where Quark follows its own."""
    if rule is ScaleRule.EVEN:
        bits = 8 if element is INT8 else element.rounding_bits
        biased = (largest.view(np.int32).astype(np.int64) + (1 << (22 - bits))) >> 23
        biased[largest == 0] = 1
        return np.where(biased < 0xFF, biased - 127 - element.emax, 127).clip(-127, 127)
    with np.errstate(divide="ignore"):
        logarithms = np.log2(largest.astype(np.float64)).astype(np.float32)
    whole = np.floor(logarithms) if rule is ScaleRule.FLOOR else np.ceil(logarithms)
    exponents = whole - element.emax
    return np.where(exponents < -149, -23, exponents).astype(np.int32)


def words() -> Iterator[tuple[Any, Any, Any]]:
    """Every word as a single value."""
    every = bf16_words()
    for element in ELEMENTS:
        x = torch.from_numpy(every.copy())
        if element in (E4M3, E5M2):
            theirs = getattr(torch.ops.quark, f"quant_fp8_{element.name}")(x).float()
        else:
            widths = element.exponent_bits, element.mantissa_bits
            theirs = torch.ops.quark.fake_quantize_to_low_precision_fp(
                x, *widths, element.largest, 0
            )
        ours = unsigned_zeros(element.decode(element.encode(every)))
        yield ours, unsigned_zeros(theirs), ours


def scales(formats: tuple[Any, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """Scale bytes by EVEN."""
    for element in formats:
        largest = magnitudes(element.largest)
        theirs = even_round(torch.from_numpy(largest.copy()), peer(element)).log2() + 127
        theirs[theirs.isnan()] = 0xFF
        expected = exponents_by(ScaleRule.EVEN, largest, element) + 127
        expected[np.isnan(largest)] = 0xFF
        yield scale_codes(largest.view(np.uint32), element, ScaleRule.EVEN), theirs, expected


def elements(rule: ScaleRule, formats: tuple[Any, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 32 by a rule."""
    data = all_blocks()
    largest = np.abs(data).max(axis=1)
    for element in formats:
        x = torch.from_numpy(data.copy())
        theirs = torch.ops.quark.non_scaled_fake_quantize(
            x, "mx", peer(element), -1, 32, rule.value
        )
        ours = quantize(data, element, (1, 32), rule).dequantize()
        exponents = exponents_by(rule, largest, element)
        if element is INT8:
            exponents = np.maximum(exponents, -120)
        expected = decoded(data, element, exponents, exponents)
        yield unsigned_zeros(ours), unsigned_zeros(theirs), expected


def two_levels() -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 16 with microexponents, nearest even."""
    data = blocks()
    for fmt in (MX9, MX6):
        x = torch.from_numpy(data.copy())
        theirs = torch.ops.quark.non_scaled_fake_quantize(x, fmt.name, "", -1, 16)
        ours = quantize(data, fmt, rounding=Rounding.NEAREST_EVEN).dequantize()
        yield unsigned_zeros(ours), unsigned_zeros(theirs), unsigned_zeros(ours)


def compare() -> Iterator[Comparison]:
    """Compare with Quark."""
    yield pooled("quark", "every word, five formats", words())
    rules = (INFINITE, ROUNDS_TO_INFINITY)
    yield pooled("quark", "EVEN: scale bytes, five formats", scales(ELEMENTS), rules)
    rules = (*rules, ZEROS, INT8_BITS)
    yield pooled("quark", "EVEN: scale bytes, int8", scales((INT8,)), rules)
    for rule in (ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.EVEN):
        even = rule is ScaleRule.EVEN
        rules = (FLUSHES,) if even else (FLUSHES, LOGARITHM, UNBOUNDED)
        what = f"{rule.name}: elements of blocks, five formats"
        yield pooled("quark", what, elements(rule, ELEMENTS), rules)
        rules = (*rules, INT8_STEP, *((INT8_BITS,) if even else ()))
        what = f"{rule.name}: elements of blocks, int8"
        yield pooled("quark", what, elements(rule, (INT8,)), rules)
    yield pooled("quark", "MX9, MX6: elements of blocks of 16, half even", two_levels())
