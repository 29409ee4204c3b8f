"""Bursts: every burst of random records as golden predicts, whatever the timing."""

from random import Random

import numpy as np
import pytest
from mxsf.golden.accelerator.bursts import bursts, spans
from mxsf.hdl.accelerator.bursts import Bursts, record_layout, span_layout
from streaming import pack, pump, unpack


def random_job(random, bus, record, most):
    """Start of a plane and indices: runs up, down, repeats and leaps."""
    beat = bus // 8
    start = 2**20 + random.randint(0, 2 * 4096 // beat) * beat
    start += random.randint(0, beat - 1) if record == 1 else 0
    index, found = random.randint(-50, 50), []
    while len(found) < most:
        step = random.choice([1, 1, 1, -1, 0, 2])
        for _ in range(random.choice([1, 3, 20, 40])):
            found.append(index)
            index += step
        index += random.randint(-60, 60)
    return start, found[:most]


def expected(jobs, bus, record):
    """Every burst with its fields."""
    found = []
    for start, indices in jobs:
        addresses = start + np.array(indices) * record
        cut = spans(addresses, record, bus).tolist()
        for number, (burst, span) in enumerate(
            zip(bursts(addresses, record, bus), cut, strict=True)
        ):
            beat = {"address": burst[0], "length": burst[1] - 1, "last": number == len(cut) - 1}
            lane = {"lane": span[0] % (bus // 8), "bytes": span[1]} if record == 1 else {}
            found.append(beat | lane)
    return found


def run(jobs, bus, record, address=32, **options):
    layout = record_layout(address)
    records = [
        pack(layout, start=start, index=index, last=number == len(indices) - 1)
        for start, indices in jobs
        for number, index in enumerate(indices)
    ]
    seen = pump(Bursts(bus, address, record), {"i": records}, ["o"], **options)["o"]
    out = span_layout(bus, address, record)
    return [(cycle, unpack(out, payload)) for cycle, payload in seen]


CASES = [
    *((64, record) for record in (1, 8, 48, 64, 256)),
    *((128, record) for record in (1, 80)),
    *((512, record) for record in (1, 64, 256)),
]


@pytest.mark.parametrize(("bus", "record"), CASES)
@pytest.mark.parametrize(("valid", "ready"), [(1, 1), (0.5, 0.5)])
def test_bursts(bus, record, valid, ready):
    random = Random(f"{bus} {record}")
    jobs = [random_job(random, bus, record, random.choice([1, 5, 60])) for _ in range(8)]
    golden = expected(jobs, bus, record)
    records = sum(len(indices) for _, indices in jobs)
    cycles = (records + len(golden)) * (1 if valid == ready == 1 else 4) + 20
    seen = run(jobs, bus, record, cycles=cycles, valid=valid, ready=ready, seed=1)
    assert [beat for _, beat in seen] == golden


def test_a_beat_a_cycle():
    """Records of a beat that never follow one another: a burst in every cycle."""
    jobs = [(0, list(range(0, 80, 2)))] * 3
    seen = run(jobs, 512, 64, cycles=130)
    cycles = [cycle for cycle, _ in seen]
    assert cycles == list(range(cycles[0], cycles[0] + 120))


def test_full_bursts_do_not_wait():
    """Two cycles after its last record a burst that cannot grow is there."""
    seen = run([(0, [0, 1, 2])], 64, 64, cycles=40)
    assert [(cycle, beat["length"]) for cycle, beat in seen] == [(3, 15), (4, 7)]


def test_heads():
    """The head of each record alone, though the records follow one another."""
    layout, out = record_layout(32, heads=True), span_layout(64, 32, 256)
    jobs = [(0x1000 - 256, 1, [0, 1, 5]), (0x4000, 0, [0, 1])]
    records = [
        pack(layout, start=start, index=index, head=head, last=index == indices[-1])
        for start, head, indices in jobs
        for index in indices
    ]
    seen = pump(Bursts(64, 32, 256, head=32), {"i": records}, ["o"], cycles=40)["o"]
    found = [(beat["address"], beat["length"]) for beat in (unpack(out, p) for _, p in seen)]
    heads = [(0xF00, 3), (0x1000, 3), (0x1400, 3)]
    assert found == heads + [(0x4000 + 128 * k, 15) for k in range(4)]


def test_wide_addresses():
    """64 bits: the sign of an index reaches the top."""
    jobs = [(2**63, [-3, -2, 5]), (2**64 - 640, [0, 1])]
    seen = run(jobs, 64, 64, address=64, cycles=40)
    bursts = [(beat["address"], beat["length"]) for _, beat in seen]
    assert bursts == [(2**63 - 192, 15), (2**63 + 320, 7), (2**64 - 640, 15)]


def test_constructor_checks():
    with pytest.raises(ValueError, match="record must be 1 or a multiple of 8 bytes, not 20"):
        Bursts(64, 32, 20)
    with pytest.raises(ValueError, match="bus must be 64, 128, 256, 512, not 32"):
        Bursts(32, 32, 64)
    with pytest.raises(ValueError, match="address must be 32 to 64, not 16"):
        Bursts(64, 16, 64)


def test_bench_catches_wide_pages(monkeypatch):
    """Pages of 8 KiB: a burst leaves its page."""
    monkeypatch.setattr("mxsf.hdl.accelerator.bursts._PAGE_BITS", 13)
    jobs = [(4096 - 64, [0, 1, 2])]
    seen = run(jobs, 64, 64, cycles=20)
    assert [beat for _, beat in seen] != expected(jobs, 64, 64)
