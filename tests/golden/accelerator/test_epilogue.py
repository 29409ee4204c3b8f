"""Scale, ReLU and mask on every exponent and shift, against exact arithmetic."""

import numpy as np
import pytest
import reference
from mxsf.golden import FORMATS
from mxsf.golden.accelerator.epilogue import is_zero, relu, scale

MANTISSAS = (0, 1, 0x400000, 0x7FFFFF)
SHIFTS = range(-128, 128)


def every_exponent():
    """FP32 bits of both signs, all exponents, some mantissas: Inf, NaN and subnormals too."""
    exponents = np.arange(256, dtype=np.uint32)[:, None] << 23
    positive = (exponents | np.uint32(MANTISSAS)).reshape(-1)
    return np.concatenate([positive, positive | 0x80000000])


@pytest.mark.parametrize("negate", [False, True])
def test_every_exponent_and_shift(negate):
    words = every_exponent().view(np.float32)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        exact = words.astype(np.float64)
    for shift in SHIFTS:
        expected = np.ldexp(
            np.where(np.abs(words) < 2.0**-126, np.copysign(0, exact), exact), shift
        )
        expected *= -1 if negate else 1
        small, large = np.abs(expected) < 2.0**-126, np.abs(expected) >= 2.0**128
        expected[small] = np.copysign(0, expected[small])
        expected[large] = np.copysign(np.inf, expected[large])
        expected[np.isnan(words)] = np.nan
        bits = expected.astype(np.float32).view(np.uint32)
        np.testing.assert_array_equal(scale(words, shift, negate).view(np.uint32), bits)


def test_relu():
    words = every_exponent().view(np.float32)
    kept = words[~(words > 0) & ~np.isnan(words)]
    assert (relu(kept).view(np.uint32) == 0).all()
    others = words[(words > 0) | np.isnan(words)]
    np.testing.assert_array_equal(relu(others).view(np.uint32), others.view(np.uint32))


def test_the_reference_agrees():
    rng = np.random.default_rng(0)
    for bits in rng.choice(every_exponent(), 300):
        shift, negate, positive = int(rng.integers(-128, 128)), *(rng.random(2) < 0.5)
        word = scale(np.array([bits]).view(np.float32), shift, bool(negate))
        word = relu(word) if positive else word
        expected = reference.epilogue(int(bits), shift, bool(negate), bool(positive))
        assert int(word.view(np.uint32)[0]) == expected, (hex(bits), shift, negate, positive)


@pytest.mark.parametrize("element", FORMATS.values(), ids=str)
def test_zeros_of_either_sign(element):
    codes = np.arange(1 << element.bits)
    expected = [reference.value(element, int(code)) == 0 for code in codes]
    assert is_zero(codes, element).tolist() == expected
    assert sum(expected) == (1 if element.twos_complement else 2)
