"""NVFP4 and its kin: scales with a mantissa and factors, against fractions; published recipes."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scaled
from mxsf.golden import (
    E2M1,
    E4M3,
    INT8,
    MXFP4,
    MXSF,
    NVFP4,
    UE4M3,
    UE5M3,
    BlockFormat,
    Factor,
    QuotientRule,
    Rounding,
    ScaleRule,
    quantize,
)
from mxsf.golden.formats import quotient_rule
from mxsf.golden.quantize import encoder, four_six
from mxsf.golden.quantize import rounding as rounding_module
from mxsf.golden.quantize.error import error_db
from mxsf.golden.quantize.requantizer import requantize, requantize_blocks

GIVEN = replace(NVFP4, factor=Factor.GIVEN)
PLAIN = replace(NVFP4, factor=Factor.NONE)
FACTORS = [np.float32(g) for g in (1.0, 0.25, 1 / 3, 1.9999999, 2.0**-126, 3e37)]
CHOICES = {QuotientRule.NEAREST: scaled.nearest_scale, QuotientRule.UP: scaled.scale_above}


def blocks(fmt, factor, seed):
    """Rows of 16: words at and beside thresholds of scale and elements, and random ones."""
    random = np.random.default_rng(seed)
    scale = fmt.scale.table[random.integers(0, fmt.scale.nan_code, (24, 1))]
    scale[:3] = fmt.scale.table[[[0], [1], [2]]]
    middles = fmt.element.decode(random.integers(0, fmt.element.largest_code, (24, 16)))
    middles = middles + fmt.element.least / 2 * random.integers(0, 3, (24, 16))
    middles[:, 0] = fmt.element.largest * random.choice([1, 17 / 16, 31 / 32, 8], 24)
    x = middles * scale * np.float64(factor)
    x[8:16, 1:] *= random.standard_normal((8, 15))
    with np.errstate(over="ignore"):
        words = (x * random.choice([-1, 1], x.shape)).astype(np.float32).view(np.uint32)
    words = words + random.integers(-1, 2, x.shape).astype(np.uint32)
    words[3, 3:5], words[4, 5], words[5] = [0, 0x80000000], 0x7F800000, 0x80000001
    words[6, 2:4] = 0x807FFFFF, 0x00800000
    return words.view(np.float32)


def differing(fmt, x, q, factor, **options):
    """Blocks whose scale or codes are not those of the reference."""
    exact = Fraction(float(factor))
    wrong = 0
    for row, codes, scale in zip(x.view(np.uint32).tolist(), q.codes, q.scales, strict=True):
        block = scaled.quantize_block(row, fmt.element, fmt.scale, exact, **options)
        wrong += block != (int(scale[0]), codes.tolist())
    return wrong


@pytest.mark.parametrize("factor", FACTORS, ids=str)
@pytest.mark.parametrize("rule", CHOICES, ids=lambda rule: rule.value)
@pytest.mark.parametrize("least", [0, 1, 8])
def test_nvfp4_block_by_block(factor, rule, least):
    fmt = replace(GIVEN, rule=rule, least=least)
    x = blocks(fmt, factor, 1)
    q = quantize(x, fmt, factor=factor)
    assert q.factor == factor
    assert differing(fmt, x, q, factor, choose=CHOICES[rule], least=least) == 0


@pytest.mark.parametrize("element", [E2M1, MXSF, E4M3, INT8], ids=str)
@pytest.mark.parametrize("scale", [UE4M3, UE5M3], ids=str)
def test_other_elements_and_scales(element, scale):
    fmt = BlockFormat(element, (1, 16), QuotientRule.NEAREST, scale=scale, factor=Factor.GIVEN)
    factor = np.float32(0.7)
    x = blocks(fmt, factor, 2)
    assert differing(fmt, x, quantize(x, fmt, factor=factor), factor) == 0


class TestPlantedBugs:
    def differs(self, factor=FACTORS[0]):
        fmt = replace(GIVEN, least=8)
        x = blocks(fmt, factor, 1)
        return differing(fmt, x, quantize(x, fmt, factor=factor), factor, least=8) > 0

    def test_nothing_planted(self):
        assert not self.differs()

    @pytest.mark.parametrize("module", [quotient_rule, rounding_module])
    def test_a_quotient_a_little_too_large(self, module, monkeypatch):
        right = module.odd_quotient
        monkeypatch.setattr(module, "odd_quotient", lambda a, b: right(a, b) * (1 + 2.0**-40))
        assert self.differs()

    def test_the_factor_forgotten_by_the_elements(self, monkeypatch):
        right = encoder.round_nearest
        monkeypatch.setattr(encoder, "round_nearest", lambda *arguments: right(*arguments[:4]))
        assert self.differs(factor=np.float32(0.7))

    def test_the_least_code_forgotten(self, monkeypatch):
        right = encoder.quotient_codes
        monkeypatch.setattr(encoder, "quotient_codes", lambda *a: right(*a[:-1]))
        assert self.differs()


def test_stochastic_rounding_by_fractions():
    """The code is floor(|v| / ulp + r / 2^R) of the exact quotient."""
    random = np.random.default_rng(5)
    fmt = replace(GIVEN, rounding=Rounding.STOCHASTIC)
    factor = np.float32(0.3)
    x = np.abs(blocks(fmt, factor, 3))[8:]
    draws = random.integers(0, 1 << 16, x.shape)
    q = quantize(x, fmt, factor=factor, random=draws)
    unit = Fraction(float(factor))
    values = [*scaled.scale_values(UE4M3), None]
    for row, draw, codes, scale in zip(x, draws.tolist(), q.codes, q.scales[:, 0], strict=True):
        value = values[scale]
        if value is None:  # a NaN block
            continue
        for word, r, code in zip(row.tolist(), draw, codes.tolist(), strict=True):
            v = Fraction(word) / (value * unit)
            expected = scaled.reference.stochastic(E2M1, v, Fraction(r, 1 << 16))
            assert code == expected


def test_half_away_differs_at_ties_only():
    x = np.float32([[6.0, 0.25, 0.75, 1.25, 0.3, -2.5, 0.2499999]])
    assert quantize(x, PLAIN).codes.tolist() == [[7, 0, 2, 2, 1, 12, 0]]
    away = quantize(x, PLAIN, rounding=Rounding.HALF_AWAY)
    assert away.codes.tolist() == [[7, 1, 2, 3, 1, 13, 0]]


class TestFourSix:
    fmt = replace(GIVEN, rule=QuotientRule.FOUR_SIX)

    @pytest.mark.parametrize("factor", FACTORS[:3], ids=str)
    def test_block_by_block(self, factor):
        x = blocks(self.fmt, factor, 4)
        x[16:] = np.random.default_rng(4).standard_normal((8, 16)) * 100 * factor
        q = quantize(x, self.fmt, factor=factor)
        exact = Fraction(float(factor))
        for row, codes, scale in zip(x.view(np.uint32).tolist(), q.codes, q.scales, strict=True):
            block = scaled.four_six(row, E2M1, UE4M3, exact)
            assert block == (int(scale[0]), codes.tolist())

    def test_both_are_chosen(self):
        x = np.float32([[6.0, 6.0, 1.0, 2.0], [4.0, 4.0, 3.0, 3.0], [6.0, 5.0, 5.0, 5.0]])
        q = quantize(x, self.fmt, (1, 4), factor=1.0)
        assert UE4M3.decode(q.scales[:, 0]).tolist() == [1.0, 1.0, 1.5]

    def test_an_exact_tie_goes_to_six(self, monkeypatch):
        """Errors of 1/4 both: 6, 0.5 by scale 1; (6, 0.75) by 1.5. Fractions decide."""
        asked = []
        right = four_six._squares
        monkeypatch.setattr(four_six, "_squares", lambda *a: asked.append(right(*a)) or asked[-1])
        x = np.float32([[6.0, 0.625, 0.0, 0.0]])  # 0.5 or 0.75: 1/8 either way
        q = quantize(x, self.fmt, (1, 4), factor=1.0)
        assert asked == [Fraction(1, 64)] * 2
        assert (q.scales[0, 0], q.codes.tolist()) == (0x38, [[7, 1, 0, 0]])

    def test_its_factor_leaves_room(self):
        x = np.float32([[1536.0, 1.0]])
        assert quantize(x, self.fmt, factor=Factor.AMAX).factor == 1
        assert quantize(x, replace(NVFP4, rule=QuotientRule.FOUR_SIX)).factor == 1


def test_multiplying_by_a_reciprocal():
    """Differs from dividing for one word at eight pairs of scale significand and threshold."""
    found = {}
    for significand in range(8, 16):
        s = np.float32(significand / 8)
        for t in (0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0):
            near = np.float32(t) * s
            words = near.view(np.uint32) + np.arange(-8, 8, dtype=np.int64)
            x = np.append(words.astype(np.uint32).view(np.float32), [6 * s] * 16)
            a = quantize(x, PLAIN, (1, 32))
            b = quantize(x, replace(PLAIN, reciprocal=True), (1, 32))
            assert a.scales.tolist() == b.scales.tolist() == [significand + 0x30]
            if different := int((a.codes != b.codes).sum()):
                found[significand, t] = different
    pairs = [(14, 1.75), (14, 3.5), *((15, t) for t in (0.75, 1.25, 1.75, 2.5, 3.5, 5.0))]
    assert found == dict.fromkeys(pairs, 1)


def test_the_example_of_dividing_and_multiplying():
    x = np.float32([11.25] + [2.34375] * 15)
    assert quantize(x, PLAIN).codes.tolist() == [7] + [2] * 15
    assert quantize(x, replace(PLAIN, reciprocal=True)).codes.tolist() == [7] + [3] * 15


class TestBlocks:
    def test_a_zero_block_and_a_zero_tensor(self):
        q = quantize(np.float32([[0.0, -0.0, 1e-45, -1e-45]]), NVFP4)
        assert (q.factor, q.scales.tolist(), q.codes.tolist()) == (1, [[0]], [[0, 8, 0, 8]])

    def test_a_block_with_inf_or_nan_is_nan_and_no_other(self):
        x = np.ones((3, 16), np.float32)
        x[0, 3], x[1, 4] = np.inf, np.nan
        q = quantize(x, NVFP4)
        assert q.factor == np.float32(1 / 2688)
        assert q.scales[:, 0].tolist() == [0x7F, 0x7F, 0x7E]
        assert not q.codes[:2].any()
        assert q.dequantize().view(np.uint32)[0].tolist() == [0x7FC00000] * 16

    def test_at_scale_zero_all_but_zero_saturates(self):
        x = np.float32([[448 * 6] + [0] * 15, [1e-9, -1e-9, -0.0] + [0] * 13])
        q = quantize(x, replace(NVFP4, least=0))
        assert q.scales[:, 0].tolist() == [0x7E, 0]
        assert q.codes[1, :4].tolist() == [7, 15, 8, 0]
        assert quantize(x, NVFP4).scales[:, 0].tolist() == [0x7E, 1]

    @pytest.mark.parametrize("tile", [8, 16])
    def test_tiles_transpose(self, tile):
        x = np.random.default_rng(tile).standard_normal((40, 24)).astype(np.float32)
        for factor in (Factor.AMAX, Factor.POW2, Factor.NONE):
            q = quantize(x, NVFP4, (tile, tile), factor=factor)
            assert q.scales.shape == (-(-40 // tile), -(-24 // tile))
            assert quantize(x.T, NVFP4, (tile, tile), factor=factor) == q.T

    def test_the_format_brings_its_block_and_rule(self):
        q = quantize(np.ones((2, 64), np.float32), NVFP4)
        assert q.format is NVFP4
        assert q.scales.shape == (2, 4)
        changed = quantize(np.ones((2, 64)), NVFP4, (1, 32), QuotientRule.UP, factor=Factor.POW2)
        expected = replace(NVFP4, block=(1, 32), rule=QuotientRule.UP, factor=Factor.POW2)
        assert (changed.format, changed.format.name) == (expected, "")


class TestRequantizer:
    tiles = np.random.default_rng(1).standard_normal((3, 8, 8)).astype(np.float32)

    def test_a_factor_is_given_to_tiles(self):
        codes, scales = requantize(self.tiles, NVFP4, factor=0.25)
        q = quantize(self.tiles, NVFP4, (8, 8), factor=0.25)
        np.testing.assert_array_equal(codes, q.codes)
        np.testing.assert_array_equal(scales, q.scales[:, 0, 0])
        plain = requantize(self.tiles, PLAIN)[1]
        np.testing.assert_array_equal(plain, quantize(self.tiles, PLAIN, (8, 8)).scales[:, 0, 0])
        with pytest.raises(ValueError, match="factor must be given for tiles of nvfp4"):
            requantize(self.tiles, NVFP4)

    def test_the_other_way_round(self):
        q = quantize(self.tiles[0], NVFP4)
        assert requantize_blocks(q) == quantize(q.dequantize().T, NVFP4)
        given = quantize(self.tiles[0], NVFP4, factor=0.5)
        assert requantize_blocks(given).factor == 0.5


SQNR = {
    "AMAX": (NVFP4, (20.444, 20.657, 20.931, 27.988)),
    "POW2": (replace(NVFP4, factor=Factor.POW2), (20.438, 20.654, 20.926, 27.780)),
    "g = 1": (PLAIN, (20.438, 20.654, 20.926, 6.657)),
    "UP": (replace(NVFP4, rule=QuotientRule.UP), (19.978, 20.011, 20.101, 24.857)),
    "4/6": (replace(NVFP4, rule=QuotientRule.FOUR_SIX), (21.216, 21.191, 21.298, 28.657)),
    "MXFP4": (MXFP4, (18.787, 17.938, 16.949, 16.951)),
    "E2M1, 16": (BlockFormat(E2M1, (1, 16), ScaleRule.EVEN), (19.167, 18.618, 18.072, 18.580)),
}


@pytest.fixture(scope="module")
def drawn():
    """2^20 samples of normal, Laplace, Student-t 3 and log-normal 2 data, one after another."""
    random, n = np.random.default_rng(0), 1 << 20
    three = [random.standard_normal(n), random.laplace(size=n), random.standard_t(3, n)]
    random.standard_normal(2 * n)
    return [x.astype(np.float32) for x in (*three, random.lognormal(0, 2, n))]


@pytest.mark.long
@pytest.mark.parametrize("name", SQNR)
def test_signal_to_noise(name, drawn):
    """Figures of an independent implementation."""
    fmt, expected = SQNR[name]
    found = [error_db(x, quantize(x, fmt).dequantize()) for x in drawn]
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("name", "decibels"), [("AMAX", 20.44), ("UP", 19.98), ("4/6", 21.22), ("MXFP4", 18.79)]
)
def test_signal_to_noise_of_normal_data(name, decibels):
    x = np.random.default_rng(0).standard_normal(1 << 15).astype(np.float32)
    assert error_db(x, quantize(x, SQNR[name][0]).dequantize()) == pytest.approx(decibels, abs=0.1)
