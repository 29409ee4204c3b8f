"""Reads and writes of several clients over one AXI4 manager: data, rules, throughput."""

from random import Random

import numpy as np
import pytest
from amaranth.hdl import Const
from designs import needs_gcc, tiers
from manager import Bench, Manager, Traffic, run
from mxsf.hdl.accelerator.arbiter import choose_burst
from mxsf.hdl.accelerator.reads import Reads
from mxsf.hdl.accelerator.writes import Writes
from mxsf.sim.interface.axi_memory import Fault, MemoryTiming
from mxsf.sim.result import Stalls
from planted import Planted, on
from streaming import simulator

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
    traffic = random_traffic(random, bus, 3, 2, 8)
    options = {"timing": SLOW, "stalls": STALLED} if slow else {}
    seen = check(component, traffic, random_memory(bus), **options)
    assert not seen.result.count, seen.result.mismatches
    assert sorted(seen.memory.reads) == sorted(burst for k in traffic.reads for burst in k)
    assert sorted(seen.memory.writes) == sorted(burst for k in traffic.writes for burst in k)
    assert seen.ports["r_error"] == seen.ports["w_error"] == 0


@needs_gcc
@pytest.mark.long
@pytest.mark.parametrize("bus", [64, 128, 512])
def test_much_traffic(bus):
    """Many bursts, on memories of several speeds."""
    random = Random(bus)
    component = Manager(bus, ["always", 16, 40, 64], [16, 20, 33], outstanding=6)
    for timing in (SLOW, MemoryTiming((0, 0), (0, 0)), MemoryTiming((200, 200), (9, 9))):
        traffic = random_traffic(random, bus, 4, 3, 200)
        options = {"timing": timing, "engine": "cxxrtl", "most": 200_000}
        seen = check(component, traffic, random_memory(bus, 3), stalls=STALLED, **options)
        assert not seen.result.count, seen.result.mismatches


@pytest.mark.parametrize(("bus", "beats", "outstanding"), [(64, 16, 4), (512, 1, 44)])
def test_throughput(bus, beats, outstanding):
    """A beat a cycle each way, where bursts in flight cover the latency of 40 cycles."""
    lanes, count = bus // 8, 320 // beats
    reads = [(k * beats * lanes % READ, beats) for k in range(count)]
    writes = [(READ + k * beats * lanes % WRITTEN, beats) for k in range(count)]
    traffic = Traffic([reads], [writes], [[(k, 1) for k in range(320)]])
    component = Manager(bus, [64 if beats > 1 else 128], [64], outstanding)
    seen = check(component, traffic, random_memory(1), timing=MemoryTiming(outstanding=64))
    assert not seen.result.count, seen.result.mismatches
    first, *_, last = seen.cycles[0]
    assert last - first == 319
    assert first == 43  # arvalid in 1, rvalid in 41, two cycles of the FIFO
    assert seen.result.cycles < 320 + 44 + 45 + 40


def reader_turns():
    """Who was asked for, of four readers with many bursts, one of them slow."""
    bursts = [[(k << 13 | n << 7, 16) for n in range(8)] for k in range(4)]
    component = Manager(64, ["always", "always", 64, "always"], [16], outstanding=4)
    seen = check(component, Traffic(bursts, [[]], [[]]), random_memory(2))
    assert not seen.result.count, seen.result.mismatches
    return [address >> 13 for address, _ in seen.memory.reads]


def test_no_reader_starves():
    """Whoever has room is asked for after each of the others at most once."""
    asked = reader_turns()
    assert all(set(asked[k : k + 4]) == set(range(4)) for k in range(4 * 7))


def test_no_writer_starves():
    bursts = [[(READ | k << 12 | n << 7, 16) for n in range(8)] for k in range(3)]
    data = [[(k << 9 | n, 255) for n in range(128)] for k in range(3)]
    component = Manager(64, ["always"], [16, 64, 16], outstanding=2)
    memory, timing = random_memory(2), MemoryTiming((1, 1), (40, 40))
    seen = check(component, Traffic([[]], bursts, data), memory, timing=timing)
    assert not seen.result.count, seen.result.mismatches
    begun = [address >> 12 & 7 for address, _ in seen.memory.writes]
    assert all(set(begun[k : k + 3]) == {0, 1, 2} for k in range(3, 20))


FAULTS = [
    ([Fault(0x1040)], "r", 2, 0x1040),
    ([Fault(beat=17, response=3)], "r", 3, 0x1040),
    ([Fault(READ + 64, write=True, response=3)], "w", 3, READ + 64),
    ([Fault(beat=20, write=True)], "w", 2, READ + 128),
    ([Fault(0x1080, response=3), Fault(0x1040)], "r", 2, 0x1040),
]


@pytest.mark.parametrize(("faults", "kind", "response", "address"), FAULTS)
def test_first_error(faults, kind, response, address):
    """Response and address of the first burst that is refused, and no other byte is touched."""
    traffic = Traffic(
        [[(0x1000, 8), (0x1040, 16), (0x1080, 4)]],
        [[(READ, 8), (READ + 64, 8), (READ + 128, 8)]],
        [[(3**k, 255) for k in range(24)]],
    )
    memory = random_memory(6)
    before, after = memory.copy(), traffic.apply(memory, 64)
    golden = traffic.expected(memory, 64)[0]
    component = Manager(64, [16], [16], outstanding=3)
    seen = run(component, traffic, memory, faults=faults)
    assert not seen.result.count, seen.result.mismatches
    assert seen.ports[f"{kind}_error"] == response
    assert seen.ports[f"{kind}_error_address"] == address
    assert seen.ports["w_error" if kind == "r" else "r_error"] == 0
    marked = [beat["error"] for beat in seen.data[0]]
    if kind == "r":
        refused = range(17, 18) if faults[0].beat else range(8, 24 + 4 * (len(faults) > 1))
        assert [n for n, bad in enumerate(marked) if bad] == list(refused)
    else:
        assert not any(marked)
        after = bytearray(after)
        after[address : address + 64] = before[address : address + 64].tobytes()
    for beat, word in zip(seen.data[0], golden, strict=True):
        assert beat["error"] or (beat["data"], beat["last"]) == word
    assert memory.tobytes() == bytes(after)


@pytest.mark.parametrize("seed", range(4))
def test_cancel(seed):
    """At any time: all comes to rest by itself, what follows is right; no rule is broken."""
    random = Random(seed)
    component = Manager(64, ["always", 16, 40], [16, 24], outstanding=4)
    memory = random_memory(seed)
    seen = {}

    async def testbench(pins):
        bench = Bench(pins, component, memory, timing=SLOW)
        for _ in range(2):
            first = random_traffic(random, 64, 3, 2, 6)
            key = random.getrandbits(64)  # bursts overlap: a byte has one new value
            for k, bursts in enumerate(first.writes):
                addresses = [address + 8 * n for address, beats in bursts for n in range(beats)]
                first.data[k] = [
                    ((address * 0x9E3779B97F4A7C15 ^ key) % 2**64, 255) for address in addresses
                ]
            before, after = memory.tobytes(), first.apply(memory, 64)
            bench.offer(first, **STALLED)
            for _ in range(random.randint(20, 150)):
                await bench.cycle()
            pins.set("cancel", 1)
            bench.offer(Traffic([[]] * 3, [[]] * 2, [[]] * 2))
            reads, cycles = len(bench.memory.reads), bench.result.cycles
            while not (bench.idle and not bench.memory.busy):
                await bench.cycle()
                assert bench.result.cycles < cycles + 1000
            assert len(bench.memory.reads) <= reads + 1  # arvalid cannot fall
            assert not any(bench.streams.seen.values())
            changed = zip(memory.tobytes(), before, after, strict=True)
            assert all(now in (old, new) for now, old, new in changed)
            pins.set("cancel", 0)
            second = random_traffic(random, 64, 3, 2, 4)
            golden, after = second.expected(memory, 64), second.apply(memory, 64)
            bench.offer(second)
            await bench.drain()
            assert memory.tobytes() == after
            data = [[payload for _, payload in seen] for seen in bench.streams.seen.values()]
            words = [[p & (2**64 - 1) for p in beats] for beats in data]
            assert words == [[word for word, _ in beats] for beats in golden]
        seen["result"] = bench.result

    simulator(component).run(testbench)
    assert not seen["result"].count, seen["result"].mismatches


def test_cancel_ends_writes_without_strobes():
    """What is begun ends, and changes nothing from the second beat after ``cancel`` on."""
    component = Manager(64, ["always"], [32], outstanding=2)
    memory = random_memory(9)
    before = memory.copy()
    bursts = [(READ, 16), (READ + 128, 16), (READ + 256, 16)]
    found = []

    async def testbench(pins):
        bench = Bench(pins, component, memory)
        bench.offer(Traffic([[]], [bursts], [[(2**64 - 1, 255)] * 48]))
        for _ in range(26):
            await bench.cycle()
        pins.set("cancel", 1)
        bench.offer(Traffic([[]], [[]], [[]]))
        while not bench.idle:
            await bench.cycle()
        bench.rules.end()
        found.extend([bench.result.mismatches, bench.memory.writes, bench.memory.beats_written])

    simulator(component).run(testbench)
    assert found == [[], bursts[:1], 16]
    written = int((memory != before).sum())
    assert 0 < written < 128
    assert (memory[READ : READ + written] == 255).all()


def test_clear():
    """An error is forgotten, and the next one kept."""
    component = Manager(64, ["always"], [16], outstanding=2)
    found = []

    async def testbench(pins):
        faults = [Fault(0x40), Fault(0x80, response=3)]
        bench = Bench(pins, component, random_memory(0), faults=faults)
        for address in (0x40, 0x80, 0x80):
            bench.offer(Traffic([[(address, 1)]], [[]], [[]]))
            await bench.drain()
            found.append((pins.get("r_error"), pins.get("r_error_address")))
            if address == 0x80:
                pins.set("clear", 1)
                await bench.cycle()
                pins.set("clear", 0)

    simulator(component).run(testbench)
    assert found == [(2, 0x40), (2, 0x40), (3, 0x80)]


PLANTED = [
    (on("m_axi_wlast", lambda value, pins: 0), "wlast is 0x0, must be 0x1"),
    (on("m_axi_arlen", lambda value, pins: value + 16), "must be at most 15"),
    (on("m_axi_araddr", lambda value, pins: value ^ 4), "is not aligned"),
    (on("m_axi_awaddr", lambda value, pins: value | 0xFF8), "leaves its page"),
    (on("m_axi_araddr", lambda value, pins: value + 8 * pins.ticks), "payload of ar changed"),
    (on("m_axi_arvalid", lambda value, pins: value & (pins.ticks % 8 > 0)), "arvalid fell"),
    (on("m_axi_wvalid", lambda value, pins: 1), "offered before their address"),
    (on("m_axi_arcache", lambda value, pins: 0), "m_axi_arcache is 0x0, must be 0x3"),
    (on("m_axi_awvalid", lambda value, pins: value & pins.get("m_axi_awready")), "depends on an"),
]


@pytest.mark.parametrize(("change", "caught"), PLANTED, ids=[text for _, text in PLANTED])
def test_bus_catches_a_planted_bug(change, caught):
    traffic = random_traffic(Random(1), 64, 1, 1, 6)
    timing = MemoryTiming((3, 60), (1, 50), stalls=Stalls(0.6, 0.2, 4))
    options = {"timing": timing, "planted": lambda simulator: Planted(simulator, change)}
    component = Manager(64, ["always"], [16], outstanding=4)
    seen = run(component, traffic, random_memory(0), most=400, **options)
    assert any(caught in line for line in seen.result.mismatches), seen.result.mismatches


def test_bus_catches_too_many_bursts():
    component = Manager(64, ["always"], [16], outstanding=4)
    traffic = Traffic([[(0, 16)] * 8], [[]], [[]])
    seen = run(component, traffic, random_memory(0), promised=3)
    assert "more than 3 bursts of ar are under way" in seen.result.mismatches[0]


def test_turns_catches_a_fixed_priority(monkeypatch):
    """The lowest that asks in place of a circle: the others wait."""
    lowest = lambda m, asked, taken, name: (asked & -asked)[: len(asked)]  # noqa: E731
    monkeypatch.setattr("mxsf.hdl.accelerator.arbiter.round_robin", lowest)
    assert reader_turns()[:8] == [0] * 8


def test_bench_catches_a_lost_credit(monkeypatch):
    """A reader's room is not counted: its FIFO overflows."""
    monkeypatch.setattr("mxsf.hdl.accelerator.reads.Mux", lambda *_: 0)
    component = Manager(64, [16], [16], outstanding=4)
    traffic = Traffic([[(0, 16)] * 4], [[]], [[]])
    seen = check(component, traffic, random_memory(0), stalls=STALLED, most=400)
    assert "data of reader 0" in seen.result.mismatches[0]


def test_bus_catches_a_hasty_burst(monkeypatch):
    """A burst begins before its data are there."""

    def hasty(m, bursts, may_ask, allowed):
        return choose_burst(m, bursts, Const(-1, len(bursts)), allowed)

    monkeypatch.setattr("mxsf.hdl.accelerator.writes.choose_burst", hasty)
    traffic = Traffic([[]], [[(READ, 16)]], [[(k, 255) for k in range(16)]])
    seen = run(Manager(64, [16], [16], outstanding=4), traffic, random_memory(0), stalls=STALLED)
    assert "data pause within a burst" in seen.result.mismatches[0]


def test_constructor_checks():
    with pytest.raises(ValueError, match="room must be at least 16, not 15"):
        Reads(64, 32, ["always", 15], 4)
    with pytest.raises(ValueError, match="outstanding must be at least 1, not 0"):
        Reads(64, 32, ["always"], 0)
    with pytest.raises(ValueError, match="number of writers must be at least 1, not 0"):
        Writes(64, 32, [], 4)
    with pytest.raises(TypeError, match="depth must be of type int, not 'always'"):
        Writes(64, 32, ["always"], 4)
