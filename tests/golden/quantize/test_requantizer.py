"""The golden tile re-quantizer, the vector path that it replaces, and the random integers."""

import exact
import numpy as np
import pytest
import reference
from mxsf.flow.catalogue.catalogue import tensors
from mxsf.golden import BF16, E4M3, FORMATS, MXSF, Rounding, ScaleRule, quantize
from mxsf.golden.quantize.error import error_db
from mxsf.golden.quantize.lfsr import DEGREE, LANES, TAP, Lfsr, seed
from mxsf.golden.quantize.requantizer import requantize, requantize_blocks

DRAWS = 1 << 20


def step(state):
    return state >> 1 | ((state ^ state >> TAP) & 1) << (DEGREE - 1)


@pytest.mark.parametrize("rule", ScaleRule, ids=lambda rule: rule.value)
@pytest.mark.parametrize("element", FORMATS.values(), ids=str)
def test_equals_the_reference(element, rule):
    tiles = exact.sample((6, 4, 4), seed=3)
    codes, scales = requantize(tiles, element, rule)
    for tile, block, scale in zip(tiles, codes, scales, strict=True):
        byte, expected = reference.quantize_block(
            tile.view(np.uint32).reshape(-1).tolist(), element, rule
        )
        assert (int(scale), block.reshape(-1).tolist()) == (byte, expected)


@pytest.mark.parametrize("size", [4, 8, 16, 32])
@pytest.mark.parametrize("element", FORMATS.values(), ids=str)
def test_the_transposed_tile_is_the_same_codes(element, size):
    tiles = exact.sample((5, size, size), seed=size)
    codes, scales = requantize(tiles, element)
    turned, again = requantize(tiles.swapaxes(1, 2), element)
    np.testing.assert_array_equal(turned, codes.swapaxes(1, 2))
    np.testing.assert_array_equal(again, scales)


def test_transposing_twice_is_the_identity():
    q = quantize(tensors()["dh"], MXSF, (8, 8))
    assert q == q.T.T
    assert quantize(tensors()["dh"].T, MXSF, (8, 8)) == q.T


def test_bf16_tiles():
    tiles = BF16.array(exact.sample((3, 8, 8)))
    codes, scales = requantize(tiles)
    wide, same = requantize(np.asarray(tiles, np.float32))
    np.testing.assert_array_equal(codes, wide)
    np.testing.assert_array_equal(scales, same)


def test_stochastic_rounding_keeps_its_numbers_when_transposed():
    tiles = exact.sample((4, 8, 8), seed=1)
    draws = Lfsr(8).draw(32).reshape(4, 8, 8)
    options = {"rounding": Rounding.STOCHASTIC}
    codes, _ = requantize(tiles, random=draws, **options)
    turned, _ = requantize(tiles.swapaxes(1, 2), random=draws.swapaxes(1, 2), **options)
    np.testing.assert_array_equal(turned, codes.swapaxes(1, 2))


@pytest.mark.parametrize("shape", [(8,), (8, 4), (2, 4, 8)])
def test_tiles_must_be_square(shape):
    with pytest.raises(ValueError, match="tiles must be square"):
        requantize(np.zeros(shape, np.float32))


@pytest.mark.parametrize("element", [MXSF, E4M3], ids=str)
@pytest.mark.parametrize("name", ["h", "dh"])
def test_vector_blocks_round_twice(name, element):
    """The transposed operand is no better than the straight one; tiles lose nothing."""
    x = tensors()[name]
    blocks = quantize(x, element, (1, 32))
    again = requantize_blocks(blocks)
    assert again.block == (1, 32)
    assert again.shape == x.T.shape
    np.testing.assert_array_equal(
        again.codes, quantize(blocks.dequantize().T, element, (1, 32)).codes
    )
    assert error_db(x.T, again.dequantize()) < error_db(x, blocks.dequantize())
    assert (again.dequantize() != blocks.dequantize().T).any()
    tiles = quantize(x, element, (8, 8))
    np.testing.assert_array_equal(tiles.T.dequantize(), tiles.dequantize().T)
    with pytest.raises(ValueError, match="one axis has no transpose"):
        requantize_blocks(quantize(x[0], element))


def test_error_of_equal_values():
    assert error_db([1.0, 2.0], [1.0, 2.0]) == float("inf")


def test_numbers_are_those_of_the_register():
    """Any mix of batches gives what stepping each lane bit by bit gives."""
    lfsr = Lfsr(5)
    rows = np.concatenate([lfsr.draw(count) for count in (1, 0, 30, 31, 200, 2, 1000)])
    assert rows.dtype == np.uint16
    states = [seed(lane) for lane in range(5)]
    for row in rows:
        bits = np.zeros(5, int)
        for place in range(16):
            bits |= np.array([state & 1 for state in states]) << place
            states = [step(state) for state in states]
        assert row.tolist() == bits.tolist()


def test_the_polynomial_is_primitive():
    """x^31 + x^3 + 1 divides x^(2^31) - x and 2^31 - 1 is prime: the period is all of it."""

    def times(a, b):
        product = 0
        while b:
            if b & 1:
                product ^= a
            a, b = a << 1, b >> 1
            if a >> DEGREE:
                a ^= 1 << DEGREE | 1 << TAP | 1
        return product

    power = 2
    for _ in range(DEGREE):
        power = times(power, power)
    assert power == 2


def test_lanes_are_far_apart():
    seeds = [seed(lane) for lane in range(LANES)]
    assert len(set(seeds)) == LANES
    assert all(0 < state < 1 << DEGREE for state in seeds)
    # 2^26 steps are 2^22 numbers: lane 0 then draws what lane 1 drew first.
    assert Lfsr(1).draw((1 << 22) + 4)[-4:, 0].tolist() == Lfsr(2).draw(4)[:, 1].tolist()
    for lanes in (0, LANES + 1):
        with pytest.raises(ValueError, match=f"lanes must be 1 to 32, not {lanes}"):
            Lfsr(lanes)
    with pytest.raises(ValueError, match="lane must be 0 to 31, not 32"):
        seed(32)


def test_numbers_are_uniform():
    """Mean, bits and neighbouring lanes within 4 standard errors over 2^20 draws a lane."""
    numbers = Lfsr(8).draw(DRAWS).astype(np.float64)
    error = 65536 / np.sqrt(12 * DRAWS)
    assert np.abs(numbers.mean(axis=0) - 32767.5).max() < 4 * error
    centred = numbers - 32767.5
    for other in (np.roll(centred, 1, axis=0), np.roll(centred, 1, axis=1)):
        correlation = (centred * other).mean(axis=0) * 12 / 65536**2
        assert np.abs(correlation).max() < 4 / np.sqrt(DRAWS)


@pytest.mark.parametrize("element", [MXSF, E4M3], ids=str)
@pytest.mark.parametrize("value", [1.03, 0.3, 0.0231, 0.0011, 2.0**-13])
def test_stochastic_rounding_is_unbiased(element, value):
    """The mean over 2^20 draws is the value, within 4 standard errors."""
    tiles = np.full((DRAWS // 64, 8, 8), np.float32(value))
    tiles[:, :, 0] = element.largest  # holds the scale at 1
    draws = Lfsr(8).draw(DRAWS // 8).reshape(-1, 8, 8)
    codes, scales = requantize(tiles, element, rounding=Rounding.STOCHASTIC, random=draws)
    assert (scales == 127).all()
    values = element.decode(codes[:, :, 1:]).astype(np.float64)
    error = values.std() / np.sqrt(values.size)
    assert len(np.unique(values)) == 2
    assert abs(values.mean() - np.float64(np.float32(value))) < 4 * error


def test_a_biased_rounding_would_be_seen():
    """Half of the draws' bits missing: the mean is off by far more than 4 standard errors."""
    tiles = np.full((DRAWS // 64, 8, 8), np.float32(1.03))
    tiles[:, :, 0] = MXSF.largest
    draws = Lfsr(8).draw(DRAWS // 8).reshape(-1, 8, 8) & 0xC000
    codes, _ = requantize(tiles, rounding=Rounding.STOCHASTIC, random=draws)
    values = MXSF.decode(codes[:, :, 1:])
    assert abs(values.mean() - np.float32(1.03)) > 20 * values.std() / np.sqrt(values.size)
