"""Golden dot and matmul against plain Python on exact fractions: one rounding, nothing lost."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import E2M1, E4M3, E5M2, FORMATS, INT8, MXSF, dot, matmul, parse, quantize

PAIRS = [(f, f) for f in FORMATS.values()]
PAIRS += [(MXSF, E5M2), (E5M2, E2M1), (INT8, E4M3), (parse("e5m10"), parse("e5m10"))]
NAN = 0x7FC00000


def expected_bits(a, a_scale, b, b_scale, acc, pair):
    """FP32 bits of the contract's answer for finite codes, finite scales and a finite acc."""
    products = (reference.value(f, int(c)) for f, c in ((pair[0], x) for x in a))
    total = sum(
        (p * reference.value(pair[1], int(c)) for p, c in zip(products, b, strict=True)),
        Fraction(0),
    )
    start = Fraction(float(acc)) if abs(float(acc)) >= 2.0**-126 else Fraction(0)
    exact = start + total * Fraction(2) ** (int(a_scale) + int(b_scale) - 254)
    if exact == 0:
        return 0
    sign = 0x80000000 if exact < 0 else 0
    exponent = reference.exponent_of(abs(exact))
    step = Fraction(2) ** (exponent - 23)
    count = round(abs(exact) / step)  # Python rounds fractions to even
    rounded = count * step
    if rounded < Fraction(2) ** -126:
        return sign
    if rounded >= Fraction(2) ** 128:
        return sign | 0x7F800000
    return sign | int(np.float32(float(rounded)).view(np.uint32))


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
        found = dot(a, a_scale, b, b_scale, acc, pair)
        assert found.dtype == np.float32
        expected = expected_bits(a, a_scale, b, b_scale, acc, pair)
        assert int(found.view(np.uint32)) == expected, (a, a_scale, b, b_scale, acc)


def test_dot_broadcasts():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (3, 1, 8)), random.integers(0, 256, (4, 8))
    found = dot(a, np.full((3, 1), 127), b, np.full(4, 126), np.zeros(4))
    assert found.shape == (3, 4)
    assert found[2, 1] == dot(a[2, 0], 127, b[1], 126)


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
    big, one = [0x7F] * 4, [0x20, 0, 0, 0]
    assert dot(big, 254, big, 254) == np.inf
    assert int(dot(one, 0, [0xA0, 0, 0, 0], 126).view(np.uint32)) == 0x80000000  # flushed, signed
    assert dot(one, 0, one, 128) == np.float32(2.0**-126)


@pytest.mark.parametrize(
    ("element", "block", "other"),
    [(f, (1, 32), None) for f in FORMATS.values()]
    + [(MXSF, (8, 8), None), (MXSF, (1, 32), E4M3), (E5M2, (4, 16), MXSF), (INT8, (3, 5), None)],
    ids=str,
)
def test_matmul_is_dot_after_dot(element, block, other):
    random = np.random.default_rng(1)
    second = element if other is None else other
    x = random.standard_normal((20, 70)).astype(np.float32)
    y = random.standard_normal((70, 12)).astype(np.float32)
    x[3], y[:, 4] = x[3] * 2.0**-70, y[:, 4] * 2.0**-60  # close to the flush
    start = random.standard_normal((20, 12)).astype(np.float32)
    a, b = quantize(x, element, block), quantize(y, second, block[::-1])
    for acc in (None, start):
        found = matmul(a, b, acc)
        assert found.dtype == np.float32
        for i in (0, 3, 19):
            for j in (0, 4, 11):
                total = np.float32(0) if acc is None else acc[i, j]
                for k in range(0, 70, block[1]):
                    inner = slice(k, k + block[1])
                    scales = (
                        a.scales[i // block[0], k // block[1]],
                        b.scales[k // block[1], j // block[0]],
                    )
                    codes = a.codes[i, inner], b.codes[inner, j]
                    total = dot(codes[0], scales[0], codes[1], scales[1], total, (element, second))
                assert found[i, j].view(np.uint32) == total.view(np.uint32)


def test_matmul_gives_one_nan():
    x = quantize(np.ones((2, 2), np.float32), MXSF, (2, 2))
    acc = np.uint32([[0x7FDF9350, 0xFF800001], [0x7F800000, 0]]).view(np.float32)
    found = matmul(x, x, acc).view(np.uint32)
    assert found.tolist() == [[0x7FC00000, 0x7FC00000], [0x7F800000, 0x40000000]]


def test_matmul_lets_nan_and_inf_through():
    x = np.ones((8, 64), np.float32)
    x[2, 40] = np.inf  # its block becomes NaN
    found = matmul(quantize(x, MXSF), quantize(np.ones((64, 4), np.float32), MXSF, (32, 1)))
    assert np.isnan(found[2]).all()
    assert (found[[0, 1, 3]] == 64).all()
    codes = np.full((2, 32), 0x3C, np.uint8)
    codes[0, 0] = 0x7C
    infinite = quantize(np.ones((2, 32), np.float32), E5M2)
    infinite.codes[:] = codes
    infinite.scales[:] = 127
    found = matmul(infinite, quantize(np.ones((32, 3), np.float32), E5M2, (32, 1)))
    assert np.isposinf(found[0]).all()
    assert (found[1] == 32).all()


def test_values_beyond_fp32_are_finite_beside_special_ones():
    """A NaN block elsewhere changes no other sum, however large or small its elements are."""
    a = quantize(np.ones((3, 4), np.float32), E5M2, (1, 4))
    a.codes[:, 1:] = 0
    a.codes[0], a.codes[1, 0] = 0x7B, 0x01
    a.scales[:, 0] = 254, 0, 255
    b = quantize(np.ones((4, 2), np.float32), E5M2, (4, 1))
    b.codes[:] = [[0x3C, 0x7C], [0, 0], [0, 0], [0, 0]]
    b.scales[0] = 60, 127
    found = matmul(a, b)
    for i in range(3):
        for j in range(2):
            one = dot(a.codes[i], a.scales[i, 0], b.codes[:, j], b.scales[0, j], element=E5M2)
            assert found[i, j].view(np.uint32) == one.view(np.uint32), (i, j)
    assert np.isfinite(found[0, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dot([1, 2], 127, [1, 2, 3], 127), "blocks must agree, not 2 and 3"),
        (lambda: dot([256], 127, [1], 127), "mxsf codes are 0 to 255, not 256"),
        (lambda: dot(1, 127, [1], 127), "block axis"),
        (lambda: dot([1], 127, [1], 127, element=parse("e8m2")), "too wide for exact dot products"),
        (lambda: matmul(square((1, 4)), square((1, 4))), "blocks along K must agree"),
        (lambda: matmul(square((2, 2)), quantize(np.ones((5, 4)), MXSF, (2, 2))), "inner axes"),
        (lambda: matmul(quantize(np.ones(4), MXSF, (1, 4)), square((4, 4))), "takes matrices"),
    ],
)
def test_bad_operands(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def square(block):
    return quantize(np.ones((4, 4)), MXSF, block)


def test_a_planted_bug_is_caught(monkeypatch):
    # 1 + 2**-24 + 2**-86: without the last term it is a tie that goes down.
    case = ([0x78, 0x01], 127, [0x78, 0x01], 73, np.float32(1))
    expected = expected_bits(*case, (E5M2, E5M2))
    assert int(dot(*case, E5M2).view(np.uint32)) == expected
    monkeypatch.setattr("mxsf.golden.dot.accumulator._to_odd", lambda leading, rest: leading)
    assert int(dot(*case, E5M2).view(np.uint32)) != expected
