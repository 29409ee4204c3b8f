"""What ``quantize`` is told counts, and what it is not told is the format's own."""

from dataclasses import replace

import numpy as np
import pytest
from mxsf.golden import (
    E4M3,
    MSFP12,
    MX4,
    MX9,
    MXSF,
    BlockFormat,
    Rounding,
    ScaleFormat,
    ScaleRule,
    quantize,
)
from mxsf.golden.quantize.requantizer import requantize, requantize_blocks

X = np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32)
CHOICES = [
    {"block": (1, 32)},
    {"block": (4, 8)},
    {"rule": ScaleRule.CEIL},
    {"rounding": Rounding.NEAREST_EVEN},
    {"block": (8, 8), "rule": ScaleRule.RCEIL, "rounding": Rounding.NEAREST_EVEN},
]


@pytest.mark.parametrize("fmt", [MX9, MX4, MSFP12], ids=str)
@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_what_is_given_counts(fmt, choices):
    q = quantize(X, fmt, **choices)
    assert q.format == replace(fmt, **choices)
    assert q == quantize(X, replace(fmt, **choices))
    assert q.format.name == ""  # it is not what the name stands for


@pytest.mark.parametrize("fmt", [MX9, MX4, MSFP12], ids=str)
def test_the_rest_is_the_formats_own(fmt):
    assert quantize(X, fmt).format is fmt
    own = {"block": fmt.block, "rule": fmt.rule, "rounding": fmt.rounding}
    assert quantize(X, fmt, **own, overflow="saturate").format is fmt


def test_defaults_of_an_element_format():
    fmt = quantize(X).format
    assert fmt == BlockFormat(MXSF, (1, 32), ScaleRule.FLOOR, Rounding.NEAREST_EVEN, "saturate")
    tiles = BlockFormat(E4M3, (8, 8), ScaleRule.EVEN, overflow="ovf")
    choices = {"block": (8, 8), "rule": ScaleRule.EVEN, "overflow": "ovf"}
    assert quantize(X, E4M3, **choices) == quantize(X, tiles)


def test_the_roundings_of_mx9_differ():
    """Ties of MX9: half away by itself, to even where that is asked for."""
    ties = np.float32([[1.0, 1 / 128, 1.0, 3 / 128]])
    assert quantize(ties, MX9).codes.tolist() == [[64, 1, 64, 2]]
    assert quantize(ties, MX9, rounding=Rounding.NEAREST_EVEN).codes.tolist() == [[64, 0, 64, 2]]


def test_stochastic_rounding_of_a_block_format():
    draws = np.random.default_rng(1).integers(0, 1 << 16, X.shape)
    q = quantize(X, MX9, rounding=Rounding.STOCHASTIC, random=draws)
    assert q.format.rounding is Rounding.STOCHASTIC
    assert q.micro is not None
    nearest = quantize(X, MX9)
    np.testing.assert_array_equal(q.scales, nearest.scales)
    steps = np.abs(q.codes.astype(int) - nearest.codes)
    assert steps.max() == 1
    half = np.full(X.shape, 1 << 15)
    assert quantize(X, MX9, rounding=Rounding.STOCHASTIC, random=half).codes.tolist() == (
        nearest.codes.tolist()
    )


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"block": (1, 15)}, ValueError, r"micro \(1, 2\) must divide the block \(1, 15\)"),
        ({"block": (0, 16)}, ValueError, "at least 1"),
        ({"block": 16}, TypeError, "block must be a pair"),
        ({"rule": "ceil"}, TypeError, "rule must be a ScaleRule or a QuotientRule, not 'ceil'"),
        ({"rounding": "nearest_even"}, TypeError, "rounding must be a Rounding"),
        ({"overflow": "ovf"}, ValueError, "needs NaN or Inf codes"),
        ({"overflow": ""}, ValueError, "must be 'saturate' or 'ovf', not ''"),
    ],
)
def test_what_does_not_fit_is_refused(choices, error, message):
    with pytest.raises(error, match=message):
        quantize(X, MX9, **choices)


def test_a_scale_without_a_rule_is_refused():
    e4m3 = ScaleFormat("e4m3", 4, 3, bias=7, nan_code=127, subnormals=True)
    with pytest.raises(ValueError, match="rules choose powers of two, and e4m3 has other scales"):
        quantize(X, BlockFormat(MXSF, scale=e4m3))


def test_a_scale_format_with_a_rule_is_used():
    narrow = ScaleFormat("e4m0", 4, 0, bias=7, bits=4, nan_code=15, subnormals=False)
    wide = quantize(X, MXSF)
    q = quantize(X, BlockFormat(MXSF, scale=narrow))
    np.testing.assert_array_equal(q.codes, wide.codes)
    np.testing.assert_array_equal(q.scales + 120, wide.scales)
    np.testing.assert_array_equal(q.dequantize(), wide.dequantize())


class TestTiles:
    tiles = X.reshape(8, 8, 8)

    def test_a_block_format_brings_its_rules(self):
        fmt = BlockFormat(E4M3, (1, 32), ScaleRule.RCEIL, Rounding.HALF_AWAY, "ovf")
        codes, scales = requantize(self.tiles, fmt)
        golden = quantize(self.tiles, replace(fmt, block=(8, 8)))
        np.testing.assert_array_equal(codes, golden.codes)
        np.testing.assert_array_equal(scales, golden.scales[:, 0, 0])
        even = requantize(self.tiles, fmt, rounding=Rounding.NEAREST_EVEN)[0]
        golden = quantize(self.tiles, fmt, (8, 8), rounding=Rounding.NEAREST_EVEN)
        np.testing.assert_array_equal(even, golden.codes)

    def test_microexponents_are_not_lost(self):
        with pytest.raises(ValueError, match="element must have no microexponents, not mx9"):
            requantize(self.tiles, MX9)

    def test_the_other_way_round_keeps_the_format(self):
        q = quantize(X, MX9, (1, 8))
        again = requantize_blocks(q)
        assert again.format == q.format
        assert again == quantize(q.dequantize().T, q.format)
        draws = np.zeros(X.shape, np.int64)
        stochastic = quantize(X, MXSF, (1, 8), rounding=Rounding.STOCHASTIC, random=draws)
        assert requantize_blocks(stochastic).format == BlockFormat(MXSF, (1, 8))
