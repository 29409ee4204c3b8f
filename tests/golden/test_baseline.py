"""Golden baselines against plain Python on exact fractions, written from section 8 alone."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import reference
from mxsf.golden.baseline import dot_bf16

TWO = Fraction(2)
NAN, INF = 0x7FC00000, 0x7F800000
METHODS = [("tree", 26), ("window", 8), ("window", 15), ("window", 24), ("window", 26)]
METHODS += [("window", 32)]


def plain(bits):
    """Value of FP32 bits as a Fraction, or a float where infinite or NaN; subnormals are zero."""
    if bits >> 23 & 255 == 255:
        return float("nan") if bits & 0x7FFFFF else (-1 if bits >> 31 else 1) * float("inf")
    return reference.word_value(bits) if bits >> 23 & 255 else Fraction(0)


def as_fp32(value, negative, truncate=False):
    """FP32 bits of a number, rounded with unbounded exponent, then flushed; a zero has a sign."""
    if isinstance(value, float):
        return NAN if value != value else reference.word_bits(value)
    sign = 0x80000000 if negative else 0
    if value == 0:
        return sign
    step = TWO ** (reference.exponent_of(abs(value)) - 23)
    count = abs(value) // step if truncate else round(abs(value) / step)
    if count * step < TWO**-126:
        return sign
    if count * step >= TWO**128:
        return sign | INF
    return sign | reference.word_bits(float(count * step))


def multiply(a, b):
    if isinstance(a, float) or isinstance(b, float):  # any Inf or NaN
        sides = [float(x > 0) - float(x < 0) if isinstance(x, Fraction) else x for x in (a, b)]
        return sides[0] * sides[1]
    return a * b


def add(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return (a if isinstance(a, float) else 0.0) + (b if isinstance(b, float) else 0.0)
    return a + b


def expected_tree(a, b, acc):
    level = []
    for x, y in zip(a, b, strict=True):
        product = multiply(plain(x), plain(y))
        level.append(as_fp32(product, product < 0))
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [one_addition(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return one_addition(level[0], acc)


def one_addition(x, y):
    total = add(plain(x), plain(y))
    return as_fp32(total, total < 0)


def expected_window(a, b, acc, window):
    values = [multiply(plain(x), plain(y)) for x, y in zip(a, b, strict=True)] + [plain(acc)]
    if any(isinstance(value, float) for value in values):
        total = 0.0
        for value in values:
            total = add(total, value) if isinstance(value, float) else total
        return as_fp32(total, False)
    exponents = [(x >> 23 & 255) - 127 + (y >> 23 & 255) - 127 for x, y in zip(a, b, strict=True)]
    exponents.append((acc >> 23 & 255) - 127)
    taking = [e for e, value in zip(exponents, values, strict=True) if value != 0]
    if not taking:
        return 0
    unit = TWO ** (max(taking) - (window - 1))
    total = sum((abs(v) // unit * (-1 if v < 0 else 1) for v in values), Fraction(0)) * unit
    return as_fp32(total, total < 0, truncate=True)


def expected(a, b, acc, method, window):
    a, b = ([int(word) << 16 for word in words] for words in (a, b))
    if method == "tree":
        return expected_tree(a, b, int(acc))
    return expected_window(a, b, int(acc), window)


def found_bits(a, b, acc, method, window):
    left, right = (np.asarray(x, np.uint16).view(ml_dtypes.bfloat16) for x in (a, b))
    start = np.asarray(acc, np.uint32).view(np.float32)
    sums = dot_bf16(left, right, start, method, window)
    assert sums.dtype == np.float32
    return sums.view(np.uint32)


def words(random, shape, kind):
    """BF16 words: any bits; near one; few bits (ties); small; large; a wide range."""
    bits = random.integers(0, 1 << 16, shape)
    sign, mantissa = bits & 0x8000, bits & 0x7F
    centre = [127, 127, 127, 63, 190, 127][kind]
    spread = [1, 4, 14, 6, 6, 60][kind]
    exponent = centre + random.integers(-spread, spread + 1, shape)
    if kind == 2:
        mantissa &= 0x60
    made = sign | exponent << 7 | mantissa
    made = np.where(random.random(shape) < 0.1, sign | (bits & 0x7F), made)  # zero or subnormal
    return bits if kind == 0 else made


def cases(length, count, seed):
    """Words and accs: random, cancelling, with an acc near, far or opposite."""
    random = np.random.default_rng(seed)
    for number in range(count):
        kind = number % 6
        a, b = words(random, length, kind), words(random, length, kind)
        if number % 4 == 1 and length > 1:  # all but the first cancel
            half = length // 2
            a[half : 2 * half], b[half : 2 * half] = a[:half] ^ 0x8000, b[:half]
            a[0] ^= random.integers(0, 3)
        if number % 7 == 0:
            random.shuffle(a)
        with np.errstate(all="ignore"):
            left, right = (np.uint16(x).view(ml_dtypes.bfloat16).astype(float) for x in (a, b))
            total = (left * right).sum()
            beside = np.ldexp(total, int(random.integers(-30, 31)))
            tie = np.ldexp(float(random.integers(1 << 23, 1 << 24)), np.frexp(total)[1])
            acc = [
                np.float32(0),
                np.float32(-total),
                np.float32(-total).view(np.uint32) + random.integers(-3, 4),
                np.float32(beside),
                np.float32(tie),
                random.integers(0, 1 << 32, dtype=np.uint32),
            ][number % 5 if kind else 5]
        acc = acc.view(np.uint32) if isinstance(acc, np.float32) else np.uint32(int(acc) % 2**32)
        yield a, b, acc


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 32])
@pytest.mark.parametrize(("method", "window"), METHODS)
def test_is_what_the_contract_says(method, window, length):
    for a, b, acc in cases(length, 400 if length < 32 else 150, length):
        bits = int(found_bits(a, b, acc, method, window))
        assert bits == expected(a, b, acc, method, window), (list(a), list(b), hex(acc))


def bf16(*values):
    return [int(np.array(v, ml_dtypes.bfloat16).view(np.uint16)) for v in values]


def fp32(value):
    return int(np.float32(value).view(np.uint32))


BIG = 3.0e38  # rounds to a BF16 below the largest


@pytest.mark.parametrize(
    ("a", "b", "acc", "tree", "window"),
    [
        ([np.nan, 0], [0, 0], 0.0, NAN, NAN),
        ([np.inf, 1], [0, 1], 0.0, NAN, NAN),  # Inf * 0
        ([np.inf, 1], [1e-40, 1], 0.0, NAN, NAN),  # Inf * subnormal
        ([np.inf, -np.inf], [1, 1], 0.0, NAN, NAN),
        ([np.inf, 1], [-1, 1], 0.0, 0xFF800000, 0xFF800000),
        ([np.inf, 1], [1, 1], -np.inf, NAN, NAN),
        ([1, 1], [1, 1], -np.inf, 0xFF800000, 0xFF800000),
        ([1, 1], [1, 1], np.nan, NAN, NAN),
        ([1, -1], [1, 1], 0.0, 0, 0),
        ([-0.0, -0.0], [1, 1], -0.0, 0, 0),
        ([0, 0], [0, 0], 2.0**-127, 0, 0),
        ([-0.0, 0], [BIG, BIG], 1.0, fp32(1), fp32(1)),  # a zero has no exponent
        ([BIG, -BIG], [2, 2], 1.0, NAN, 0),  # products beyond FP32, the window cuts acc
        ([BIG, -BIG], [2, 1], 0.0, INF, fp32(np.float32(ml_dtypes.bfloat16(BIG)))),
        ([BIG, BIG], [1, 1], 0.0, INF, INF),
        ([2.0**-80, 2.0**-80], [2.0**-47, 2.0**-47], 0.0, 0, fp32(2.0**-126)),  # flushed, or not
        ([2.0**-80, 1], [-(2.0**-47), 0], 0.0, 0, 0x80000000),  # -0 + 0 is +0; flushed has a sign
        ([1.5, 1], [-(2.0**-126), 2.0**-126], 0.0, 0, 0x80000000),  # a flushed sum, then acc
        ([1.5], [-(2.0**-126)], 2.0**-126, 0x80000000, 0x80000000),
        ([1, 2.0**-24], [1, 1], 0.0, fp32(1), fp32(1)),  # a tie
        ([1.0078125, 2.0**-24], [1, 1.0078125], 0.0, fp32(1.0078125 + 2.0**-23), fp32(1.0078125)),
        ([-1, -(2.0**-24)], [1, 1.5], 0.0, fp32(-1 - 2.0**-23), fp32(-1)),  # truncated
    ],
)
def test_special_and_range_cases(a, b, acc, tree, window):
    a, b, acc = bf16(*a), bf16(*b), fp32(acc)
    for method, bits in (("tree", tree), ("window", window)):
        assert int(found_bits(a, b, acc, method, 26)) == bits, method
        assert expected(a, b, acc, method, 26) == bits, method


@pytest.mark.parametrize("method", ["tree", "window"])
def test_broadcasts(method):
    random = np.random.default_rng(0)
    a, b = random.standard_normal((3, 1, 8)), random.standard_normal((4, 8))
    acc = random.standard_normal((2, 1, 1))
    sums = dot_bf16(a, b, acc, method)
    assert sums.shape == (2, 3, 4)
    assert sums[1, 2, 3] == dot_bf16(a[2, 0], b[3], acc[1, 0, 0], method)


def test_inputs_are_rounded_first():
    assert dot_bf16([1 + 2.0**-8], [1.0], 2.0**-30 + 1) == 2.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: dot_bf16([1, 2], [1, 2]), TypeError, "float array is needed"),
        (lambda: dot_bf16([1.0], [1.0, 2.0]), ValueError, "blocks must agree, not 1 and 2"),
        (lambda: dot_bf16(1.0, [1.0]), ValueError, "block axis"),
        (lambda: dot_bf16([1.0], [1.0], method="sum"), ValueError, "tree or window, not 'sum'"),
        (lambda: dot_bf16([1.0], [1.0], window=7), ValueError, "window must be 8 to 32 bits"),
    ],
)
def test_bad_operands(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(("method", "part"), [("tree", "rounded"), ("window", "_window")])
def test_a_planted_bug_is_caught(monkeypatch, method, part):
    """Gradual underflow in place of the flush; one bit less in the window."""
    import mxsf.golden.baseline as module

    good = getattr(module, part)
    if part == "rounded":
        monkeypatch.setattr(module, part, lambda value, word: np.float32(value))
    else:
        monkeypatch.setattr(module, part, lambda p, e, s, w: good(p, e, s, w - 1))
    with np.errstate(all="ignore"):
        wrong = sum(
            int(found_bits(a, b, acc, method, 26)) != expected(a, b, acc, method, 26)
            for a, b, acc in cases(4, 200, 1)
        )
    assert wrong
