"""Records of planes, and the bounds of what can be built."""

import re

import numpy as np
import pytest
import reference
from mxsf.golden import FORMATS, Rounding, parse
from mxsf.golden.accelerator.configuration import BUS_BITS, Configuration

ELEMENTS = [*FORMATS.values(), parse("e5m3"), parse("e5m10")]


@pytest.mark.parametrize("bus", BUS_BITS)
@pytest.mark.parametrize("element", ELEMENTS, ids=str)
def test_records(element, bus):
    built = Configuration(element, tile=4, pes=4, bus=bus)
    random = np.random.default_rng(bus)
    codes = random.integers(0, 1 << element.bits, (3, 2, 4, 4))
    records = built.pack(codes)
    assert records.shape == (3, 2, built.code_record)
    assert built.code_record % (bus // 8) == 0
    assert built.code_record - bus // 8 < 2 * element.bits <= built.code_record
    stream = int.from_bytes(records[1, 0].tobytes(), "little")
    expected = sum(int(c) << n * element.bits for n, c in enumerate(codes[1, 0].reshape(-1)))
    assert stream == expected
    unpacked = built.unpack(records)
    assert unpacked.dtype == element.code_dtype
    assert np.array_equal(unpacked, codes)


@pytest.mark.parametrize("bus", BUS_BITS)
def test_words(bus):
    built = Configuration(tile=2, pes=1, bus=bus)
    bits = [0x7F800001, 0x80000000, 1, 0x3F800000]  # a signalling NaN stays as it is
    records = built.pack_words(np.uint32(bits).view(np.float32).reshape(2, 2))
    assert records.size == built.word_record == max(16, bus // 8)
    assert records[:16].tobytes() == b"".join(word.to_bytes(4, "little") for word in bits)
    assert not records[16:].any()
    assert built.unpack_words(records).view(np.uint32).reshape(-1).tolist() == bits
    assert built.unpack_words(records)[1, 1] == reference.number(bits[3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bus": 32}, "bus must be 64, 128, 256, 512, not 32"),
        ({"address": 31}, "address must be 32 to 64, not 31"),
        ({"depth": 48}, "depth must be a power of two, 2 to 32768, not 48"),
        ({"depth": 1 << 16}, "depth must be a power of two, 2 to 32768, not 65536"),
        ({"tile": 12}, "tile must be a power of two, 2 to 32, not 12"),
        ({"tile": 64}, "tile must be a power of two, 2 to 32, not 64"),
        ({"tile": 4, "pes": 32}, "pes must be a power of two, 1 to 16, not 32"),
        ({"pes": 3}, "pes must be a power of two, 1 to 64, not 3"),
        (
            {"rounding": Rounding.HALF_AWAY},
            "rounding must be nearest_even or stochastic, not half_away",
        ),
        ({"overflow": "ovf"}, "overflow='ovf' needs NaN or Inf codes; mxsf has none"),
    ],
)
def test_bounds(options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Configuration(**options)
