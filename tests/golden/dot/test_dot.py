"""Golden dot against plain Python on exact fractions: one rounding, nothing lost."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import (
    E2M1,
    E4M3,
    E5M2,
    E8M0,
    FORMATS,
    INT8,
    MXSF,
    BlockFormat,
    ScaleFormat,
    dot,
    parse,
)
from mxsf.golden.dot import accumulator

PAIRS = [(f, f) for f in FORMATS.values()]
PAIRS += [(MXSF, E5M2), (E5M2, E2M1), (INT8, E4M3), (parse("e5m10"), parse("e5m10"))]
NAN = 0x7FC00000
UE4M3 = ScaleFormat("ue4m3", 4, 3, bias=7, nan_code=0x7F, subnormals=True)
UE5M3 = ScaleFormat("ue5m3", 5, 3, bias=15, nan_code=0xFF, subnormals=True)
every_scale = pytest.mark.parametrize(
    "scales", [(E8M0, E8M0), (UE4M3, UE4M3), (UE4M3, E8M0), (E8M0, UE5M3)], ids=str
)


def expected_bits(a, a_scale, b, b_scale, acc, pair):
    """FP32 bits of the contract's answer for finite codes, finite scales and a finite acc."""
    products = (reference.value(f, int(c)) for f, c in ((pair[0], x) for x in a))
    total = sum(
        (p * reference.value(pair[1], int(c)) for p, c in zip(products, b, strict=True)),
        Fraction(0),
    )
    start = Fraction(float(acc)) if abs(float(acc)) >= 2.0**-126 else Fraction(0)
    factor = Fraction(2) ** (int(a_scale) + int(b_scale) - 254)
    return reference.rounded_bits(start + total * factor)


def finite(random, element, shape):
    codes = random.integers(0, 1 << element.bits, shape)
    codes[~np.isfinite(element.table[codes])] = 1
    return codes


def cases(pair, length, count, seed):
    """Codes, scales and acc: random, cancelling, near and far accs, at both ends of the range."""
    random = np.random.default_rng(seed)
    for number in range(count):
        a, b = finite(random, pair[0], length), finite(random, pair[1], length)
        if number % 3 == 0 and not pair[0].twos_complement:  # all but one product cancel
            half = length // 2
            a[half : 2 * half] = a[:half] ^ pair[0].sign_mask
            b[half : 2 * half] = b[:half]
            a[0] = 1
        a_scale = int(random.integers(0, 255))
        near = 254 - a_scale + int(random.integers(-6, 7))
        b_scale = int(np.clip(near, 0, 254)) if number % 4 else int(random.integers(0, 255))
        total = float((pair[0].table[a] * pair[1].table[b]).sum())
        total = float(np.ldexp(total, a_scale + b_scale - 254))
        words = random.integers(0, 1 << 32, dtype=np.uint32)
        with np.errstate(over="ignore", under="ignore"):
            acc = [
                np.float32(0),
                np.float32(-total * (1 + int(random.integers(-3, 4)) * 2.0**-24)),
                words.view(np.float32),
                np.float32(total * 2.0 ** int(random.integers(-30, 31))),
                np.float32(-0.0),
            ][number % 5]
        yield a, a_scale, b, b_scale, acc if np.isfinite(acc) else np.float32(1)


@pytest.mark.parametrize("length", [4, 32, 128])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_dot_is_rounded_once(pair, length):
    for a, a_scale, b, b_scale, acc in cases(pair, length, 60, length):
        result = dot(a, a_scale, b, b_scale, acc, pair)
        assert result.dtype == np.float32
        expected = expected_bits(a, a_scale, b, b_scale, acc, pair)
        assert int(result.view(np.uint32)) == expected, (a, a_scale, b, b_scale, acc)


def test_dot_broadcasts():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (3, 1, 8)), random.integers(0, 256, (4, 8))
    result = dot(a, np.full((3, 1), 127), b, np.full(4, 126), np.zeros(4))
    assert result.shape == (3, 4)
    assert result[2, 1] == dot(a[2, 0], 127, b[1], 126)


@pytest.mark.parametrize(
    ("a", "a_scale", "b", "acc", "bits"),
    [
        ([0x7F, 0], 127, [0x38, 0], 0.0, NAN),  # a NaN element
        ([0x38, 0], 255, [0x38, 0], 0.0, NAN),  # a NaN scale
        ([0x38, 0], 127, [0x38, 0], np.nan, NAN),
        ([0x38, 0], 127, [0x38, 0], np.inf, 0x7F800000),
        ([0x38, 0], 127, [0x38, 0], -np.inf, 0xFF800000),
        ([0, 0], 127, [0x38, 0], -0.0, 0),  # -0 + 0 is +0
        ([0x80, 0x80], 127, [0x38, 0x38], -0.0, 0),  # even -0 + -0
        ([0x38, 0], 127, [0x38, 0], -1.0, 0),
        ([0, 0], 127, [0, 0], 2.0**-127, 0),  # subnormal acc
    ],
)
def test_special_cases_of_e4m3(a, a_scale, b, acc, bits):
    assert int(dot(a, a_scale, b, 127, np.float32(acc), E4M3).view(np.uint32)) == bits


@pytest.mark.parametrize(
    ("a", "b", "acc", "bits"),
    [
        ([0x7C, 0], [0x3C, 0], 0.0, 0x7F800000),  # Inf * 1
        ([0x7C, 0], [0xBC, 0], 0.0, 0xFF800000),
        ([0x7C, 0], [0, 0], 0.0, NAN),  # Inf * 0
        ([0x7C, 0xFC], [0x3C, 0x3C], 0.0, NAN),  # Inf - Inf
        ([0x7C, 0], [0x3C, 0], -np.inf, NAN),
        ([0x7E, 0], [0x3C, 0], 0.0, NAN),
    ],
)
def test_special_cases_of_e5m2(a, b, acc, bits):
    assert int(dot(a, 127, b, 127, np.float32(acc), E5M2).view(np.uint32)) == bits


def test_range_ends():
    big, unit = [0x7F] * 4, [0x20, 0, 0, 0]
    assert dot(big, 254, big, 254) == np.inf
    assert int(dot(unit, 0, [0xA0, 0, 0, 0], 126).view(np.uint32)) == 0x80000000  # flushed, signed
    assert dot(unit, 0, unit, 128) == np.float32(2.0**-126)


@every_scale
@pytest.mark.parametrize("length", [4, 32])
@pytest.mark.parametrize("element", [MXSF, E5M2, E2M1], ids=str)
def test_scales_of_any_format_are_exact(element, length, scales):
    """A significand of each scale, and its exponent, before the one rounding."""
    random = np.random.default_rng(length)
    formats = [BlockFormat(element, scale=scale) for scale in scales]
    for number in range(60):
        a, b = (finite(random, element, length) for _ in "ab")
        codes = [int(random.integers(0, scale.nan_code)) for scale in scales]
        values = [Fraction(float(s.decode(c))) for s, c in zip(scales, codes, strict=True)]
        total = sum(
            (
                Fraction(float(element.table[x])) * Fraction(float(element.table[y]))
                for x, y in zip(a, b, strict=True)
            ),
            Fraction(0),
        )
        exact = total * values[0] * values[1]
        near = -float(exact) * (1 + int(random.integers(-3, 4)) * 2.0**-24)
        with np.errstate(over="ignore"):
            acc = np.float32([0.0, near, random.standard_normal()][number % 3])
        acc = acc if np.isfinite(acc) else np.float32(1)
        start = Fraction(float(acc)) if abs(float(acc)) >= 2.0**-126 else Fraction(0)
        result = dot(a, codes[0], b, codes[1], acc, (formats[0], formats[1]))
        assert int(result.view(np.uint32)) == reference.rounded_bits(start + exact)


@every_scale
def test_scales_are_those_of_the_format(scales):
    a, b = (BlockFormat(MXSF, scale=scale) for scale in scales)
    call = {"a_codes": [0x20], "b_codes": [0x20], "element": (a, b)}
    for side in range(2):
        codes = [1, 1]
        codes[side] = scales[side].nan_code
        result = dot(**call, a_scale=codes[0], b_scale=codes[1])
        assert int(result.view(np.uint32)) == NAN
        codes[side] += 1
        message = f"{scales[side]} scales are 0 to {scales[side].nan_code}, not {codes[side]}"
        with pytest.raises(ValueError, match=message):
            dot(**call, a_scale=codes[0], b_scale=codes[1])


def test_a_scale_of_zero():
    """It is a factor as any other: nothing of finite elements, NaN with an infinite one."""
    fmt = BlockFormat(E5M2, scale=UE4M3)
    assert dot([0x3C], 0, [0x3C], 0x38, 1.0, fmt) == 1.0
    assert int(dot([0x7C], 0, [0x3C], 0x38, 1.0, fmt).view(np.uint32)) == NAN


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dot([1, 2], 127, [1, 2, 3], 127), "blocks must agree, not 2 and 3"),
        (lambda: dot([256], 127, [1], 127), "mxsf codes are 0 to 255, not 256"),
        (lambda: dot(1, 127, [1], 127), "block axis"),
        (lambda: dot([1], 256, [1], 127), "e8m0 scales are 0 to 255, not 256"),
        (lambda: dot([1], 127, [1], -1), "e8m0 scales are 0 to 255, not -1"),
        (
            lambda: dot([1], 127, [1], 127, element=BlockFormat(MXSF, (8, 8))),
            r"blocks of one row, not \(8, 8\)",
        ),
        (lambda: dot([1], 127, [1], 127, element=parse("e8m2")), "too wide for exact dot products"),
    ],
)
def test_bad_operands(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dot([1.0], 127, [1], 127), "mxsf codes must be integers, not float64"),
        (lambda: dot([1], 127.0, [1], 127), "e8m0 scales must be integers, not float64"),
        (lambda: dot([1], 127, [1], 127, element="mxsf"), "not 'mxsf'"),  # type: ignore[arg-type]
        (lambda: dot([1], 127, [1], 127, element=(MXSF,)), "a pair of them"),  # type: ignore[arg-type]
    ],
)
def test_wrong_kinds(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_a_planted_bug_is_caught(monkeypatch):
    # 1 + 2**-24 + 2**-86: without the last term it is a tie that goes down.
    case = ([0x78, 0x01], 127, [0x78, 0x01], 73, np.float32(1))
    expected = expected_bits(*case, (E5M2, E5M2))
    assert int(dot(*case, E5M2).view(np.uint32)) == expected
    monkeypatch.setattr(accumulator, "_to_odd", lambda leading, rest: leading)
    assert int(dot(*case, E5M2).view(np.uint32)) != expected
