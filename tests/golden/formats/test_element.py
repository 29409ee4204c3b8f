"""Element formats: what every code means, and single values to codes, against exact fractions."""

import itertools
import json
from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
import pytest
import reference
from mxsf.golden import (
    BF16,
    E2M1,
    E2M3,
    E2M5,
    E3M2,
    E4M3,
    E5M2,
    FORMATS,
    FP32,
    INT8,
    MXSF,
    ElementFormat,
    parse,
)

REGISTERED = list(FORMATS.values())
PARSED = [
    *("e8m7", "e4m11", "e8m0", "e7m2", "e3m4", "e1m6", "e1m0", "e0m1", "e0m7", "e0m15"),
    *("e2m3+e2m1", "e4m3+e1m2", "e2m5+e0m5", "e2m7+e3m4+e2m2", "e2m5+e2m3+e2m1"),
]
BUILT = [
    ElementFormat("biased up", 3, 4, bias=-2),
    ElementFormat("biased down", 3, 4, bias=20),
    ElementFormat("integer with NaN", 0, 5, special="nan"),
    ElementFormat("no mantissa, with NaN", 3, 0, special="nan"),
    ElementFormat("small IEEE", 2, 1, special="ieee"),
    ElementFormat("nest with NaN", 2, 5, special="nan", subnormal=E3M2),
    ElementFormat("nest with Inf", 4, 3, special="ieee", subnormal=ElementFormat("e2m1", 2, 1)),
    ElementFormat("int4", 0, 3, bias=2, twos_complement=True),
]
FORMATS_UNDER_TEST = REGISTERED + [parse(name) for name in PARSED] + BUILT
SMALL = [element for element in FORMATS_UNDER_TEST if element.bits <= 8]
MODES = [(e, "saturate") for e in FORMATS_UNDER_TEST] + [
    (e, "ovf") for e in FORMATS_UNDER_TEST if e.special != "none"
]


@cache
def exact(element):
    """The value of every code by the reference, as float64, where every value of a format fits."""
    floats = []
    for code in range(2**element.bits):
        value = reference.value(element, code)
        number = np.nan if value is None else float(value)
        assert not isinstance(value, Fraction) or Fraction(number) == value
        negative = not element.twos_complement and code & element.sign_mask
        floats.append(-0.0 if number == 0 and negative else number)
    return np.array(floats)


@cache
def ties(element, overflow):
    """The middle between each two neighbouring magnitudes, exact in float64."""
    steps = reference.steps(element, overflow)
    middles = [float((low + high) / 2) for low, high in itertools.pairwise(steps)]
    assert all(
        2 * Fraction(middle) == low + high
        for middle, (low, high) in zip(middles, itertools.pairwise(steps), strict=True)
    )
    return np.array(middles)


def with_sign(element, codes, negative):
    return [reference.signed_code(element, int(code), negative) for code in codes]


@pytest.mark.parametrize("element", FORMATS_UNDER_TEST, ids=str)
class TestCodes:
    def test_every_code_has_the_value_of_the_formula(self, element):
        decoded = element.decode(np.arange(2**element.bits))
        assert decoded.dtype == np.float64
        np.testing.assert_array_equal(decoded, exact(element))
        zero = decoded == 0
        assert (np.signbit(decoded[zero]) == np.signbit(exact(element)[zero])).all()

    def test_magnitude_codes_order_as_their_values(self, element):
        values = exact(element)[: element.largest_code + 1]
        assert values[0] == 0
        assert (np.diff(values) > 0).all()

    def test_derived_numbers(self, element):
        values = reference.steps(element)
        assert element.largest == values[-1]
        assert element.least == values[1]
        assert element.emax == reference.exponent_of(values[-1])
        assert element.decode(element.largest_code) == element.largest
        assert [m * Fraction(element.least) for m in element.magnitudes[: len(values)]] == [*values]

    def test_encode_gives_back_every_code(self, element):
        codes = np.flatnonzero(np.abs(exact(element)) <= element.largest)  # no NaN, no Inf, no 0x80
        encoded = element.encode(exact(element)[codes])
        assert encoded.dtype == (np.uint8 if element.bits <= 8 else np.uint16)
        np.testing.assert_array_equal(encoded, codes)

    def test_spec_round_trip(self, element):
        read = ElementFormat.from_spec(json.loads(json.dumps(element.spec())))
        assert read == element
        assert read.name == element.name


@pytest.mark.parametrize("negative", [False, True], ids=["plus", "minus"])
@pytest.mark.parametrize(("element", "overflow"), MODES, ids=str)
class TestRounding:
    def test_ties_go_to_the_even_code_and_their_neighbours_to_the_nearest(
        self, element, overflow, negative
    ):
        sign, middles = -1 if negative else 1, ties(element, overflow)
        below = np.arange(len(middles))
        for numbers, codes in [
            (middles, below + below % 2),
            (np.nextafter(middles, 0), below),
            (np.nextafter(middles, np.inf), below + 1),
        ]:
            encoded = element.encode(sign * numbers, overflow)
            np.testing.assert_array_equal(encoded, with_sign(element, codes, negative))

    def test_saturation(self, element, overflow, negative):
        limit = len(reference.steps(element, overflow)) - 1
        large = [2 * element.largest, 1e300, np.finfo(np.float64).max, np.inf]
        encoded = element.encode(np.negative(large) if negative else large, overflow)
        assert encoded.tolist() == with_sign(element, [limit] * 4, negative)


@pytest.mark.parametrize("element", SMALL, ids=str)
def test_encode_finds_the_nearest_of_all_codes(element):
    rng = np.random.default_rng(0)
    numbers = element.largest * rng.uniform(0, 1.1, 60) * 2.0 ** rng.integers(-12, 1, 60)
    numbers = np.concatenate([numbers, element.least * rng.uniform(0, 3, 30)])
    expected = [reference.nearest(element, Fraction(number)) for number in numbers]
    assert element.encode(numbers).tolist() == expected


ML_DTYPES = [
    (E4M3, ml_dtypes.float8_e4m3fn),
    (E5M2, ml_dtypes.float8_e5m2),
    (E3M2, ml_dtypes.float6_e3m2fn),
    (E2M3, ml_dtypes.float6_e2m3fn),
    (E2M1, ml_dtypes.float4_e2m1fn),
]


@pytest.mark.parametrize(("element", "dtype"), ML_DTYPES, ids=str)
class TestAgainstMlDtypes:
    def test_every_code(self, element, dtype):
        codes = np.arange(2**element.bits, dtype=np.uint8)
        np.testing.assert_array_equal(element.decode(codes), codes.view(dtype).astype(np.float64))

    def test_encode(self, element, dtype):
        rng = np.random.default_rng(1)
        numbers = np.float32(rng.uniform(-1, 1, 4000) * 2.0 ** rng.integers(-20, 17, 4000))
        numbers = numbers[np.abs(numbers) <= element.largest]  # its FP8 casts do not saturate
        assert len(numbers) > 1000
        expected = numbers.astype(dtype).view(np.uint8)
        np.testing.assert_array_equal(element.encode(numbers), expected)


@pytest.mark.parametrize(
    ("element", "bits", "emax", "largest", "least"),
    [
        (MXSF, 8, 2, 7.875, 2**-9),
        (E2M5, 8, 2, 7.875, 2**-5),
        (E4M3, 8, 8, 448, 2**-9),
        (E5M2, 8, 15, 57344, 2**-16),
        (E3M2, 6, 4, 28, 2**-4),
        (E2M3, 6, 2, 7.5, 2**-3),
        (E2M1, 4, 2, 6, 2**-1),
        (INT8, 8, 0, 127 / 64, 2**-6),
    ],
    ids=str,
)
def test_table_of_the_named_formats(element, bits, emax, largest, least):
    assert parse(element.name) is element
    assert (element.bits, element.emax) == (bits, emax)
    assert (element.largest, element.least) == (largest, least)


def test_mxsf_values_from_the_document():
    assert MXSF.decode([0x7F, 0x20, 0x1F, 0x04, 0x03, 0x01]).tolist() == (
        [7.875, 1.0, 0.875, 2**-7, 3 * 2**-9, 2**-9]
    )
    assert MXSF.magnitudes[-1] == 4032


@pytest.mark.parametrize(
    ("element", "codes"),
    [(E4M3, {0x7F, 0xFF}), (E5M2, {0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF})],
    ids=str,
)
def test_nan(element, codes):
    assert set(np.flatnonzero(np.isnan(element.decode(np.arange(256))))) == codes
    assert element.encode([np.nan, -np.nan]).tolist() == [0x7F, 0xFF]
    assert element.has_nan


def test_infinity_codes():
    assert E5M2.decode([0x7C, 0xFC]).tolist() == [np.inf, -np.inf]
    assert E5M2.encode([np.inf, -np.inf], "ovf").tolist() == [0x7C, 0xFC]
    assert E4M3.encode([np.inf, 464, 465, -480], "ovf").tolist() == [0x7F, 0x7E, 0x7F, 0xFF]
    assert (E5M2.inf_code, E5M2.nan_code, E4M3.nan_code) == (0x7C, 0x7F, 0x7F)
    assert E5M2.has_inf
    assert not E4M3.has_inf


def test_int8_is_twos_complement():
    assert INT8.decode([0x80, 0x81, 0xFF, 0x7F]).tolist() == [-2.0, -127 / 64, -1 / 64, 127 / 64]
    numbers = np.linspace(-3, 3, 6001)
    assert 0x80 not in INT8.encode(numbers)
    assert INT8.encode([-0.0, -1 / 128, -3 / 128, -np.inf]).tolist() == [0, 0, 0xFE, 0x81]


@pytest.mark.parametrize("element", [e for e in REGISTERED if e is not INT8], ids=str)
def test_zero_keeps_its_sign(element):
    codes = element.encode([0.0, -0.0, -element.least / 4])
    assert codes.tolist() == [0, element.sign_mask, element.sign_mask]
    assert np.signbit(element.decode(codes)).tolist() == [False, True, True]


def test_equality_is_about_the_numbers():
    named, other = ElementFormat("e2m5", 2, 5), ElementFormat("mine", 2, 5, bias=1)
    assert named == other == E2M5
    assert hash(named) == hash(other)
    assert str(other) == "mine"
    assert E2M5 not in (MXSF, ElementFormat("e2m5", 2, 5, bias=2), E4M3)
    assert ElementFormat("mine", 2, 5, subnormal=ElementFormat("ignored", 3, 2, bias=9)) == MXSF


@pytest.mark.parametrize("name", ["mxsf", " MXSF ", "e2m5+e3m2", "E2M5+E3M2"])
def test_parse_knows_mxsf(name):
    assert parse(name) is MXSF


def test_parse_names_what_it_builds():
    assert parse("e2m7+e3m4+e2m2").name == "e2m7+e3m4+e2m2"
    assert parse("E3M4").name == "e3m4"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (7, TypeError, "must be a string, not 7"),
        (None, TypeError, "must be a string, not None"),
        ("", ValueError, "unknown format ''"),
        ("fp8", ValueError, "unknown format 'fp8'"),
        ("e4m3fn", ValueError, "unknown format 'e4m3fn'"),
        ("e2m5+", ValueError, r"unknown format 'e2m5\+'"),
        ("e-1m3", ValueError, "unknown format 'e-1m3'"),
        ("e9m3", ValueError, "exponent_bits must be 0 to 8, not 9"),
        ("e0m0", ValueError, r"2 to 16 bits, not 1 \(e0m0\)"),
        ("e8m8", ValueError, r"2 to 16 bits, not 17 \(e8m8\)"),
        ("e2m5+e3m3", ValueError, r"5 magnitude bits, not 6 \(e3m3\)"),
        ("e0m5+e3m2", ValueError, "without exponent has no subnormal range"),
        ("e2m5+e5m0+e1m1", ValueError, r"0 magnitude bits, not 2 \(e1m1\)"),
    ],
)
def test_parse_errors(name, error, message):
    with pytest.raises(error, match=message):
        parse(name)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"exponent_bits": 2.0}, TypeError, "exponent_bits must be an integer, not 2.0"),
        ({"exponent_bits": None}, TypeError, "exponent_bits must be an integer, not None"),
        ({"mantissa_bits": "5"}, TypeError, "mantissa_bits must be an integer, not '5'"),
        ({"bias": True}, TypeError, "bias must be an integer, not True"),
        ({"bias": 513}, ValueError, "bias must be -512 to 512, not 513"),
        ({"mantissa_bits": -1}, ValueError, "not 2 .e2m-1."),
        ({"special": "fn"}, ValueError, "special must be .*, not 'fn'"),
        ({"exponent_bits": 1, "special": "ieee"}, ValueError, "e2m1 or wider, not e1m5"),
        (
            {"exponent_bits": 1, "mantissa_bits": 0, "special": "nan"},
            ValueError,
            "two magnitude bits, not e1m0",
        ),
        ({"twos_complement": True}, ValueError, "two's complement format has no exponent"),
        ({"subnormal": "e3m2"}, TypeError, "must be an ElementFormat, not 'e3m2'"),
        (
            {"subnormal": ElementFormat("mine", 3, 2, special="nan")},
            ValueError,
            "must be a plain float, not mine",
        ),
    ],
)
def test_element_format_errors(fields, error, message):
    with pytest.raises(error, match=message):
        ElementFormat("bad", **{"exponent_bits": 2, "mantissa_bits": 5} | fields)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MXSF.encode([1.0, np.nan]), ValueError, "mxsf has no NaN code, but a value is"),
        (lambda: MXSF.encode([1j]), TypeError, "must be real numbers, not complex128"),
        (lambda: MXSF.encode([True]), TypeError, "must be real numbers, not bool"),
        (lambda: MXSF.encode(["1"]), TypeError, "must be real numbers, not <U1"),
        (lambda: MXSF.encode(1.0, "ovf"), ValueError, "needs NaN or Inf codes; mxsf has none"),
        (lambda: E4M3.encode(1.0, "wrap"), ValueError, "must be 'saturate' or 'ovf', not 'wrap'"),
        (lambda: MXSF.decode([1.0]), TypeError, "codes must be integers, not float64"),
        (lambda: MXSF.decode([True]), TypeError, "codes must be integers, not bool"),
        (lambda: MXSF.decode([0, 256]), ValueError, "mxsf codes are 0 to 255, not 256"),
        (lambda: E2M1.decode([3, -1]), ValueError, "e2m1 codes are 0 to 15, not -1"),
        (lambda: MXSF.nan_code, ValueError, "mxsf has no NaN code"),
        (lambda: E4M3.inf_code, ValueError, "e4m3 has no Inf code"),
        (lambda: FP32.words([1]), TypeError, "a float array is needed, not int64"),
    ],
)
def test_call_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (2, 0, 3)])
def test_shapes_are_kept(shape):
    codes = MXSF.encode(np.ones(shape))
    assert codes.shape == shape
    assert MXSF.decode(codes).shape == shape


def test_words():
    numbers = [1.0, -0.0, 1 + 2**-8, 1 + 3 * 2**-8, -np.inf, 1e-45, 3.4e38]
    expected = [0x3F800000, 0x80000000, 0x3F808000, 0x3F818000, 0xFF800000, 1, 0x7F7FC99E]
    assert FP32.words(np.array(numbers)).tolist() == expected
    assert BF16.words(np.array(numbers)).tolist() == [
        0x3F80,
        0x8000,
        0x3F80,
        0x3F82,
        0xFF80,
        0,
        (0x7F80),
    ]
    assert FP32.words(np.array([1e39, -1e39])).tolist() == [0x7F800000, 0xFF800000]
    words = np.arange(0, 2**16)
    back = BF16.values(words)
    np.testing.assert_array_equal(back.view(np.uint32), words << 16)
    finite = ~np.isnan(back)
    np.testing.assert_array_equal(BF16.words(back[finite]), words[finite])
    assert (BF16.bits, FP32.bits, str(BF16)) == (16, 32, "bf16")
