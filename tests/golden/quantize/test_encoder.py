"""Quantization of tensors: the fast path against the exact one, and the rules at the edges."""

from fractions import Fraction

import exact
import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mxsf.golden import (
    E2M1,
    E2M5,
    E4M3,
    E5M2,
    FORMATS,
    INT8,
    MXSF,
    Rounding,
    ScaleRule,
    parse,
    quantize,
    slabs,
)
from mxsf.golden.quantize import encoder, rounding

BLOCKS = [(1, 32), (8, 8), (3, 5), (32, 1), (1, 1)]
INF, NAN = np.inf, np.nan
every_rule = pytest.mark.parametrize("rule", ScaleRule, ids=lambda rule: rule.value)
every_element = pytest.mark.parametrize("element", exact.ELEMENTS, ids=str)
every_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: "{}x{}".format(*block))


class TestAgainstExactPath:
    @every_rule
    @every_block
    @every_element
    def test_formats_rules_and_blocks(self, element, block, rule):
        x = exact.sample((21, 45), seed=len(element.name))
        exact.assert_quantized(quantize(x, element, block, rule), x)

    @pytest.mark.parametrize("element", [E4M3, E5M2], ids=str)
    @every_rule
    def test_overflow_to_infinity_or_nan(self, element, rule):
        x = exact.sample((40, 64))
        q = quantize(x, element, rule=rule, overflow="ovf")
        exact.assert_quantized(q, x)
        if rule is ScaleRule.FLOOR:
            limit = element.decode(q.codes & (element.sign_mask - 1))
            assert np.isinf(limit).any() if element.has_inf else np.isnan(limit).any()

    @every_block
    @pytest.mark.parametrize(
        "shape",
        [(1, 1), (8, 8), (64, 64), (7, 3), (3, 33, 9), (2, 1, 3, 40), (5, 4, 32), (1, 4000)],
    )
    def test_shapes(self, shape, block):
        x = exact.sample(shape)
        exact.assert_quantized(quantize(x, MXSF, block), x)

    @pytest.mark.parametrize("length", [1, 31, 32, 33, 320])
    @pytest.mark.parametrize("columns", [1, 7, 32, 1000])
    def test_one_axis_is_one_row(self, length, columns):
        x = exact.sample((length,))
        q = quantize(x, MXSF, (1, columns))
        exact.assert_quantized(q, x)
        assert q.scales.shape == (-(-length // columns),)

    def test_reference_block_by_block(self):
        """The reference alone, without any code of the golden model."""
        x = exact.sample((30, 32), seed=5)[::5]
        for element in FORMATS.values():
            for rule in ScaleRule:
                q = quantize(x, element, rule=rule)
                for row, codes, scale in zip(
                    x.view(np.uint32)[:6], q.codes, q.scales, strict=False
                ):
                    byte, expected = reference.quantize_block(row.tolist(), element, rule)
                    assert (scale.tolist(), codes.tolist()) == ([byte], expected)

    @pytest.mark.parametrize("slab", [1, 64, 700, 5000])
    @every_block
    def test_slabs_do_not_matter(self, slab, block, monkeypatch):
        x, wide = exact.sample((3, 21, 45)), exact.sample((9, 2, 7))
        whole = quantize(x, MXSF, block), quantize(wide, INT8, block)
        monkeypatch.setattr(slabs, "_SLAB", slab)
        exact.assert_same(quantize(x, MXSF, block), whole[0])
        exact.assert_same(quantize(wide, INT8, block), whole[1])
        np.testing.assert_array_equal(
            whole[0].dequantize(), exact.values(whole[0]).astype(np.float32)
        )

    def test_block_larger_than_the_tensor(self):
        x = exact.sample((5, 9))
        assert quantize(x, MXSF, (10**9, 10**9)).scales.shape == (1, 1)
        exact.assert_quantized(quantize(x, MXSF, (1000, 2)), x)


class TestSources:
    @pytest.mark.parametrize(
        "dtype",
        [
            np.float16,
            np.float32,
            np.float64,
            np.longdouble,
            ">f4",
            ">f8",
            "bfloat16",
            "float8_e5m2",
        ],
    )
    @pytest.mark.parametrize("shape", [(20, 64), (20, 45)])
    def test_every_float_dtype(self, dtype, shape):
        with np.errstate(over="ignore", under="ignore"):
            x = (np.random.default_rng(0).standard_normal(shape) * 50).astype(np.dtype(dtype))
        exact.assert_same(quantize(x), quantize(x.astype(np.float32)))

    def test_float64_is_rounded_to_fp32_first(self):
        """Nearest even, overflow to Inf, and subnormal after rounding is zero."""
        for number in (1 + 2.0**-24, 1 + 3 * 2.0**-24, -3.4028235677973366e38, 2.0**-126 * 0.9999):
            word = reference.round_fp32(Fraction(number))
            expected = reference.quantize_block([reference.word_bits(float(word))], MXSF)
            q = quantize(np.array([number]), MXSF, (1, 1))
            assert (q.scales[0], q.codes.tolist()) == expected

    @pytest.mark.parametrize(
        "view",
        [
            lambda x: x.T,
            lambda x: x[::2, ::-1],
            lambda x: x[3:, 5:41],
            lambda x: np.broadcast_to(x[0], (7, 45)),
            np.asfortranarray,
            lambda x: x.reshape(3, 7, 45).transpose(2, 0, 1),
            lambda x: np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
        ],
        ids=["transpose", "steps", "window", "broadcast", "fortran", "axes", "unaligned"],
    )
    @every_block
    def test_any_memory_layout(self, view, block):
        x = view(exact.sample((21, 45)))
        before = x.tobytes()
        exact.assert_same(quantize(x, MXSF, block), quantize(x.copy(order="C"), MXSF, block))
        assert x.tobytes() == before

    def test_lists(self):
        assert quantize([1.0, 2.0], MXSF, (1, 2)).codes.tolist() == [0x40, 0x60]


@every_rule
@pytest.mark.parametrize("element", FORMATS.values(), ids=str)
class TestBlockEdges:
    def block(self, values, element, rule):
        x = np.zeros((1, 32), np.float32)
        x[0, : len(values)] = values
        q = quantize(x, element, rule=rule)
        exact.assert_quantized(q, x)
        return int(q.scales[0, 0]), q.codes[0, : len(values)]

    def signs(self, element, *signs):
        return [0 if element.twos_complement else element.sign_mask * sign for sign in signs]

    def test_zeros_keep_their_signs(self, element, rule):
        byte, codes = self.block([0.0, -0.0], element, rule)
        assert byte == 0
        assert codes.tolist() == self.signs(element, 0, 1)

    @pytest.mark.parametrize("bad", [INF, -INF, NAN, -NAN])
    def test_one_infinity_or_nan_makes_the_block_nan(self, element, rule, bad):
        byte, codes = self.block([1.0, bad, -2.0, -0.0], element, rule)
        assert byte == 255
        assert not codes.any()

    def test_subnormal_words_count_as_zero_of_their_sign(self, element, rule):
        least = np.float32(2.0**-126)
        largest_subnormal = np.nextafter(least, np.float32(0))
        byte, codes = self.block([largest_subnormal, -largest_subnormal, -1e-45], element, rule)
        assert byte == 0
        assert codes.tolist() == self.signs(element, 0, 1, 1)
        for exponent in range(-126, -90):  # some scales would let them reach the first code
            block = [2.0**exponent, largest_subnormal, -largest_subnormal]
            _, codes = self.block(block, element, rule)
            assert codes[0]
            assert codes[1:].tolist() == self.signs(element, 0, 1)

    @pytest.mark.parametrize("exponent", [-126, -125, -118, -100, 0, 100, 126, 127])
    def test_largest_just_below_and_at_powers_of_two(self, element, rule, exponent):
        power = np.float32(2.0**exponent)
        for largest in (power, np.nextafter(power, np.float32(0)), np.nextafter(power, INF)):
            self.block([largest, -largest, largest / 2, largest / 3, -largest / 100], element, rule)

    def test_largest_word(self, element, rule):
        byte, codes = self.block([np.finfo(np.float32).max, 2.0**-126], element, rule)
        assert byte <= 254
        assert codes[1] == 0


@every_element
def test_transpose_of_square_tiles(element):
    x = exact.sample((2, 29, 19))
    exact.assert_same(quantize(x, element, (8, 8)).T, quantize(x.swapaxes(1, 2), element, (8, 8)))


@settings(deadline=None, max_examples=150)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=20),
        elements=st.floats(width=32),
    ),
    st.sampled_from([MXSF, E4M3, INT8, E2M1]),
    st.sampled_from(ScaleRule),
)
@example(np.float32([[NAN, 1.0], [-0.0, 1e-40]]), MXSF, ScaleRule.FLOOR)
def test_transpose_of_square_tiles_is_exact_for_any_values(x, element, rule):
    q = quantize(x, element, (8, 8), rule)
    exact.assert_same(q.T, quantize(x.swapaxes(-1, -2), element, (8, 8), rule))
    exact.assert_same(q.T.T, q)


def test_transpose_of_vector_blocks_is_another_quantization():
    x = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    across, along = quantize(x).T, quantize(x.T)
    assert across.format.block == (32, 1)
    assert not np.array_equal(across.dequantize(), along.dequantize())


@pytest.mark.parametrize(
    ("element", "decibels"), [(E2M5, 43.0), (MXSF, 40.0), (E4M3, 30.6), (INT8, 41.7)], ids=str
)
def test_signal_to_quantization_noise_of_normal_data(element, decibels):
    x = np.random.default_rng(0).standard_normal((1 << 15, 32)).astype(np.float32)
    noise = quantize(x, element).dequantize() - x.astype(np.float64)
    measured = 10 * np.log10(np.mean(x.astype(np.float64) ** 2) / np.mean(noise**2))
    assert measured == pytest.approx(decibels, abs=0.1)


class TestPlantedBugs:
    """The comparison that the tests above rest on does report a mistake."""

    def fails(self):
        x = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
        with pytest.raises(AssertionError, match="not equal"):
            exact.assert_quantized(quantize(x), x)

    def test_constant_of_one_binade(self, monkeypatch):
        adder = rounding._adder(MXSF, "saturate")
        constants = adder.constants.copy()
        constants[127] = np.nextafter(constants[127], np.float32(INF))  # 1 <= v < 2
        monkeypatch.setattr(rounding, "_adder", lambda *_: adder._replace(constants=constants))
        self.fails()

    def test_saturation_limit(self, monkeypatch):
        adder = rounding._adder(MXSF, "saturate")
        above = np.float32(2 * adder.limit)
        monkeypatch.setattr(rounding, "_adder", lambda *_: adder._replace(limit=above))
        self.fails()

    def test_ties_away_from_zero(self, monkeypatch):
        """A rounding that differs in ties only."""
        x = np.float32([[4 + 1 / 16, 4 + 3 / 16, 1.0]])
        exact.assert_quantized(quantize(x), x)
        nearest = encoder.round_nearest

        def away(words, *arguments):
            return nearest(np.nextafter(words, np.copysign(np.float32(INF), words)), *arguments)

        monkeypatch.setattr(encoder, "round_nearest", away)
        with pytest.raises(AssertionError, match="not equal"):
            exact.assert_quantized(quantize(x), x)

    def test_scale_of_another_rule(self, monkeypatch):
        right = encoder.scale_codes
        monkeypatch.setattr(
            encoder, "scale_codes", lambda a, element, *_: right(a, element, ScaleRule.CEIL)
        )
        self.fails()


ONES = np.ones((4, 4), np.float32)
DRAWS = np.zeros((4, 4), np.int64)
RANDOM = {"rounding": Rounding.STOCHASTIC, "random": DRAWS}


@pytest.mark.parametrize(
    ("x", "arguments", "error", "message"),
    [
        (np.ones((4, 4), np.int32), {}, TypeError, "float array is needed, not int32"),
        (np.ones(4, complex), {}, TypeError, "float array is needed, not complex128"),
        (np.ones(4, bool), {}, TypeError, "float array is needed, not bool"),
        (["a"], {}, TypeError, "float array is needed, not <U1"),
        (None, {}, TypeError, "float array is needed, not object"),
        (np.float32(1), {}, ValueError, "at least one axis"),
        (np.ones((4, 0)), {}, ValueError, r"must not be empty, its shape is \(4, 0\)"),
        (np.ones(8), {"block": (8, 8)}, ValueError, r"blocks of one row, not \(8, 8\)"),
        (ONES, {"block": (0, 32)}, ValueError, r"at least 1 in both directions, not \(0, 32\)"),
        (ONES, {"block": (1, -1)}, ValueError, r"at least 1 in both directions, not \(1, -1\)"),
        (ONES, {"block": 32}, TypeError, r"a pair \(rows, columns\), not 32"),
        (ONES, {"block": (1, 2, 3)}, TypeError, r"a pair \(rows, columns\), not \(1, 2, 3\)"),
        (ONES, {"block": (1, 2.0)}, TypeError, "block must hold integers, not 2.0"),
        (ONES, {"block": (True, 2)}, TypeError, "block must hold integers, not True"),
        (ONES, {"element": "mxsf"}, TypeError, "must be an ElementFormat, not 'mxsf'"),
        (ONES, {"rule": "floor"}, TypeError, "must be a ScaleRule or a QuotientRule, not 'floor'"),
        (ONES, {"rounding": "even"}, TypeError, "must be a Rounding, not 'even'"),
        (ONES, {"overflow": "ovf"}, ValueError, "needs NaN or Inf codes; mxsf has none"),
        (ONES, {"overflow": "wrap"}, ValueError, "'saturate' or 'ovf', not 'wrap'"),
        (ONES, {"random": DRAWS}, ValueError, "random is for stochastic rounding only"),
        (ONES, RANDOM | {"random": None}, ValueError, "needs random integers"),
        (ONES, RANDOM | {"random": DRAWS[1:]}, ValueError, r"\(4, 4\), not \(3, 4\)"),
        (ONES, RANDOM | {"random": DRAWS + 0.5}, TypeError, "hold integers, not float64"),
        (ONES, RANDOM | {"random": DRAWS - 1}, ValueError, r"0 to 2\*\*16 - 1, not -1"),
        (ONES, RANDOM | {"random": DRAWS + 65536}, ValueError, r"0 to 2\*\*16 - 1, not 65536"),
        (ONES, RANDOM | {"random_bits": 0}, ValueError, "must be 1 to 24, not 0"),
        (ONES, RANDOM | {"random_bits": 25}, ValueError, "must be 1 to 24, not 25"),
        (ONES, RANDOM | {"random_bits": 8.0}, TypeError, "must be an integer, not 8.0"),
    ],
)
def test_errors(x, arguments, error, message):
    with pytest.raises(error, match=message):
        quantize(x, **arguments)


def test_block_may_hold_numpy_integers():
    q = quantize(ONES, block=[np.int64(2), 2])
    assert q.block == (2, 2)
    assert q.element is parse("mxsf")
