"""Bursts by the definition, byte by byte, beside the vectorised golden function."""

from random import Random

import numpy as np
import pytest
from mxsf.golden.accelerator.bursts import bursts, spans


def greedy(addresses, record, bus):
    """Bytes taken one by one; a list of [first byte, bytes]."""
    beat, found = bus // 8, []
    for start in addresses:
        for byte in range(start, start + record):
            if found:
                first, count = found[-1]
                beats = byte // beat - first // beat + 1
                if byte == first + count and beats <= 16 and byte // 4096 == first // 4096:
                    found[-1][1] += 1
                    continue
            found.append([byte, 1])
    return found


@pytest.mark.parametrize("bus", [64, 128, 512])
@pytest.mark.parametrize("parts", [0, 1, 2, 6, 32, 70])
def test_spans(bus, parts):
    """Records of a byte, and of some beats, a little out of order."""
    random = Random(bus + parts)
    record = parts * bus // 8 or 1
    for _ in range(10):
        index, addresses = 0, []
        base = 8192 - random.randint(0, 40) * bus // 8 + (0 if parts else random.randint(0, 63))
        for _ in range(random.randint(1, 60)):
            addresses.append(base + index * record)
            index = index + 1 if random.random() < 0.9 else random.randint(0, 100)
        assert spans(addresses, record, bus).tolist() == greedy(addresses, record, bus)
        for (address, beats), (first, count) in zip(
            bursts(addresses, record, bus), greedy(addresses, record, bus), strict=True
        ):
            assert address == first - first % (bus // 8)
            assert beats == (first + count - 1) // (bus // 8) - first // (bus // 8) + 1


def test_no_records():
    assert bursts([], 64, 64) == []


def test_end_of_the_address_space():
    top = np.uint64(2**64 - 64) + np.arange(64, dtype=np.uint64)
    assert bursts(top, 1, 64) == [(2**64 - 64, 8)]


def test_errors():
    with pytest.raises(ValueError, match="record must be 1 or a multiple of 8 bytes, not 12"):
        spans([0], 12, 64)
    with pytest.raises(ValueError, match="addresses must be multiples of 8"):
        spans([4], 16, 64)
