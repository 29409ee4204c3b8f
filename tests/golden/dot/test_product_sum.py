"""Golden product sums against plain Python on exact fractions, flags against IEEE arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import E2M1, E4M3, E5M2, FORMATS, INT8, MXSF, parse
from mxsf.golden.dot.product_sum import check_pair, product_sum, units

PAIRS = [(f, f) for f in FORMATS.values()]
PAIRS += [(MXSF, E4M3), (INT8, MXSF), (E5M2, E2M1), (parse("e5m10"), parse("e2m3+e2m1"))]
INF = float("inf")


def plain(element, code):
    """Value of a code in a sum: IEEE special codes are 0, the NaN code of E4M3 is a number."""
    value = reference.value(element, code)
    if isinstance(value, Fraction):
        return value
    if element.has_inf:
        return Fraction(0)
    magnitude = reference.plain_magnitude(element, code % element.sign_mask)
    return -magnitude if code >= element.sign_mask else magnitude


@pytest.mark.parametrize("element", [*FORMATS.values(), parse("e5m0"), parse("e0m5")], ids=str)
def test_units_are_the_values(element):
    least = Fraction(2) ** element.unit_exponent
    assert [u * least for u in units(element)] == [
        plain(element, code) for code in range(1 << element.bits)
    ]


@pytest.mark.parametrize("length", [1, 5, 32])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_sums_are_exact(pair, length):
    random = np.random.default_rng(length)
    a, b = (random.integers(0, 1 << f.bits, (40, length)) for f in pair)
    sums = product_sum(a, b, pair)
    least = Fraction(2) ** (pair[0].unit_exponent + pair[1].unit_exponent)
    for row in range(len(a)):
        expected = sum(
            plain(pair[0], int(x)) * plain(pair[1], int(y))
            for x, y in zip(a[row], b[row], strict=True)
        )
        assert int(sums.sum[row]) * least == expected
        assert tuple(bool(flag[row]) for flag in sums[1:]) == flags(a[row], b[row], pair)


def flags(a, b, pair):
    """NaN, Inf, sign of Inf, one product after the other."""
    nan, signs = False, set()
    for x, y in zip(a, b, strict=True):
        values = [reference.value(f, int(c)) for f, c in zip(pair, (x, y), strict=True)]
        infinite = [isinstance(v, float) for v in values]
        if None in values or (any(infinite) and 0 in values):
            nan = True
        elif any(infinite):
            signs.add((values[0] < 0) != (values[1] < 0))
    nan |= len(signs) == 2
    return nan, bool(signs) and not nan, signs == {True} and not nan


def test_ends_of_the_range():
    top = np.full(32, E5M2.largest_code)
    assert int(product_sum(top, top, E5M2).sum) == 32 * (7 << 29) ** 2
    assert int(product_sum(top, top | 0x80, E5M2).sum) == -32 * (7 << 29) ** 2
    low = np.full(32, 0x80)
    assert int(product_sum(low, low, INT8).sum) == 32 * 128 * 128


def test_leading_axes_broadcast():
    a, b = np.ones((3, 1, 4), int), np.ones((5, 4), int)
    assert product_sum(a, b, MXSF).sum.tolist() == [[4] * 5] * 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: product_sum([1, 2], [1], MXSF), ValueError, "last axes must agree, not 2 and 1"),
        (lambda: product_sum(1, [1], MXSF), ValueError, "last axis to sum"),
        (lambda: product_sum([256], [1], MXSF), ValueError, "mxsf codes are 0 to 255, not 256"),
        (lambda: product_sum([0.5], [1], MXSF), TypeError, "codes must be integers"),
        (lambda: check_pair("mxsf"), TypeError, "a BlockFormat or a pair of them, not 'mxsf'"),
        (lambda: check_pair((MXSF, MXSF, MXSF)), TypeError, "or a pair of them"),
        (lambda: check_pair((E4M3, parse("e6m1"))), ValueError, "5 exponent bits .* not e6m1"),
    ],
)
def test_bad_operands(call, error, message):
    with pytest.raises(error, match=message):
        call()
