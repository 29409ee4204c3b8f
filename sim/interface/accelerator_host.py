"""A host of the accelerator: sets it up, runs programs, reads what they left, rules watched."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import BASES
from ...golden.accelerator.fault import Fault as FaultCode
from ...golden.accelerator.fault import Window
from ...golden.accelerator.machine import Outcome
from ...hdl.accelerator.accelerator import COUNTERS, Accelerator
from ...hdl.accelerator.register_map import halves
from ...hdl.interface.axi_lite import lite_widths
from ..result import NO_STALLS, Result, Stalls
from ..simulator.simulator import Pins
from .axi_bus import BusCycle
from .axi_lite import Host, lite_channels
from .axi_memory import AxiMemory, Fault, MemoryTiming
from .axi_rules import AxiRules
from .handshake import Beat, Handshakes

__all__ = ["ABORT", "CLEAR", "GO", "AcceleratorHost", "Run"]

GO, ABORT, CLEAR = 1, 2, 4
"""Bits of ``control``."""

_POLL = 50  # cycles


class Run(NamedTuple):
    """What a run of a program left.

    Attributes:
        outcome: what the registers say of it, as the golden machine's.
        cycles: from the write of ``go`` until the end was seen.
        counters: how much each has grown.
    """

    outcome: Outcome
    cycles: int
    counters: dict[str, int]


class AcceleratorHost:
    """An accelerator on a memory, and a host that writes its registers, inside a testbench.

    The rules of both buses are checked in every cycle. An accelerator fresh from reset, whose
    counters are 0.

    Args:
        pins: of the accelerator.
        component: the accelerator.
        memory: uint8; what is written changes it.
        result: gets what was wrong.
        timing: of the memory.
        stalls: of the host.
        origin, faults: of the memory.

    Attributes:
        memory: what is on the bus.
        seen: what was on the bus in the last cycle.
        lite: the channels to the registers.
        host: reads and writes registers.
    """

    seen: BusCycle

    def __init__(
        self,
        pins: Pins,
        component: Accelerator,
        memory: NDArray[np.uint8],
        result: Result,
        timing: MemoryTiming | None = None,
        stalls: Stalls = NO_STALLS,
        origin: int = 0,
        faults: Iterable[Fault] = (),
    ):
        self.pins, self.component, self.result = pins, component, result
        self.attach(memory, timing, origin, faults)
        bus, most = component.bus, component.outstanding
        self._rules = AxiRules(pins, bus, result, reads=most, writes=most)
        self.lite = Handshakes(pins, lite_channels(), lite_widths(), stalls, result, "")
        self.host = Host(component.registers, self.lite, self.step, result)
        self._counted = dict.fromkeys(COUNTERS, 0)
        self._begun = 0

    def attach(
        self,
        memory: NDArray[np.uint8],
        timing: MemoryTiming | None = None,
        origin: int = 0,
        faults: Iterable[Fault] = (),
    ) -> None:
        """Put another memory on the bus, while nothing is under way."""
        self.memory = AxiMemory(
            self.pins, memory, self.component.bus, timing, faults, origin=origin
        )

    def _bus(self) -> None:
        self.seen = self.memory.cycle()
        self._rules.check(self.seen)

    async def step(self) -> dict[str, Beat]:
        """Pass a cycle of both buses; what was transferred to and from the registers."""
        self._bus()
        return await self.lite.cycle()

    async def wait(self, cycles: int) -> None:
        """Pass cycles in which the host does nothing."""
        for _ in range(cycles):
            self._bus()
            await self.pins.tick()
            self.result.cycles += 1

    async def write(self, name: str, value: int) -> None:
        """Write both halves of a value."""
        for half, part in zip(halves(name), (value & 0xFFFFFFFF, value >> 32), strict=True):
            await self.host.write(half, part)

    async def read(self, name: str) -> int:
        """Read both halves of a value."""
        low, high = [await self.host.read(half) for half in halves(name)]
        return high << 32 | low

    async def set_up(
        self, bases: Sequence[int] = (0,) * BASES, window: Window | None = None
    ) -> None:
        """Write base registers and window, by default all addresses; enable the interrupt."""
        whole = 1 << self.component.address
        for number, base in enumerate(bases):
            await self.write(f"base_{number}", base % whole)
        low, high = window or Window(0, whole)
        await self.write("window_low", low)
        await self.write("window_high", high % whole)
        await self.host.write("irq_enable", 1)

    async def begin(self, program: int) -> None:
        """Begin the program at an address."""
        await self.write("program", program)
        self._begun = self.result.cycles
        await self.act(GO)

    async def act(self, bits: int) -> None:
        """Write ``control``, which must not refuse it."""
        if not await self.host.write("control", bits):
            self.result.note(f"control refuses {bits}")

    async def run(self, program: int, limit: int = 100_000) -> Run:
        """Run a program to its end.

        Args:
            program: its address.
            limit: most cycles; more are noted.
        """
        await self.begin(program)
        return await self.end(limit)

    async def end(self, limit: int = 100_000) -> Run:
        """Wait for the end of what runs; what became of it. The interrupt is taken back."""
        status = await self.ended(limit)
        cycles = self.result.cycles - self._begun
        irq = status >> 1 & 1
        self.result.compare("irq", self.pins.get("irq"), irq & self.host.written["irq_enable"])
        addresses = [await self.read(name) for name in ("descriptor", "bus", "program")]
        outcome = Outcome(FaultCode(status >> 4), *addresses, irq=bool(irq))
        before, self._counted = self._counted, await self.counters()
        await self.act(CLEAR)
        self.result.compare("irq after clear", self.pins.get("irq"), 0)
        grown = {name: count - before[name] for name, count in self._counted.items()}
        return Run(outcome, cycles, grown)

    async def ended(self, limit: int = 100_000) -> int:
        """Wait until nothing runs; what ``status`` says then."""
        while (status := await self.host.read("status")) & 1:
            if self.result.cycles - self._begun > limit:
                self.result.note(f"the program does not end within {limit} cycles")
                break
            await self.wait(_POLL)
        return status

    async def counters(self) -> dict[str, int]:
        """What all counters say."""
        return {name: await self.read(f"count_{name}") for name in COUNTERS}

    def check_idle(self) -> None:
        """Check that nothing is left over on the bus."""
        self._rules.end()
