"""Scale formats: E8M0 against ml_dtypes, others against exact fractions, and what is refused."""

import json
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import reference
from mxsf.golden import (
    E8M0,
    MXSF,
    SCALE_FORMATS,
    UE4M3,
    UE5M3,
    BlockFormat,
    BlockTensor,
    ScaleFormat,
)

PLAIN = ScaleFormat("e6m5", 6, 5, bias=31, bits=11, nan_code=0x7FF, subnormals=False)
every_scale = pytest.mark.parametrize("scale", [E8M0, UE4M3, UE5M3, PLAIN], ids=str)


def value(scale: ScaleFormat, code: int) -> Fraction:
    """What a code means, by the definition of a float."""
    exponent, mantissa = divmod(code, 2**scale.mantissa_bits)
    fraction = Fraction(mantissa, 2**scale.mantissa_bits)
    if scale.subnormals and exponent == 0:
        return reference.TWO ** (1 - scale.bias) * fraction
    return reference.TWO ** (exponent - scale.bias) * (1 + fraction)


def test_e8m0_is_that_of_ml_dtypes():
    codes = np.arange(256, dtype=np.uint8)
    values = E8M0.decode(codes)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, codes.view(ml_dtypes.float8_e8m0fnu).astype(np.float64))
    assert [Fraction(v) for v in values[:255]] == [reference.scale_value(b) for b in range(255)]


def test_e4m3_is_that_of_ml_dtypes_without_its_sign():
    codes = np.arange(128, dtype=np.uint8)
    expected = codes.view(ml_dtypes.float8_e4m3fn).astype(np.float64)
    np.testing.assert_array_equal(UE4M3.decode(codes), expected)


@every_scale
class TestEveryFormat:
    def test_values_are_those_of_the_definition(self, scale):
        values = scale.decode(np.arange(scale.nan_code + 1))
        exact = [value(scale, code) for code in range(scale.nan_code)]
        assert [Fraction(v) for v in values[:-1]] == exact
        assert exact == sorted(exact)
        assert Fraction(scale.largest) == exact[-1]
        assert scale.is_nan([0, scale.largest_code, scale.nan_code]).tolist() == [0, 0, 1]
        assert np.flatnonzero(np.isnan(values)).tolist() == [scale.nan_code]

    def test_parts_are_the_value(self, scale):
        significand, exponent = scale.parts(np.arange(scale.nan_code))
        for code, (m, e) in enumerate(zip(significand, exponent, strict=True)):
            assert int(m) * reference.TWO ** (int(e) + scale.offset) == value(scale, code)
        assert int(significand.max()).bit_length() == scale.significand_bits
        assert exponent.min() >= 0
        assert int(exponent.max()).bit_length() == scale.exponent_bits
        assert scale.power_of_two == (set(significand.tolist()) == {1})

    def test_codes_above_nan_are_refused(self, scale):
        assert scale.check_codes([[0, scale.nan_code]]).shape == (1, 2)
        for wrong in (-1, scale.nan_code + 1):
            message = f"{scale} scales are 0 to {scale.nan_code}, not {wrong}"
            for taken in (scale.decode, scale.parts, scale.check_codes):
                with pytest.raises(ValueError, match=message):
                    taken([wrong])
        with pytest.raises(TypeError, match=f"{scale} scales must be integers, not float64"):
            scale.decode([1.0])

    def test_spec_is_plain_data(self, scale):
        again = ScaleFormat(**json.loads(json.dumps(scale.spec())))
        assert again == scale
        assert again.name == scale.name


def test_named_formats():
    assert SCALE_FORMATS == {"e8m0": E8M0, "ue4m3": UE4M3, "ue5m3": UE5M3}
    assert (E8M0.offset, E8M0.significand_bits, E8M0.largest_code) == (-127, 1, 254)
    assert (UE4M3.offset, UE4M3.significand_bits, UE4M3.largest) == (-10, 4, 448.0)
    assert (UE5M3.offset, UE5M3.largest_code, UE5M3.largest) == (-18, 0xFE, 114688.0)
    assert E8M0.power_of_two
    assert not UE4M3.power_of_two
    assert PLAIN.code_dtype is np.uint16


def test_formats_are_equal_when_they_mean_the_same():
    assert replace(E8M0, name="other") == E8M0
    assert replace(E8M0, nan_code=0xFE) != E8M0
    with pytest.raises(FrozenInstanceError):
        E8M0.bias = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"exponent_bits": 8.0}, TypeError, "exponent_bits must be an integer, not 8.0"),
        ({"nan_code": True}, TypeError, "nan_code must be an integer, not True"),
        ({"subnormals": 1}, TypeError, "subnormals must be True or False, not 1"),
        ({"exponent_bits": 0}, ValueError, "exponent_bits must be 1 to 8, not 0"),
        ({"mantissa_bits": 9}, ValueError, "mantissa_bits must be 0 to 8, not 9"),
        ({"bias": 128}, ValueError, "bias must be 0 to 127, not 128"),
        ({"bits": 7}, ValueError, "bits must be 8 to 16, not 7"),
        ({"nan_code": 256}, ValueError, "nan_code must be 2 to 255, not 256"),
    ],
)
def test_what_is_no_format(changes, error, message):
    with pytest.raises(error, match=message):
        replace(E8M0, **changes)


class TestInBlocks:
    codes = np.uint8([[0x20, 0x40], [0xA0, 0x01]])

    def test_the_default_is_e8m0_and_files_do_not_say_so(self):
        fmt = BlockFormat(MXSF)
        assert fmt.scale is E8M0
        assert "scale" not in fmt.spec()
        assert BlockFormat.from_spec(fmt.spec()) == fmt

    def test_another_is_part_of_the_format(self):
        fmt = BlockFormat(MXSF, scale=UE4M3)
        assert fmt != BlockFormat(MXSF)
        assert str(fmt) == "mxsf_ue4m3"
        again = BlockFormat.from_spec(json.loads(json.dumps(fmt.spec())))
        assert again == fmt
        assert str(again) == "mxsf_ue4m3"
        with pytest.raises(TypeError, match="scale must be a ScaleFormat, not 'e8m0'"):
            BlockFormat(MXSF, scale="e8m0")  # type: ignore[arg-type]

    def test_scales_of_a_tensor_are_codes_of_its_format(self):
        fmt = BlockFormat(MXSF, (1, 2), scale=UE4M3)
        with pytest.raises(ValueError, match="ue4m3 scales are 0 to 127, not 200"):
            BlockTensor(self.codes, np.uint8([[1], [200]]), fmt)
        with pytest.raises(TypeError, match="scales must be uint16, not uint8"):
            BlockTensor(self.codes, np.uint8([[1], [2]]), replace(fmt, scale=PLAIN))

    @pytest.mark.parametrize("scale", [UE4M3, PLAIN], ids=str)
    def test_a_tensor_is_dequantized_and_saved(self, scale, tmp_path):
        fmt = BlockFormat(MXSF, (1, 2), scale=scale)
        scales = np.array([[scale.nan_code // 2], [scale.nan_code]], scale.code_dtype)
        tensor = BlockTensor(self.codes, scales, fmt)
        exact = [value(scale, int(scales[0, 0])) * n for n in (1, 2)]
        values = tensor.dequantize()
        assert [Fraction(float(v)) for v in values[0]] == exact
        assert np.isnan(values[1]).all()
        tensor.save(tmp_path / "scaled.npz")
        assert BlockTensor.load(tmp_path / "scaled.npz") == tensor
        assert tensor.T.format.scale is scale
