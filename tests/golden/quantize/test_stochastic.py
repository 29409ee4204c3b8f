"""Stochastic rounding: the same random integers as the hardware give the same codes."""

from fractions import Fraction

import exact
import numpy as np
import pytest
import reference
from mxsf.golden import E4M3, E5M2, FORMATS, MXSF, Rounding, quantize


def stochastic(x, draws, block=(1, 32), element=MXSF):
    return quantize(x, element, block, rounding=Rounding.STOCHASTIC, random=draws)


@pytest.mark.parametrize("random_bits", [1, 8, 16, 24])
@pytest.mark.parametrize(
    ("element", "overflow"),
    [*((element, "saturate") for element in FORMATS.values()), (E4M3, "ovf"), (E5M2, "ovf")],
    ids=str,
)
def test_equals_the_reference(element, overflow, random_bits):
    x = exact.sample((12, 32), seed=random_bits)
    draws = np.random.default_rng(1).integers(0, 1 << random_bits, x.shape)
    q = quantize(
        x,
        element,
        rounding=Rounding.STOCHASTIC,
        random=draws,
        random_bits=random_bits,
        overflow=overflow,
    )
    for row, draw, codes, scale in zip(x.view(np.uint32), draws, q.codes, q.scales, strict=True):
        fractions = [Fraction(int(r), 1 << random_bits) for r in draw]
        byte, expected = reference.quantize_block(
            row.tolist(), element, overflow=overflow, draws=fractions
        )
        assert (scale.tolist(), codes.tolist()) == ([byte], expected)


def test_subnormal_words_are_zero_whatever_the_draw():
    """Also where nearest-even could never round them up."""
    x = np.float32([2.0**-113, 2.0**-127, -(2.0**-127)])
    q = stochastic(x, np.full(3, 0xFFFF))
    assert q.codes.tolist()[1:] == [0, 0x80]


@pytest.mark.parametrize("block", [(1, 32), (8, 8), (3, 5)])
def test_blocks_and_layouts(block):
    """Every element has its own draw, wherever its block lies."""
    x = exact.sample((2, 21, 45))
    draws = np.random.default_rng(1).integers(0, 1 << 16, x.shape, dtype=np.uint16)
    q = stochastic(x, draws, block)
    picked = stochastic(np.asfortranarray(x), np.asfortranarray(draws), block)
    exact.assert_same(picked, q)
    low, high = (stochastic(x, np.full(x.shape, r), block) for r in (0, 0xFFFF))
    assert ((q.codes == low.codes) | (q.codes == high.codes)).all()
    assert (low.codes != high.codes).mean() > 0.2


@pytest.mark.parametrize("element", FORMATS.values(), ids=str)
def test_mean_over_all_draws_is_the_value(element):
    """Unbiased: exactly, where the value is a multiple of ulp / 2**16."""
    exponents = range(element.unit_exponent - 2, element.emax + 1)
    for exponent in [*exponents[:4], *exponents[-3:]]:
        number = -309 / 256 * 2.0**exponent
        x = np.float32([[2.0**element.emax, number]]).repeat(1 << 16, axis=0)  # scale 1
        draws = np.stack([np.zeros(1 << 16, int), np.arange(1 << 16)], axis=1)
        values = stochastic(x, draws, (1, 2), element).dequantize()[:, 1].astype(np.float64)
        assert len(np.unique(values)) == 2
        assert values.mean() == number
