"""Scale rules: the four of E8M0 against exact fractions, and the comparators of the hardware."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import (
    E4M3,
    E5M2,
    E8M0,
    FORMATS,
    FP32,
    INT8,
    MXSF,
    ElementFormat,
    ScaleFormat,
    ScaleRule,
    parse,
)
from mxsf.golden.formats.scale_rule import comparator, scale_codes

ELEMENTS = [
    *FORMATS.values(),
    *(parse(name) for name in ("e8m7", "e4m11", "e8m0", "e3m4", "e0m1", "e0m7", "e1m0")),
    parse("e2m7+e3m4+e2m2"),
    ElementFormat("all below one", 3, 4, bias=20),
    ElementFormat("all above one", 3, 4, bias=-2),
]
ONE = 1 << 23  # units of an FP32 mantissa
INFINITY = 0x7F800000
every_rule = pytest.mark.parametrize("rule", ScaleRule, ids=lambda rule: rule.value)
every_element = pytest.mark.parametrize("element", ELEMENTS, ids=str)


def mantissas(element, rule):
    """Mantissas at which a rule may turn, and their neighbours."""
    largest = reference.largest(element)
    top = largest / reference.TWO ** reference.exponent_of(largest)
    turns = [0, ONE, int((top - 1) * ONE), ONE - (1 << (22 - element.rounding_bits)), 0x400000]
    turns += [comparator(element, rule).threshold, comparator(element, rule).threshold_low]
    near = {turn + step for turn in turns for step in (-2, -1, 0, 1, 2)}
    return np.array(sorted(m for m in near if 0 <= m < ONE))


def words(exponents, mantissas):
    return (np.asarray(exponents)[:, None] << 23 | mantissas).ravel().astype(np.uint32)


def by_comparator(bits, element, rule):
    """The byte as the hardware finds it."""
    emax, threshold, threshold_low = comparator(element, rule)
    exponent, mantissa = bits.astype(np.int64) >> 23, bits & (ONE - 1)
    rises = mantissa > np.where(exponent == emax, threshold_low, threshold)
    byte = np.clip(exponent - emax + rises, 0, 254)
    return np.where(exponent == 0, 0, np.where(exponent == 255, 255, byte))


@every_rule
@every_element
class TestRules:
    def test_equals_the_reference_at_every_exponent(self, element, rule):
        bits = words(range(256), mantissas(element, rule))
        expected = [reference.scale_byte(int(word), element, rule) for word in bits]
        scales = scale_codes(bits, element, rule)
        assert scales.dtype == np.uint8
        np.testing.assert_array_equal(scales, expected)

    def test_comparator_equals_the_rule(self, element, rule):
        every_bf16_word = np.arange(1 << 15, dtype=np.uint32) << 16
        around_thresholds = words(range(256), mantissas(element, rule))
        any_words = np.random.default_rng(0).integers(0, 1 << 31, 20_000, dtype=np.uint32)
        bits = np.concatenate([every_bf16_word, around_thresholds, any_words])
        np.testing.assert_array_equal(
            by_comparator(bits, element, rule), scale_codes(bits, element, rule)
        )

    def test_bytes_rise_with_the_magnitude(self, element, rule):
        scales = scale_codes(words(range(255), mantissas(element, rule)), element, rule)
        assert (np.diff(scales.astype(int)) >= 0).all()

    def test_zero_subnormal_infinity_nan(self, element, rule):
        bits = np.uint32([0, 1, ONE - 1, INFINITY, INFINITY + 1, 0x7FFFFFFF])
        assert scale_codes(bits, element, rule).tolist() == [0, 0, 0, 255, 255, 255]


@every_element
@pytest.mark.parametrize("rule", [ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.RCEIL], ids=str)
def test_largest_magnitude_stays_within_reach(element, rule):
    """FLOOR may saturate inside the largest binade, CEIL and RCEIL never leave the format."""
    reach = {
        ScaleRule.FLOOR: 2.0 ** (element.emax + 1),
        ScaleRule.CEIL: 2.0**element.emax,
        ScaleRule.RCEIL: element.largest * (1 + 2.0**-23),  # the quotient is rounded to FP32
    }
    bits = words(range(1, 255), [0, 1, ONE // 2, ONE - 1])
    byte = scale_codes(bits, element, rule)
    inside = byte < 254
    scaled = FP32.values(bits) / E8M0.decode(byte)
    assert (scaled <= reach[rule])[inside].all()


@pytest.mark.parametrize("element", [INT8, MXSF, E4M3, E5M2, parse("e8m7")], ids=str)
def test_rceil_where_the_quotient_is_subnormal(element):
    """Below 2**-126 the quotient has byte 0 up to 2**-127 and byte 1 above, as in hardware."""
    edge = Fraction(2) ** -127 * reference.largest(element)
    near = np.float32(float(edge)).view(np.uint32).astype(np.int64)
    bits = np.maximum(np.arange(near - 200, near + 200), ONE).astype(np.uint32)
    expected = [reference.scale_byte(int(word), element, ScaleRule.RCEIL) for word in bits]
    assert set(expected) == ({0, 1} if element.emax > 0 else {1})
    np.testing.assert_array_equal(scale_codes(bits, element, ScaleRule.RCEIL), expected)


@pytest.mark.parametrize(
    ("rule", "bytes_"),
    [
        (ScaleRule.FLOOR, [119, 119, 119, 119, 120]),
        (ScaleRule.CEIL, [119, 120, 120, 120, 120]),
        (ScaleRule.EVEN, [119, 119, 119, 120, 120]),
        (ScaleRule.RCEIL, [119, 119, 120, 120, 120]),
    ],
)
def test_rules_differ_as_the_document_says(rule, bytes_):
    a = np.float32([1.0, 1.75, 1.76, 1.94, 2.0])
    assert scale_codes(a.view(np.uint32), E4M3, rule).tolist() == bytes_


def test_just_below_a_power_of_two_is_its_own_binade():
    """There floor(log2(a)) in floating point is off by one."""
    powers = 2.0 ** np.arange(-120, 127)
    below = np.nextafter(powers.astype(np.float32), np.float32(0))
    scales = scale_codes(below.view(np.uint32), INT8)
    assert scales.tolist() == [exponent + 127 - 1 for exponent in range(-120, 127)]


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_shapes_are_kept(shape):
    scales = scale_codes(np.full(shape, 0x3F800000, np.uint32), MXSF)
    assert scales.shape == shape
    assert (scales == 125).all()


@pytest.mark.parametrize("rule", ["floor", None])
def test_rule_must_be_a_rule(rule):
    with pytest.raises(TypeError, match=f"rule must be a ScaleRule, not {rule!r}"):
        scale_codes(np.uint32(0), MXSF, rule)


def test_a_narrower_power_of_two_clamps_at_its_own_ends():
    """A scale is the same power of two in every format that has it, else the nearest one."""
    narrow = ScaleFormat("e4m0", 4, 0, bias=7, bits=4, nan_code=15, subnormals=False)
    bits = words(range(1, 255), [0, 1, ONE // 2, ONE - 1])
    wide = E8M0.decode(scale_codes(bits, MXSF))
    codes = scale_codes(bits, MXSF, scale=narrow)
    assert set(codes.tolist()) == set(range(15))
    np.testing.assert_array_equal(narrow.decode(codes), wide.clip(2.0**-7, 2.0**7))
    special = np.uint32([0, ONE - 1, INFINITY, INFINITY + 1])
    assert scale_codes(special, MXSF, scale=narrow).tolist() == [0, 0, 15, 15]


def test_rules_refuse_scales_that_are_no_powers_of_two():
    e4m3 = ScaleFormat("e4m3", 4, 3, bias=7, nan_code=127, subnormals=True)
    with pytest.raises(ValueError, match="rules choose powers of two, and e4m3 has other scales"):
        scale_codes(np.uint32(0), MXSF, scale=e4m3)
