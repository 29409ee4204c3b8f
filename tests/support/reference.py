"""The contract of docs/numerics.md sections 1 to 4 and 9 in plain Python, on exact fractions.

Nothing here comes from the golden model but the descriptor of a format (its widths and bias): the
tests hold the golden model against this file. It is written to be read beside the document, and
slow: every magnitude of a format is a Fraction, and a code is found by a search in all of them.
"""

import struct
from bisect import bisect_right
from fractions import Fraction
from functools import cache

from mxsf.golden import ElementFormat, ScaleRule

INF = float("inf")
TWO = Fraction(2)


def exponent_of(value: Fraction) -> int:
    """The exponent of a positive number: 2**exponent <= value < 2**(exponent + 1)."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if TWO**exponent <= value else exponent - 1


# Section 1: element formats


def plain_magnitude(element: ElementFormat, code: int) -> Fraction:
    """Value of a magnitude code by the textual formula, special codes read as plain numbers."""
    exponent_bits, mantissa_bits, bias = element.exponent_bits, element.mantissa_bits, element.bias
    assert bias is not None
    field, mantissa = divmod(code, 2**mantissa_bits)
    if exponent_bits == 0:
        return mantissa * TWO**-bias
    if field > 0:
        return TWO ** (field - bias) * (1 + Fraction(mantissa, 2**mantissa_bits))
    if element.subnormal is None:
        return TWO ** (1 - bias) * Fraction(mantissa, 2**mantissa_bits)
    nested = element.subnormal
    top = exponent_of(plain_magnitude(nested, 2 ** (nested.bits - 1) - 1))
    return plain_magnitude(nested, mantissa) * TWO ** ((1 - bias) - 1 - top)


@cache
def value(element: ElementFormat, code: int) -> Fraction | float | None:
    """Value of a code: a Fraction, plus or minus infinity, or None for NaN."""
    if element.twos_complement:
        assert element.bias is not None
        signed = code - 2**element.bits if code >= 2 ** (element.bits - 1) else code
        return signed * TWO**-element.bias
    negative, magnitude = divmod(code, 2 ** (element.bits - 1))
    sign = -1 if negative else 1
    field, mantissa = divmod(magnitude, 2**element.mantissa_bits)
    if element.special == "nan" and magnitude == 2 ** (element.bits - 1) - 1:
        return None
    if element.special == "ieee" and field == 2**element.exponent_bits - 1:
        return sign * INF if mantissa == 0 else None
    return sign * plain_magnitude(element, magnitude)


@cache
def steps(element: ElementFormat, overflow: str = "saturate") -> tuple[Fraction, ...]:
    """What rounding may give, ascending; the index is the magnitude code.

    With overflow="ovf" the last one stands for Inf or NaN and has the value that its bits would
    have as a plain number.
    """
    codes = range(2 ** (element.bits - 1))
    finite = [code for code in codes if isinstance(value(element, code), Fraction)]
    if overflow == "ovf":
        finite.append(finite[-1] + 1)
    found = tuple(plain_magnitude(element, code) for code in finite)
    assert list(found) == sorted(set(found))
    return found


@cache
def largest(element: ElementFormat) -> Fraction:
    return steps(element)[-1]


def signed_code(element: ElementFormat, magnitude: int, negative: bool) -> int:
    if not negative:
        return magnitude
    if element.twos_complement:
        return -magnitude % 2**element.bits
    return magnitude + 2 ** (element.bits - 1)


# Section 2: scale


def round_fp32(number: Fraction) -> Fraction | float:
    """Nearest FP32 number, ties to even, gradual underflow; infinity beyond the largest."""
    if number == 0:
        return number
    step = TWO ** (max(exponent_of(abs(number)), -126) - 23)
    rounded = round(number / step) * step  # Python rounds a Fraction to even
    if abs(rounded) >= TWO**128:
        return INF if number > 0 else -INF
    return rounded


def scale_byte(bits: int, element: ElementFormat, rule: ScaleRule) -> int:
    """The E8M0 byte of a block, from the FP32 bits of its largest magnitude."""
    biased_exponent, mantissa = divmod(bits, 2**23)
    if biased_exponent == 255:
        return 255
    if biased_exponent == 0:  # subnormal words are flushed: a block of zeros
        return 0
    emax = exponent_of(largest(element))
    if rule is ScaleRule.FLOOR:
        exponent = biased_exponent - 127 - emax
    elif rule is ScaleRule.CEIL:
        exponent = biased_exponent - 127 - emax + (mantissa != 0)
    elif rule is ScaleRule.EVEN:
        # A format without exponent has its leading one among the mantissa bits.
        kept = element.mantissa_bits - (element.exponent_bits == 0)
        exponent = (bits + 2 ** (22 - kept)) // 2**23 - 127 - emax
    else:
        return _rceil(word_value(bits), element)
    return min(max(exponent, -127), 127) + 127


def _rceil(a: Fraction, element: ElementFormat) -> int:
    reciprocal = round_fp32(1 / largest(element))
    d = round_fp32(a * reciprocal) if isinstance(reciprocal, Fraction) else INF
    if not isinstance(d, Fraction):  # infinite: clamped
        return 254
    if d < TWO**-126:
        return 0 if d <= 0x400000 * TWO**-149 else 1
    exponent = exponent_of(d)
    return min(max(exponent + (d != TWO**exponent), -127), 127) + 127


def scale_value(byte: int) -> Fraction | None:
    """Value of an E8M0 byte, None for NaN."""
    return None if byte == 255 else TWO ** (byte - 127)


# Section 3: encoding


def word_bits(number: float) -> int:
    """FP32 bits of a number that FP32 holds."""
    return struct.unpack("<I", struct.pack("<f", number))[0]


def word_value(bits: int) -> Fraction:
    """Value of the bits of a finite FP32 word."""
    biased_exponent, mantissa = divmod(bits % 2**31, 2**23)
    magnitude = (
        TWO**-149 * mantissa
        if biased_exponent == 0
        else TWO ** (biased_exponent - 127) * (1 + Fraction(mantissa, 2**23))
    )
    return -magnitude if bits >> 31 else magnitude


def nearest(element: ElementFormat, magnitude: Fraction, overflow: str = "saturate") -> int:
    """The nearest magnitude code, ties to the even one, saturating."""
    choices = steps(element, overflow)
    below = bisect_right(choices, magnitude) - 1
    near = range(below, min(below + 2, len(choices)))
    return min(near, key=lambda code: (abs(choices[code] - magnitude), code % 2))


def stochastic(
    element: ElementFormat, magnitude: Fraction, draw: Fraction, overflow: str = "saturate"
) -> int:
    """The code of magnitude + draw * ulp, rounded down; ``draw`` lies in [0, 1)."""
    choices = steps(element, overflow)
    below = bisect_right(choices, magnitude) - 1
    if below == len(choices) - 1:
        return below
    ulp = choices[below + 1] - choices[below]
    return below + int((magnitude - choices[below]) / ulp + draw)


def quantize_block(
    words: list[int],
    element: ElementFormat,
    rule: ScaleRule = ScaleRule.FLOOR,
    overflow: str = "saturate",
    draws: list[Fraction] | None = None,
) -> tuple[int, list[int]]:
    """Scale byte and codes of one block of FP32 bits; nearest even without draws."""
    words = [bits if (bits >> 23) % 256 else bits & 0x80000000 for bits in words]  # flush
    byte = scale_byte(max(bits % 2**31 for bits in words), element, rule)
    if byte == 255:
        return byte, [0] * len(words)
    scale, codes = scale_value(byte), []
    assert scale is not None
    for index, bits in enumerate(words):
        magnitude = abs(word_value(bits)) / scale
        if draws is None:
            code = nearest(element, magnitude, overflow)
        else:
            code = stochastic(element, magnitude, draws[index], overflow)
        codes.append(signed_code(element, code, bool(bits >> 31)))
    return byte, codes


def dequantize(element: ElementFormat, code: int, byte: int) -> int:
    """FP32 bits of a code in a block of that scale."""
    element_value, scale = value(element, code), scale_value(byte)
    if element_value is None or scale is None:
        return 0x7FC00000
    negative = code >= 2 ** (element.bits - 1)
    if isinstance(element_value, Fraction):
        element_value = round_fp32(element_value * scale)
    if element_value == 0:
        return 0x80000000 if negative and not element.twos_complement else 0
    return word_bits(float(element_value))


# Section 4: block dot product with accumulation

NAN, INFINITE, SIGN = 0x7FC00000, 0x7F800000, 0x80000000
LEAST_NORMAL = TWO**-126


def number(bits: int) -> Fraction | float | None:
    """Value of the bits of an FP32 word as it is read: a subnormal is zero; None for NaN."""
    exponent, mantissa = divmod(bits % SIGN, 2**23)
    if exponent == 255:
        return None if mantissa else (-INF if bits >> 31 else INF)
    return word_value(bits) if exponent else Fraction(0)


def rounded_bits(exact: Fraction) -> int:
    """FP32 bits of an exact value, rounded once with unbounded exponent, then flushed."""
    if exact == 0:
        return 0
    sign = SIGN if exact < 0 else 0
    step = TWO ** (exponent_of(abs(exact)) - 23)
    rounded = round(abs(exact) / step) * step  # Python rounds fractions to even
    if rounded < LEAST_NORMAL:
        return sign
    if rounded >= TWO**128:
        return sign | INFINITE
    return sign | word_bits(float(rounded))


def dot_block(
    element: ElementFormat, a: list[int], a_scale: int, b: list[int], b_scale: int, acc: int
) -> int:
    """FP32 bits of acc + Sa Sb sum(a b), from codes, scale bytes and the FP32 bits of acc.

    Of formats without infinities.
    """
    start = number(acc)
    left, right = ([value(element, code) for code in codes] for codes in (a, b))
    if start is None or None in left or None in right or 255 in (a_scale, b_scale):
        return NAN
    if not isinstance(start, Fraction):
        return word_bits(start)
    total = Fraction(0)
    for x, y in zip(left, right, strict=True):
        if x and y:
            total += x * y
    return rounded_bits(start + total * TWO ** (a_scale + b_scale - 254))


# Section 9: epilogue


def epilogue(
    bits: int, shift: int = 0, negate: bool = False, relu: bool = False, masked: bool = False
) -> int:
    """FP32 bits of a word after scale, ReLU and mask, in this order."""
    word, sign = number(bits), bits & SIGN ^ SIGN * negate
    if word is None:
        bits = NAN
    elif word == 0:
        bits = sign
    elif not isinstance(word, Fraction) or abs(word) * TWO**shift >= TWO**128:
        bits = sign | INFINITE
    elif abs(word) * TWO**shift < LEAST_NORMAL:
        bits = sign
    else:
        bits = sign | word_bits(float(abs(word) * TWO**shift))
    if relu and (bits & SIGN or bits == 0):
        bits = 0
    return 0 if masked else bits
