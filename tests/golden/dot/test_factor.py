"""Products of tensors with factors: sums from 0, one rounding of C + alpha sum at the end."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import reference
from mxsf.golden import (
    E4M3,
    NVFP4,
    BlockTensor,
    Factor,
    dot,
    matmul,
    quantize,
)
from mxsf.golden.dot import matmul as matmul_module

RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((5, 40)).astype(np.float32)
Y = RANDOM.standard_normal((40, 6)).astype(np.float32)
ROWS = replace(NVFP4, factor_axis="row")


def bits(value):
    return int(np.float32(value).view(np.uint32))


def expected(a, b, start):
    """Bits of each result: blocks by ``dot``, then one rounding of an exact fraction."""
    alphas = np.broadcast_to(
        np.float64(1 if a.factor is None else a.factor)
        * np.float64(1 if b.factor is None else b.factor),
        (a.shape[0], b.shape[1]),
    )
    formats = [
        replace(t.format, block=(1, 16), factor=Factor.NONE, factor_axis="tensor") for t in (a, b)
    ]
    rows, columns = np.arange(a.shape[0]) // a.block[0], np.arange(b.shape[1]) // b.block[1]
    sums = np.zeros(alphas.shape, np.float32)
    for block, k in enumerate(range(0, a.shape[1], a.block[1])):
        inner = slice(k, k + a.block[1])
        left = a.codes[:, None, inner], a.scales[rows, block][:, None]
        right = b.codes[inner].T, b.scales[block, columns]
        sums = dot(*left, *right, sums, (formats[0], formats[1]))
    found = []
    for alpha, total in zip(alphas.flat, sums.flat, strict=True):
        exact = reference.round_fp32(Fraction(float(alpha)))
        assert isinstance(exact, Fraction)
        value = Fraction(float(start)) + exact * Fraction(float(total))
        found.append(reference.rounded_bits(value))
    return found


PAIRS = {
    "NVFP4": (quantize(X, NVFP4), quantize(Y, NVFP4, (16, 1))),
    "rows and columns": (quantize(X, ROWS), quantize(Y.T, ROWS).T),
    "rows and a tensor": (quantize(X, ROWS), quantize(Y, NVFP4, (16, 1))),
    "MXFP8": (quantize(X, NVFP4), quantize(Y, E4M3, (16, 1))),
    "tiles": (quantize(X, NVFP4, (8, 8)), quantize(Y, NVFP4, (8, 8), factor=Factor.POW2)),
    "given": (quantize(X, NVFP4, factor=2.0**-20), quantize(Y, NVFP4, (16, 1), factor=1e9)),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("start", [0.0, 0.75, -1e-3])
def test_one_rounding_at_the_end(pair, start):
    a, b = PAIRS[pair]
    start = np.float32(start)
    product = matmul(a, b, start)
    assert [bits(v) for v in product.reshape(-1)] == expected(a, b, start)


def test_rounding_twice_is_found(monkeypatch):
    a, b = PAIRS["NVFP4"]
    monkeypatch.setattr(
        matmul_module,
        "_scaled_sums",
        lambda sums, alpha, start: (sums * alpha + start).astype(np.float32),
    )
    product = matmul(a, b, np.float32(0.75))
    assert [bits(v) for v in product.reshape(-1)] != expected(a, b, np.float32(0.75))


def test_a_factor_of_one_changes_only_where_acc_comes_in():
    a, b = (quantize(m, NVFP4, block, factor=1.0) for m, block in ((X, (1, 16)), (Y, (16, 1))))
    plain = [replace(t.format, factor=Factor.NONE) for t in (a, b)]
    left, right = (
        BlockTensor(t.codes, t.scales, fmt) for t, fmt in zip((a, b), plain, strict=True)
    )
    np.testing.assert_array_equal(matmul(a, b), matmul(left, right))


def test_factors_far_apart_flush_and_overflow():
    ones = np.ones((1, 16), np.float32)
    a, b = quantize(ones, NVFP4, factor=2.0**-126), quantize(ones.T, NVFP4, (16, 1), factor=2.0**-9)
    small = matmul(a, b, np.float32([[3.0]]))
    assert small.tolist() == [[3.0]]  # alpha is below FP32's normal numbers: zero
    top = np.array(2.0**127, np.float32)
    large = [BlockTensor(t.codes, t.scales, t.format, factor=top) for t in (a, b)]
    assert np.isposinf(matmul(*large)).all()


def test_nan_and_infinite_sums():
    x = X.copy()
    x[2, 20] = np.nan
    product = matmul(quantize(x, NVFP4), PAIRS["NVFP4"][1], np.float32(1))
    assert [bits(v) for v in product[2]] == [0x7FC00000] * 6
    assert np.isfinite(product[[0, 1, 3, 4]]).all()
    wild = np.uint32([[0x7FDF9350]]).view(np.float32)
    assert bits(matmul(*PAIRS["NVFP4"], wild)[0, 0]) == 0x7FC00000
    assert np.isneginf(matmul(*PAIRS["NVFP4"], np.float32(-np.inf))).all()


@pytest.mark.parametrize("side", ["a", "b"])
def test_factors_that_change_along_k_are_refused(side):
    a, b = PAIRS["NVFP4"]
    if side == "a":
        a, b = quantize(X.T, ROWS).T, quantize(Y, NVFP4, (1, 16))
    else:
        a, b = quantize(X, NVFP4, (1, 1)), quantize(Y, ROWS)
    with pytest.raises(ValueError, match=f"{side} must have no factor for each (row|column)"):
        matmul(a, b)
