"""Section 10 of docs/numerics.md in plain Python, on exact fractions.

Scales with a mantissa, factors and 4/6, by thresholds and by searches among all codes: the golden
model divides. Beside ``reference``, which has sections 1 to 4.
"""

from bisect import bisect_left
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise

import reference
from mxsf.golden import ElementFormat, ScaleFormat
from reference import TWO


@cache
def scale_values(scale: ScaleFormat) -> list[Fraction]:
    """What each code but NaN means, by the definition of a float."""
    values = []
    for code in range(scale.nan_code):
        exponent, mantissa = divmod(code, 2**scale.mantissa_bits)
        fraction = Fraction(mantissa, 2**scale.mantissa_bits)
        if scale.subnormals and exponent == 0:
            values.append(TWO ** (1 - scale.bias) * fraction)
        else:
            values.append(TWO ** (exponent - scale.bias) * (1 + fraction))
    return values


def nearest_scale(quotient: Fraction, scale: ScaleFormat) -> int:
    """The nearest code, ties to the even one."""
    values = scale_values(scale)
    return min(range(len(values)), key=lambda code: (abs(values[code] - quotient), code % 2))


def scale_above(quotient: Fraction, scale: ScaleFormat) -> int:
    """The least code that is not below; the last one where all are."""
    values = scale_values(scale)
    return next((c for c, value in enumerate(values) if value >= quotient), len(values) - 1)


@cache
def thresholds(unit: Fraction, element: ElementFormat) -> list[Fraction]:
    """Where each code gives way to the next."""
    return [(low + high) / 2 * unit for low, high in pairwise(reference.steps(element))]


def element_code(magnitude: Fraction, unit: Fraction, element: ElementFormat) -> int:
    """How many thresholds a magnitude passes; one that it equals, where the next code is even."""
    if magnitude == 0:
        return 0
    passed = thresholds(unit, element)
    code = bisect_left(passed, magnitude)
    return code + (code < len(passed) and passed[code] == magnitude and code % 2)


def quantize_block(
    words: list[int],
    element: ElementFormat,
    scale: ScaleFormat,
    factor: Fraction = Fraction(1),
    choose: Callable[[Fraction, ScaleFormat], int] = nearest_scale,
    least: int = 1,
    largest: Fraction | None = None,
) -> tuple[int, list[int]]:
    """Scale code and codes of a block of FP32 bits; ``largest`` is what its largest comes to."""
    words = [bits if (bits >> 23) % 256 else bits & 0x80000000 for bits in words]  # flush
    top = max(bits % 2**31 for bits in words)
    if top >> 23 == 255:
        return scale.nan_code, [0] * len(words)
    code = 0
    if top:
        largest = reference.largest(element) if largest is None else largest
        code = max(choose(reference.word_value(top) / (largest * factor), scale), least)
    unit = scale_values(scale)[code] * factor
    codes = [element_code(abs(reference.word_value(bits)), unit, element) for bits in words]
    signs = [bool(bits >> 31) for bits in words]
    return code, [reference.signed_code(element, *pair) for pair in zip(codes, signs, strict=True)]


def four_six(
    words: list[int], element: ElementFormat, scale: ScaleFormat, factor: Fraction
) -> tuple[int, list[int]]:
    """Of the blocks that bring the largest magnitude to 6 and to 4, that of the smaller error."""
    found = []
    for largest in (Fraction(6), Fraction(4)):
        code, codes = quantize_block(words, element, scale, factor, largest=largest)
        if code == scale.nan_code:
            return code, codes
        unit, error = scale_values(scale)[code] * factor, Fraction(0)
        for bits, item in zip(words, codes, strict=True):
            value = reference.value(element, item)
            assert isinstance(value, Fraction)
            flushed = reference.word_value(bits) if (bits >> 23) % 256 else Fraction(0)
            error += (flushed - value * unit) ** 2
        found.append((error, code, codes))
    return min(found, key=lambda block: block[0])[1:]  # the first of equal ones
