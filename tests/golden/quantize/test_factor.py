"""Factors: found, given, saved, transposed, applied in one rounding; formats that refuse them."""

import json
from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import reference
import scaled
from mxsf.golden import (
    BLOCK_FORMATS,
    E2M1,
    E8M0,
    MX9,
    MXFP4,
    NVFP4,
    UE4M3,
    UE5M3,
    BlockFormat,
    BlockTensor,
    Factor,
    QuotientRule,
    Rounding,
    ScaleRule,
    dot,
    parse_format,
    quantize,
    slabs,
)

ROWS = replace(NVFP4, factor_axis="row")
POW2 = replace(NVFP4, factor=Factor.POW2)
X = np.random.default_rng(3).standard_normal((3, 5, 40)).astype(np.float32)


def found(amax, fmt):
    return float(quantize(np.float32([[amax, -amax / 3]]), fmt).factor)


@pytest.mark.parametrize("amax", [1.0, 2688.0, 2689.0, 1.2e-38, 3e38, 1e30, 5376.0, 2687.9998])
def test_found_by_fractions(amax):
    quotient = Fraction(float(np.float32(amax))) / 2688
    nearest = max(reference.round_fp32(quotient), reference.LEAST_NORMAL)
    assert Fraction(found(amax, NVFP4)) == nearest
    power = Fraction(2) ** -126
    while power < quotient:
        power *= 2
    assert Fraction(found(amax, POW2)) == power


def test_inf_and_nan_do_not_count_nor_do_subnormal_words():
    x = np.float32([[np.inf, -np.nan, 1e-40, -2688.0]])
    assert quantize(x, NVFP4).factor == 1
    assert quantize(x[:, :3], NVFP4).factor == 1
    assert quantize(np.float32([[-np.inf]]), ROWS).factor.tolist() == [[1.0]]


@pytest.mark.parametrize("shape", [(40,), (5, 40), (3, 5, 40), (2, 1, 3, 20)])
def test_each_row_has_its_own(shape):
    x = np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)
    q = quantize(x, ROWS)
    assert q.factor.shape == (*shape[:-1], 1)
    for place in np.ndindex(shape[:-1]):
        row = quantize(x[place], NVFP4)
        assert row.factor == q.factor[place][0]
        np.testing.assert_array_equal(row.codes, q.codes[place])
        np.testing.assert_array_equal(row.scales, q.scales[place])
        np.testing.assert_array_equal(row.dequantize(), q.dequantize()[place])


def test_rows_become_columns():
    q = quantize(X, ROWS)
    assert q.T.format == replace(NVFP4, block=(16, 1), factor_axis="column")
    assert q.T.factor.shape == (3, 1, 5)
    assert quantize(X.swapaxes(-1, -2), q.T.format) == q.T
    assert q == q.T.T
    np.testing.assert_array_equal(q.T.dequantize(), q.dequantize().swapaxes(-1, -2))


def test_slabs_do_not_matter(monkeypatch):
    whole = [quantize(X, fmt) for fmt in (NVFP4, ROWS, ROWS.transposed)]
    values = [q.dequantize() for q in whole]
    monkeypatch.setattr(slabs, "_SLAB", 48)
    for q, seen in zip(whole, values, strict=True):
        assert quantize(X, q.format) == q
        np.testing.assert_array_equal(q.dequantize(), seen)


@pytest.mark.parametrize("factor", [1 / 3, 2.0**-126, 1e38, 2.0**-120 * 1.7])
def test_decoding_rounds_once(factor):
    fmt = replace(NVFP4, factor=Factor.GIVEN)
    random = np.random.default_rng(9)
    codes = random.integers(0, 16, (8, 16)).astype(np.uint8)
    scales = np.uint8([[0], [1], [2], [7], [8], [0x38], [0x7E], [0x7F]])
    tensor = BlockTensor(codes, scales, fmt, factor=np.array(factor, np.float32))
    words = tensor.dequantize().view(np.uint32)
    assert words[7].tolist() == [0x7FC00000] * 16
    for row, scale in enumerate(scales[:7, 0].tolist()):
        unit = scaled.scale_values(UE4M3)[scale] * Fraction(float(np.float32(factor)))
        for code, word in zip(codes[row].tolist(), words[row].tolist(), strict=True):
            exact = reference.round_fp32(reference.value(E2M1, code) * unit)
            magnitude = reference.word_bits(abs(float(exact)))
            assert word == magnitude | (code >> 3) << 31


def test_rounding_twice_is_found():
    """Planted: scale times factor is rounded, as libraries do it, before the code comes in."""
    q = quantize(X, NVFP4, factor=1 / 3)
    units = (UE4M3.decode(q.scales) * np.float64(q.factor)).astype(np.float32)
    twice = E2M1.decode(q.codes) * units.repeat(16, axis=-1)[..., :40]
    assert (twice.astype(np.float32) != q.dequantize()).any()


@pytest.mark.parametrize("fmt", [NVFP4, POW2, ROWS, ROWS.transposed], ids=str)
def test_saved_with_the_scales(fmt, tmp_path):
    q = quantize(X, fmt)
    q.save(tmp_path / "q.npz")
    assert BlockTensor.load(tmp_path / "q.npz") == q
    other = BlockTensor(q.codes, q.scales, q.format, factor=np.asarray(2 * q.factor))
    assert other != q


class TestTypedScales:
    q = quantize(X, NVFP4)

    def test_bytes_of_another_format_are_refused(self):
        scales = self.q.scales | np.uint8(0x80)
        with pytest.raises(ValueError, match="ue4m3 scales are 0 to 127, not"):
            BlockTensor(self.q.codes, scales, NVFP4, factor=self.q.factor)

    def test_so_are_they_in_files(self, tmp_path):
        self.q.save(tmp_path / "q.npz")
        members = dict(np.load(tmp_path / "q.npz"))
        members["scales"] = members["scales"] | np.uint8(0x80)
        np.savez(tmp_path / "bad.npz", **members)
        with pytest.raises(ValueError, match="ue4m3 scales are 0 to 127"):
            BlockTensor.load(tmp_path / "bad.npz")
        del members["factor"]
        np.savez(tmp_path / "none.npz", **members)
        with pytest.raises(ValueError, match="holds no block tensor"):
            BlockTensor.load(tmp_path / "none.npz")

    @pytest.mark.parametrize("dtype", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu])
    def test_an_array_that_has_a_type_is_no_array_of_bytes(self, dtype):
        typed = self.q.scales.view(dtype)
        with pytest.raises(TypeError, match=f"scales must be uint8, not {np.dtype(dtype)}"):
            BlockTensor(self.q.codes, typed, NVFP4, factor=self.q.factor)
        codes = self.q.codes[0, 0, :16]
        with pytest.raises(TypeError, match="ue4m3 scales must be integers"):
            dot(codes, typed[0, 0, 0], codes, typed[0, 0, 0], element=NVFP4)

    def test_a_factor_belongs_to_its_format(self):
        parts = self.q.codes, self.q.scales
        one = np.array(1, np.float32)
        with pytest.raises(ValueError, match="a factor belongs to formats that have one"):
            BlockTensor(*parts, NVFP4)
        with pytest.raises(ValueError, match="a factor belongs to formats that have one"):
            BlockTensor(*parts, replace(NVFP4, factor=Factor.NONE), factor=one)
        with pytest.raises(TypeError, match=r"must be a float32 array, not 1\.0"):
            BlockTensor(*parts, NVFP4, factor=1.0)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"must be \(\), not \(1,\)"):
            BlockTensor(*parts, NVFP4, factor=one.reshape(1))
        with pytest.raises(ValueError, match=r"power of two, not 3\.0"):
            BlockTensor(*parts, POW2, factor=np.array(3, np.float32))


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, np.nan, 2.0**-127, 1e39])
def test_a_factor_out_of_range(wrong):
    with pytest.raises(ValueError, match=r"factor must be 2\*\*-126 to below 2\*\*128, not"):
        quantize(X, NVFP4, factor=wrong)


def test_a_factor_that_is_not_given():
    with pytest.raises(ValueError, match="factor must be given as a number"):
        quantize(X, NVFP4, factor=Factor.GIVEN)
    with pytest.raises(TypeError, match="factor must be a Factor or floats, not 2"):
        quantize(X, NVFP4, factor=2)
    with pytest.raises(TypeError, match="factor must be a Factor or floats, not 'amax'"):
        quantize(X, NVFP4, factor="amax")


UP = QuotientRule.UP


@pytest.mark.parametrize(
    ("fmt", "choices", "error", "message"),
    [
        (MXFP4, {"rule": UP}, ValueError, "rule up needs scales with a mantissa, and e8m0 has"),
        (NVFP4, {"scale": E8M0}, ValueError, "rule nearest needs scales with a mantissa"),
        (MXFP4, {"factor": Factor.AMAX}, ValueError, "factor amax has no effect with .* floor"),
        (MXFP4, {"least": 8}, ValueError, "least 8 has no effect with the rule floor"),
        (MXFP4, {"reciprocal": True}, ValueError, "reciprocal True has no effect with"),
        (NVFP4, {"rule": ScaleRule.FLOOR}, ValueError, "factor amax has no effect with"),
        (NVFP4, {"factor": "amax"}, TypeError, "factor must be a Factor, not 'amax'"),
        (NVFP4, {"factor_axis": "rows"}, ValueError, "tensor, row, column, not 'rows'"),
        (ROWS, {"factor": Factor.NONE}, ValueError, "factor_axis row needs a factor"),
        (ROWS, {"block": (8, 8)}, ValueError, r"needs blocks of one row, not \(8, 8\)"),
        (ROWS, {"factor_axis": "column"}, ValueError, "needs blocks of one column"),
        (NVFP4, {"least": 127}, ValueError, "least must be 0 to 126, not 127"),
        (NVFP4, {"least": True}, TypeError, "least must be an integer, not True"),
        (NVFP4, {"reciprocal": 1}, TypeError, "reciprocal must be True or False, not 1"),
        (NVFP4, {"rule": QuotientRule.FOUR_SIX, "scale": UE5M3}, ValueError, "is for e2m1 with"),
        (
            NVFP4,
            {"rule": QuotientRule.FOUR_SIX, "rounding": Rounding.HALF_AWAY},
            ValueError,
            "rule four_six needs nearest_even, not half_away",
        ),
        (MX9, {"rule": UP, "scale": UE4M3}, ValueError, "does not go with microexponents"),
    ],
)
def test_what_does_not_fit_is_refused(fmt, choices, error, message):
    with pytest.raises(error, match=message):
        replace(fmt, **choices)


@pytest.mark.parametrize("fmt", [*BLOCK_FORMATS.values(), ROWS, POW2], ids=str)
def test_formats_are_plain_data(fmt):
    changed = replace(fmt, name="")
    assert BlockFormat.from_spec(json.loads(json.dumps(fmt.spec()))) == changed
    assert parse_format(fmt.name.upper()) == fmt or fmt not in BLOCK_FORMATS.values()


def test_names():
    recipe = replace(NVFP4, name="", rule=UP, factor=Factor.POW2, least=8, reciprocal=True)
    assert str(recipe) == "e2m1_up_ue4m3_pow2_least8_reciprocal"
    assert str(replace(ROWS, name="")) == "e2m1_nearest_ue4m3_amax_row"
    assert MXFP4.spec() == BlockFormat(E2M1).spec()
