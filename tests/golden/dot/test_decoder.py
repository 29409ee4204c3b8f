"""Unpacked elements: sign, significand and shift mean what every code does."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import E4M3, E5M2, FORMATS, INT8, MXSF, ElementFormat, parse, unpack

ELEMENTS = [
    *FORMATS.values(),
    *(parse(name) for name in ("e5m10", "e3m4", "e5m0", "e1m6", "e1m0", "e0m7", "e0m1", "e8m0")),
    *(parse(name) for name in ("e2m3+e2m1", "e2m5+e2m3+e2m1", "e4m3+e1m2")),
    ElementFormat("nest with NaN", 2, 5, special="nan", subnormal=ElementFormat("", 3, 2)),
    ElementFormat("int4", 0, 3, bias=2, twos_complement=True),
]


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
class TestUnpack:
    def test_value_is_significand_times_shift(self, element):
        codes = np.arange(2**element.bits)
        least = Fraction(element.least)
        for code, sign, significand, shift, nan, inf in zip(
            codes.tolist(), *(field.tolist() for field in unpack(codes, element)), strict=True
        ):
            value = reference.value(element, code)
            assert nan == (value is None)
            assert inf == (value in (reference.INF, -reference.INF))
            assert sign == (code >= 2 ** (element.bits - 1))
            if isinstance(value, Fraction):
                assert (-1) ** sign * significand * 2**shift * least == value

    def test_special_codes_are_read_as_plain_numbers(self, element):
        magnitudes = np.arange(element.sign_mask)
        _, significand, shift, nan, inf = unpack(magnitudes, element)
        for code in magnitudes[nan | inf]:
            magnitude = int(significand[code]) * 2 ** int(shift[code]) * Fraction(element.least)
            assert magnitude == reference.plain_magnitude(element, int(code))

    def test_widths_hold_and_are_needed(self, element):
        _, significand, shift, _, _ = unpack(np.arange(2**element.bits), element)
        assert significand.min() == 0
        assert shift.min() == 0
        assert int(significand.max()).bit_length() == element.significand_bits
        assert shift.max() == element.max_shift

    def test_dtypes_and_shape(self, element):
        fields = unpack(np.zeros((2, 0, 3), element.code_dtype), element)
        assert [field.dtype for field in fields] == [bool, np.int64, np.int64, bool, bool]
        assert {field.shape for field in fields} == {(2, 0, 3)}


def test_int8_has_a_code_below_its_range():
    assert [int(field) for field in unpack(0x80, INT8)] == [1, 128, 0, 0, 0]


@pytest.mark.parametrize(
    ("element", "bits", "shift"),
    [(MXSF, 6, 6), (E4M3, 4, 14), (E5M2, 3, 30), (INT8, 8, 0)],
    ids=str,
)
def test_widths_of_the_named_formats(element, bits, shift):
    assert (element.significand_bits, element.max_shift) == (bits, shift)


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        ([0.0], TypeError, "codes must be integers, not float64"),
        ([256], ValueError, "mxsf codes are 0 to 255, not 256"),
        (-1, ValueError, "mxsf codes are 0 to 255, not -1"),
    ],
)
def test_errors(codes, error, message):
    with pytest.raises(error, match=message):
        unpack(codes, MXSF)
