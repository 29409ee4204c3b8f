"""Quotients rounded to odd, and rounding to few bits, against fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxsf.golden.quotient import odd_quotient, round_bits

NUMBERS = st.integers(1, (1 << 40) - 1)
POWERS = st.integers(-160, 160)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS, POWERS, st.booleans())
@example((1 << 40) - 1, (1 << 40) - 3, 0, False)
@example(3 << 20, 3, -140, True)
def test_between_the_neighbours_of_the_exact_quotient(a, b, power, negative):
    x = float(-a if negative else a) * 2.0**power
    exact = Fraction(x) / b
    found = float(odd_quotient(x, float(b)))
    if Fraction(found) == exact:
        return
    last = np.float64(found).view(np.int64) & 1
    assert last == 1
    low, high = sorted(np.nextafter(found, side) for side in (-np.inf, np.inf))
    assert Fraction(float(low)) < exact < Fraction(float(high))


def test_a_long_quotient_is_not_taken_for_a_short_one():
    """A quotient that lies nearer to 1 than to all else, but is not 1."""
    a, b = 1 + 2.0**-51, 1 + 2.0**-51 + 2.0**-52
    assert float(odd_quotient(a, b)) == 1 - 2.0**-53
    assert float(odd_quotient(-a, b)) == 2.0**-53 - 1


def test_what_is_no_number():
    found = odd_quotient([1.0, -1.0, 0.0, np.inf, np.nan, -0.0], [0.0, 0.0, 0.0, 2.0, 1.0, 3.0])
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, np.inf, np.nan, 0.0])
    assert np.signbit(found[5])


@pytest.mark.parametrize("bits", [4, 24])
def test_rounding_is_to_nearest_even(bits):
    random = np.random.default_rng(bits)
    whole = random.integers(1 << (bits - 1), 1 << bits, 300)
    parts = random.choice([0, 1, 2, 3, 4, 5, 7], 300)
    values = (8 * whole + parts) * 2.0 ** random.integers(-100, 100, 300)
    for value, n, part in zip(values, whole.tolist(), parts.tolist(), strict=True):
        up = part > 4 or (part == 4 and n % 2)
        expected = Fraction(n + up) * Fraction(value) / (8 * n + part) * 8
        assert Fraction(float(round_bits(np.array([value, -value]), bits)[0])) == expected
        assert Fraction(float(round_bits(np.array([-value]), bits)[0])) == -expected
