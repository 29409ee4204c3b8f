"""An AXI4 manager of readers and writers on a memory, every rule watched."""

from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from mxsf.hdl.accelerator.ports import (
    burst_layout,
    connect_reads,
    connect_writes,
    manager_ports,
)
from mxsf.hdl.accelerator.reads import Reads, read_layout
from mxsf.hdl.accelerator.writes import Writes, write_layout
from mxsf.hdl.stream.register import link
from mxsf.sim.interface.axi_memory import AxiMemory
from mxsf.sim.interface.axi_rules import AxiRules
from mxsf.sim.result import Result
from streaming import Streams, pack, simulator, unpack

ADDRESS = 32


class Manager(wiring.Component):
    """Reads and writes behind the ports of a bus, each client's streams beside them.

    Streams: ``rb0`` bursts of reader 0, ``rd0`` its data, ``wb0`` and ``wd0`` those of writer 0.
    """

    def __init__(self, bus, rooms, depths, outstanding):
        self.reads = Reads(bus, ADDRESS, rooms, outstanding)
        self.writes = Writes(bus, ADDRESS, depths, outstanding)
        bursts = In(stream.Signature(burst_layout(ADDRESS)))
        read, write = stream.Signature(read_layout(bus)), stream.Signature(write_layout(bus))
        super().__init__(
            {
                **manager_ports(bus, ADDRESS),
                **{f"rb{k}": bursts for k in range(len(rooms))},
                **{f"rd{k}": Out(read) for k in range(len(rooms))},
                **{f"wb{k}": bursts for k in range(len(depths))},
                **{f"wd{k}": In(write) for k in range(len(depths))},
                **{name: In(1) for name in ("cancel", "clear")},
                **{f"{kind}_idle": Out(1) for kind in "rw"},
                **{f"{kind}_error": Out(2) for kind in "rw"},
                **{f"{kind}_error_address": Out(ADDRESS) for kind in "rw"},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads, m.submodules.writes = self.reads, self.writes
        connect_reads(m, self, self.reads)
        connect_writes(m, self, self.writes)
        for kind, unit in (("r", self.reads), ("w", self.writes)):
            m.d.comb += [unit.cancel.eq(self.cancel), unit.clear.eq(self.clear)]
            for name in ("idle", "error", "error_address"):
                m.d.comb += getattr(self, f"{kind}_{name}").eq(getattr(unit, name))
        for k in range(len(self.reads.rooms)):
            link(m, getattr(self, f"rb{k}"), self.reads.bursts[k])
            link(m, self.reads.data[k], getattr(self, f"rd{k}"))
        for k in range(len(self.writes.depths)):
            link(m, getattr(self, f"wb{k}"), self.writes.bursts[k])
            link(m, getattr(self, f"wd{k}"), self.writes.data[k])
        return m


@dataclass
class Traffic:
    """What clients ask for: bursts (address, beats) by reader and writer, and what is written."""

    reads: list[list[tuple[int, int]]]
    writes: list[list[tuple[int, int]]]
    data: list[list[tuple[int, int]]] = field(default_factory=list)  # data, strobes

    def inputs(self, bus):
        """Payloads by stream."""
        burst, word, found = burst_layout(ADDRESS), write_layout(bus), {}
        for kind, clients in (("rb", self.reads), ("wb", self.writes)):
            for k, bursts in enumerate(clients):
                found[f"{kind}{k}"] = [pack(burst, address=a, length=n - 1) for a, n in bursts]
        for k, beats in enumerate(self.data):
            found[f"wd{k}"] = [pack(word, data=d, strb=s) for d, s in beats]
        return found

    def apply(self, memory, bus):
        """The memory after the writes."""
        lanes = bus // 8
        after = bytearray(memory.tobytes())
        for bursts, beats in zip(self.writes, self.data, strict=True):
            addresses = [a + k * lanes for a, n in bursts for k in range(n)]
            for address, (word, strobes) in zip(addresses, beats, strict=True):
                for lane, byte in enumerate(word.to_bytes(lanes, "little")):
                    if strobes >> lane & 1:
                        after[address + lane] = byte
        return bytes(after)

    def expected(self, memory, bus):
        """For each reader (data, last) of every beat."""
        lanes, found = bus // 8, []
        for bursts in self.reads:
            beats = []
            for address, count in bursts:
                for k in range(count):
                    low = address + k * lanes
                    word = int.from_bytes(memory[low : low + lanes].tobytes(), "little")
                    beats.append((word, int(k == count - 1)))
            found.append(beats)
        return found


@dataclass
class Run:
    """What a run saw."""

    result: Result
    data: list[list[dict[str, int]]]
    cycles: list[list[int]]
    memory: AxiMemory
    ports: dict[str, int]


class Bench:
    """A manager on a memory, cycle by cycle, inside a testbench.

    Args:
        pins: of a ``Manager``.
        component: the manager.
        memory: see ``AxiMemory``.
        promised: bursts at most under way each way, as many as the manager is built for.
        options: of ``AxiMemory``.
    """

    def __init__(self, pins: Any, component: Manager, memory: Any, promised=None, **options: Any):
        self.pins, self.component = pins, component
        bus, outstanding = component.reads.bus, promised or component.reads.outstanding
        self.result = Result("")
        self.memory = AxiMemory(pins, memory, bus, **options)
        self.rules = AxiRules(pins, bus, self.result, reads=outstanding, writes=outstanding)
        self.streams: Any = None

    def offer(self, traffic, **stalls):
        """Begin with new traffic; what was offered before is withdrawn."""
        rooms = self.component.reads.rooms
        outputs = [f"rd{k}" for k in range(len(rooms))]
        always = [name for name, room in zip(outputs, rooms, strict=True) if room == "always"]
        inputs = traffic.inputs(self.component.reads.bus)
        self.streams = Streams(self.pins, inputs, outputs, always=always, **stalls)

    async def cycle(self):
        """One cycle; what was on the bus."""
        self.streams.drive()
        seen = self.memory.cycle()
        self.rules.check(seen)
        self.streams.watch()
        await self.pins.tick()
        self.result.cycles += 1
        return seen

    @property
    def idle(self):
        return self.pins.get("r_idle") and self.pins.get("w_idle")

    async def drain(self, most=20000):
        """Go on until nothing is offered or under way."""
        for _ in range(most):
            await self.cycle()
            if not any(self.streams.queues.values()) and not self.memory.busy and self.idle:
                break
        else:
            self.result.note("the bus never came to rest")
        quiet, came = 0, -1
        while quiet < 30:  # what FIFOs hold
            await self.cycle()
            before, came = came, sum(map(len, self.streams.seen.values()))
            quiet = quiet + 1 if came == before else 0
        self.rules.end()


def run(component, traffic, memory, *, engine="amaranth", planted=None, most=20000, **options):
    """Run traffic to its end."""
    stalls = options.pop("stalls", {})
    found = {}
    ports = ("r_idle", "w_idle", "r_error", "w_error", "r_error_address", "w_error_address")

    async def testbench(pins):
        bench = Bench(pins, component, memory, **options)
        bench.offer(traffic, **stalls)
        await bench.drain(most)
        found["bench"] = bench
        found["ports"] = {name: pins.get(name) for name in ports}

    chosen = simulator(component, engine)
    (planted(chosen) if planted else chosen).run(testbench)
    bench = found["bench"]
    layout = read_layout(component.reads.bus)
    seen = bench.streams.seen.values()
    return Run(
        bench.result,
        [[unpack(layout, payload) for _, payload in beats] for beats in seen],
        [[cycle for cycle, _ in beats] for beats in seen],
        bench.memory,
        found["ports"],
    )
