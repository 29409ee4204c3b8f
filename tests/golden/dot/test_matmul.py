"""Golden matmul against golden dot, K block by K block."""

import numpy as np
import pytest
from mxsf.golden import (
    E4M3,
    E5M2,
    E8M0,
    FORMATS,
    INT8,
    MXSF,
    BlockFormat,
    BlockTensor,
    ScaleFormat,
    dot,
    matmul,
    quantize,
)


@pytest.mark.parametrize(
    ("element", "block", "other"),
    [(f, (1, 32), None) for f in FORMATS.values()]
    + [(MXSF, (8, 8), None), (MXSF, (1, 32), E4M3), (E5M2, (4, 16), MXSF), (INT8, (3, 5), None)],
    ids=str,
)
def test_matmul_is_dot_after_dot(element, block, other):
    random = np.random.default_rng(1)
    second = element if other is None else other
    x = random.standard_normal((20, 70)).astype(np.float32)
    y = random.standard_normal((70, 12)).astype(np.float32)
    x[3], y[:, 4] = x[3] * 2.0**-70, y[:, 4] * 2.0**-60  # close to the flush
    start = random.standard_normal((20, 12)).astype(np.float32)
    a, b = quantize(x, element, block), quantize(y, second, block[::-1])
    for acc in (None, start):
        product = matmul(a, b, acc)
        assert product.dtype == np.float32
        for i in (0, 3, 19):
            for j in (0, 4, 11):
                total = np.float32(0) if acc is None else acc[i, j]
                for k in range(0, 70, block[1]):
                    inner = slice(k, k + block[1])
                    scales = (
                        a.scales[i // block[0], k // block[1]],
                        b.scales[k // block[1], j // block[0]],
                    )
                    codes = a.codes[i, inner], b.codes[inner, j]
                    total = dot(codes[0], scales[0], codes[1], scales[1], total, (element, second))
                assert product[i, j].view(np.uint32) == total.view(np.uint32)


def test_matmul_gives_one_nan():
    x = quantize(np.ones((2, 2), np.float32), MXSF, (2, 2))
    acc = np.uint32([[0x7FDF9350, 0xFF800001], [0x7F800000, 0]]).view(np.float32)
    product = matmul(x, x, acc).view(np.uint32)
    assert product.tolist() == [[0x7FC00000, 0x7FC00000], [0x7F800000, 0x40000000]]


def test_matmul_lets_nan_and_inf_through():
    x = np.ones((8, 64), np.float32)
    x[2, 40] = np.inf  # its block becomes NaN
    product = matmul(quantize(x, MXSF), quantize(np.ones((64, 4), np.float32), MXSF, (32, 1)))
    assert np.isnan(product[2]).all()
    assert (product[[0, 1, 3]] == 64).all()
    codes = np.full((2, 32), 0x3C, np.uint8)
    codes[0, 0] = 0x7C
    infinite = quantize(np.ones((2, 32), np.float32), E5M2)
    infinite.codes[:] = codes
    infinite.scales[:] = 127
    product = matmul(infinite, quantize(np.ones((32, 3), np.float32), E5M2, (32, 1)))
    assert np.isposinf(product[0]).all()
    assert (product[1] == 32).all()


def test_values_beyond_fp32_are_finite_beside_special_ones():
    """A NaN block elsewhere changes no other sum, however large or small its elements are."""
    a = quantize(np.ones((3, 4), np.float32), E5M2, (1, 4))
    a.codes[:, 1:] = 0
    a.codes[0], a.codes[1, 0] = 0x7B, 0x01
    a.scales[:, 0] = 254, 0, 255
    b = quantize(np.ones((4, 2), np.float32), E5M2, (4, 1))
    b.codes[:] = [[0x3C, 0x7C], [0, 0], [0, 0], [0, 0]]
    b.scales[0] = 60, 127
    product = matmul(a, b)
    for i in range(3):
        for j in range(2):
            expected = dot(a.codes[i], a.scales[i, 0], b.codes[:, j], b.scales[0, j], element=E5M2)
            assert product[i, j].view(np.uint32) == expected.view(np.uint32), (i, j)
    assert np.isfinite(product[0, 0])


@pytest.mark.parametrize("element", [MXSF, E5M2, INT8], ids=str)
def test_scales_of_another_format(element):
    """With significands, zeros, subnormals and NaN in the scales, and both kinds in one product."""
    ue4m3 = ScaleFormat("ue4m3", 4, 3, bias=7, nan_code=0x7F, subnormals=True)
    formats = [BlockFormat(element, (1, 16), scale=scale) for scale in (ue4m3, E8M0)]
    random = np.random.default_rng(2)
    codes = [0, 1, 7, 8, 0x3B, 0x7E, 0x7F], range(100, 140)
    a, b = (
        BlockTensor(
            random.integers(0, element.largest_code + 1, (6, 48)).astype(np.uint8),
            random.choice(list(scales), (6, 3)).astype(np.uint8),
            fmt,
        )
        for fmt, scales in zip(formats, codes, strict=True)
    )
    product = matmul(a, b.T)
    for i, j in np.ndindex(6, 6):
        total = np.float32(0)
        for k in range(3):
            block = slice(16 * k, 16 * k + 16)
            total = dot(
                *(a.codes[i, block], a.scales[i, k], b.codes[j, block], b.scales[j, k]),
                *(total, (formats[0], formats[1])),
            )
        assert product[i, j].view(np.uint32) == total.view(np.uint32)
    assert np.isnan(product).any()
    assert np.isfinite(product).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matmul(square((1, 4)), square((1, 4))), "blocks along K must agree"),
        (lambda: matmul(square((2, 2)), quantize(np.ones((5, 4)), MXSF, (2, 2))), "inner axes"),
        (lambda: matmul(quantize(np.ones(4), MXSF, (1, 4)), square((4, 4))), "takes matrices"),
    ],
)
def test_bad_operands(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def square(block):
    return quantize(np.ones((4, 4)), MXSF, block)
