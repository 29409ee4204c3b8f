"""A whole reader: a view's indices, their bursts, the bus, a memory."""

from random import Random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from mxsf.golden.accelerator.bursts import bursts
from mxsf.hdl.accelerator.bursts import Bursts
from mxsf.hdl.accelerator.ports import connect_reads, manager_ports
from mxsf.hdl.accelerator.reads import Reads, read_layout
from mxsf.hdl.accelerator.view import ViewWalk, view_layout
from mxsf.hdl.stream.register import link
from mxsf.sim.interface.axi_memory import AxiMemory, MemoryTiming
from mxsf.sim.interface.axi_rules import AxiRules
from mxsf.sim.result import Result, Stalls
from streaming import Streams, pack, simulator, unpack

START = 0x3000 - 64 * 3


class Reader(wiring.Component):
    """Reads the records of a plane at ``START`` in the order of a view."""

    def __init__(self, bus, record, outstanding):
        self.bus, self.record, self.outstanding = bus, record, outstanding
        super().__init__(
            {
                **manager_ports(bus, 32),
                "i": In(stream.Signature(view_layout())),
                "o": Out(stream.Signature(read_layout(bus))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = ViewWalk()
        m.submodules.bursts = bursts = Bursts(self.bus, 32, self.record)
        m.submodules.reads = reads = Reads(self.bus, 32, [64], self.outstanding)
        record, asked = bursts.i.payload, reads.bursts[0]
        m.d.comb += [
            record.index.eq(walk.o.payload.index),
            record.last.eq(walk.o.payload.last),
            record.start.eq(START),
            bursts.i.valid.eq(walk.o.valid),
            walk.o.ready.eq(bursts.i.ready),
            asked.payload.address.eq(bursts.o.payload.address),
            asked.payload.length.eq(bursts.o.payload.length),
            asked.valid.eq(bursts.o.valid),
            bursts.o.ready.eq(asked.ready),
        ]
        link(m, self.i, walk.i)
        connect_reads(m, self, reads)
        link(m, reads.data[0], self.o)
        return m


def indices(view):
    return [
        i // view["run"] * view["jump"]
        + i % view["run"] * view["pitch"]
        + j // view["crun"] * view["cjump"]
        + j % view["crun"]
        for i in range(view["rows"])
        for j in range(view["columns"])
    ]


def read(reader, views, timing, most=3000):
    """What was on the bus, and the words that came with their cycles."""
    memory = np.random.default_rng(0).integers(0, 256, 1 << 16, np.uint8)
    found, result = {}, Result("")

    async def testbench(pins):
        jobs = [pack(view_layout(), **view) for view in views]
        streams = Streams(pins, {"i": jobs}, ["o"])
        bus = AxiMemory(pins, memory, reader.bus, timing)
        rules = AxiRules(pins, reader.bus, result, reads=reader.outstanding, writes=0)
        quiet = 0
        while quiet < 60 and result.cycles < most:
            streams.drive()
            rules.check(bus.cycle())
            streams.watch()
            quiet = 0 if bus.busy or streams.queues["i"] else quiet + 1
            await pins.tick()
            result.cycles += 1
        rules.end()
        found.update(bus=bus, words=streams.seen["o"])

    simulator(reader).run(testbench)
    layout = read_layout(reader.bus)
    words = [(cycle, unpack(layout, payload)["data"]) for cycle, payload in found["words"]]
    return result, memory, found["bus"], words


def random_view(random):
    sizes = {"rows": random.randint(1, 4), "columns": random.randint(1, 8)}
    runs = {"run": random.randint(1, 3), "crun": random.randint(1, 4)}
    return {**sizes, **runs, **{name: random.randint(0, 40) for name in ("pitch", "jump", "cjump")}}


@pytest.mark.parametrize(("bus", "record"), [(64, 64), (128, 48), (512, 64)])
def test_views(bus, record):
    """Every burst as golden predicts, every word that of the memory."""
    random = Random(record)
    views = [random_view(random) for _ in range(4)]
    timing = MemoryTiming((5, 30), outstanding=6, stalls=Stalls(0.8, 0.8, 1))
    result, memory, seen, words = read(Reader(bus, record, 4), views, timing)
    assert not result.count, result.mismatches
    addresses = [[START + index * record for index in indices(view)] for view in views]
    assert seen.reads == [burst for job in addresses for burst in bursts(job, record, bus)]
    golden = b"".join(memory[a : a + record].tobytes() for job in addresses for a in job)
    assert b"".join(word.to_bytes(bus // 8, "little") for _, word in words) == golden


def test_a_beat_a_cycle():
    """A tile in each beat of 512 bits, none beside another in memory, views back to back."""
    column = {"rows": 60, "columns": 1, "run": 60, "pitch": 3, "jump": 0, "crun": 1, "cjump": 0}
    timing = MemoryTiming(outstanding=64)
    result, _, seen, words = read(Reader(512, 64, 48), [column] * 3, timing)
    assert not result.count, result.mismatches
    assert [beats for _, beats in seen.reads] == [1] * 180
    assert words[-1][0] - words[0][0] == 179


def test_bench_catches_wide_pages(monkeypatch):
    """Pages of 8 KiB in place of 4: the rules of the bus see it."""
    monkeypatch.setattr("mxsf.hdl.accelerator.bursts._PAGE_BITS", 13)
    row = {"rows": 1, "columns": 4, "run": 1, "pitch": 0, "jump": 0, "crun": 4, "cjump": 0}
    result, *_ = read(Reader(512, 64, 4), [row], MemoryTiming())
    assert "leaves its page" in result.mismatches[0]
