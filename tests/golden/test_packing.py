"""Bit planes: exact sizes, every width, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.golden.packing import pack, plane_widths, unpack_planes

WIDTHS = range(1, 17)


@pytest.mark.parametrize("bits", WIDTHS)
def test_widths(bits):
    widths = plane_widths(bits)
    assert sum(widths) == bits
    assert all(width & (width - 1) == 0 for width in widths)
    assert sorted(widths, reverse=True) == list(widths)


@settings(max_examples=200, deadline=None)
@given(
    bits=st.sampled_from(WIDTHS),
    shape=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_back_and_forth(bits, shape, seed):
    codes = np.random.default_rng(seed).integers(0, 1 << bits, shape)
    planes = pack(codes, bits)
    for plane, width in zip(planes, plane_widths(bits), strict=True):
        assert plane.shape == (*shape[:-1], -(-shape[-1] * width // 8))
        assert plane.dtype == np.uint8
    unpacked = unpack_planes(planes, bits, shape[-1])
    assert unpacked.dtype == (np.uint16 if bits > 8 else np.uint8)
    np.testing.assert_array_equal(unpacked, codes)


@pytest.mark.parametrize("bits", WIDTHS)
def test_each_bit_has_its_place(bits):
    """By Python integers: item i of a plane is in its bits ``i * width`` and up."""
    codes = np.random.default_rng(bits).integers(0, 1 << bits, 21)
    low = 0
    for plane, width in zip(pack(codes, bits), plane_widths(bits), strict=True):
        whole = int.from_bytes(plane.tobytes(), "little")
        mask = (1 << width) - 1
        assert whole == sum((int(c) >> low & mask) << (width * i) for i, c in enumerate(codes))
        low += width


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64], ids=lambda t: t.__name__)
def test_many_codes(bits, dtype):
    """More than a slab, bit by bit, from every kind of array."""
    random = np.random.default_rng(bits)
    codes = random.integers(0, min(1 << bits, np.iinfo(dtype).max + 1), (2, 150_003)).astype(dtype)
    codes = codes[:, ::-1]  # not contiguous
    single = codes[..., None] >> np.arange(bits).astype(dtype) & 1
    low = 0
    planes = pack(codes, bits)
    for plane, width in zip(planes, plane_widths(bits), strict=True):
        items = single[..., low : low + width].reshape(2, -1).astype(np.uint8)
        np.testing.assert_array_equal(plane, np.packbits(items, axis=-1, bitorder="little"))
        low += width
    np.testing.assert_array_equal(unpack_planes(planes, bits, codes.shape[-1]), codes)


@pytest.mark.parametrize("wrong", [-1, 128])
def test_a_wrong_code_is_found_anywhere(wrong):
    codes = np.zeros(600_000, np.int16)
    codes[-1] = wrong
    with pytest.raises(ValueError, match="codes must be 0 to 127"):
        pack(codes, 7)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pack([1.0], 4), TypeError, "codes must be integers, not float64"),
        (lambda: pack([16], 4), ValueError, "codes must be 0 to 15"),
        (lambda: pack([-1], 4), ValueError, "codes must be 0 to 15"),
        (lambda: pack(3, 4), ValueError, "at least one axis"),
        (lambda: pack([1], 17), ValueError, "bits must be 1 to 16, not 17"),
        (lambda: pack([1], 4.0), TypeError, "bits must be an integer, not 4.0"),
        (lambda: unpack_planes([], 3, 1), ValueError, "3 bits are 2 planes, not 0"),
        (lambda: unpack_planes(pack([1, 2], 4), 4, 3), ValueError, "3 items of 4 bits are 2 bytes"),
        (
            lambda: unpack_planes([pack([[1]], 6)[0], pack([1], 6)[1]], 6, 1),
            ValueError,
            r"1 items of 2 bits are 1 bytes of uint8, not uint8 of shape \(1,\)",
        ),
        (lambda: unpack_planes([np.zeros(1)], 4, 2), ValueError, "not float64 of shape"),
    ],
)
def test_bad_use(call, error, message):
    with pytest.raises(error, match=message):
        call()
