"""Reads and writes of several clients over one AXI4 manager: data, rules, throughput."""

from random import Random

import numpy as np
import pytest
from designs import tiers
from manager import Manager, Traffic, run
from mxsf.sim.interface.axi_memory import MemoryTiming
from mxsf.sim.result import Stalls
from planted import Planted, on

READ, WRITTEN = 1 << 15, 1 << 14
"""Bytes that are only read, then for each writer bytes that it writes."""


def random_bursts(random, count, lanes, low, high):
    """Bursts within pages: long ones, single beats, up to the end of a page."""
    found = []
    for _ in range(count):
        beats = random.choice([1, 1, 2, 16, 16, random.randint(1, 16)])
        address = random.randrange(low, high - 16 * lanes, lanes)
        if random.random() < 0.2:
            address = (address | 4095) + 1 - beats * lanes
        beats = min(beats, (4096 - address % 4096) // lanes)
        found.append((address, beats))
    return found


def random_traffic(random, bus, readers, writers, count):
    lanes = bus // 8
    reads = [random_bursts(random, count, lanes, 0, READ) for _ in range(readers)]
    writes, data = [], []
    for k in range(writers):
        low = READ + k * WRITTEN
        bursts = random_bursts(random, count, lanes, low, low + WRITTEN)
        strobes = [(1 << lanes) - 1, 0, random.getrandbits(lanes)]
        beats = [
            (random.getrandbits(bus), random.choice(strobes)) for _, n in bursts for _ in range(n)
        ]
        writes.append(bursts)
        data.append(beats)
    return Traffic(reads, writes, data)


def random_memory(seed, writers=2):
    return np.random.default_rng(seed).integers(0, 256, READ + writers * WRITTEN, np.uint8)


SLOW = MemoryTiming((3, 60), (1, 50), outstanding=5, stalls=Stalls(0.6, 0.6, 4))
STALLED = {"valid": 0.7, "ready": 0.5, "seed": 5}


def check(component, traffic, memory, **options):
    """Run, compare every beat read and every byte written; the run."""
    bus = component.reads.bus
    after, beats = traffic.apply(memory, bus), traffic.expected(memory, bus)
    seen = run(component, traffic, memory, **options)
    for reader, golden in enumerate(beats):
        data = [(beat["data"], beat["last"]) for beat in seen.data[reader]]
        seen.result.compare(f"data of reader {reader}", data, golden)
        assert not any(beat["error"] for beat in seen.data[reader])
    seen.result.compare("the memory", memory.tobytes() == after, True)
    return seen


@pytest.mark.parametrize("bus", tiers([64, 512], [128]))
@pytest.mark.parametrize("slow", [False, True])
def test_data_and_rules(bus, slow):
    random = Random(bus)
    component = Manager(bus, ["always", 16, 40], [16, 20], outstanding=4)
    traffic = random_traffic(random, bus, 3, 2, 12)
    options = {"timing": SLOW, "stalls": STALLED} if slow else {}
    seen = check(component, traffic, random_memory(bus), **options)
    assert not seen.result.count, seen.result.mismatches
    assert sorted(seen.memory.reads) == sorted(burst for k in traffic.reads for burst in k)
    assert sorted(seen.memory.writes) == sorted(burst for k in traffic.writes for burst in k)
    assert seen.ports["r_error"] == seen.ports["w_error"] == 0
