"""Bench of the accelerator: programs on a memory with random latency, against the golden machine."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import BASES
from ...golden.accelerator.fault import Window
from ...golden.accelerator.machine import Machine, Outcome
from ...hdl.accelerator.accelerator import COUNTERS, Accelerator
from ...hdl.accelerator.register_map import halves
from ...hdl.interface.axi_lite import lite_widths
from ..interface.axi_lite import Host, lite_channels
from ..interface.axi_memory import AxiMemory, Fault, MemoryTiming
from ..interface.axi_rules import AxiRules
from ..interface.handshake import Beat, Handshakes
from ..result import NO_STALLS, Result, Stalls
from ..simulator.simulator import Pins

__all__ = ["AcceleratorHost", "Run"]


class Run(NamedTuple):
    """What a run of a program left.

    Attributes:
        outcome: what the registers say of it, as the golden machine's.
        cycles: from the transfer of ``go`` until the end was seen.
        counters: how much each has grown.
    """

    outcome: Outcome
    cycles: int
    counters: dict[str, int]


class AcceleratorHost:
    """An accelerator on a memory, and a host that writes its registers, inside a testbench.

    The rules of both buses are checked in every cycle.

    Args:
        pins: of the accelerator.
        component: the accelerator.
        memory: uint8, from address 0; what is written changes it.
        result: gets what was wrong.
        timing: of the memory.
        stalls: of the host.
        faults: what the memory refuses.
    """

    def __init__(
        self,
        pins: Pins,
        component: Accelerator,
        memory: NDArray[np.uint8],
        result: Result,
        timing: MemoryTiming | None = None,
        stalls: Stalls = NO_STALLS,
        faults: Iterable[Fault] = (),
    ):
        self.pins, self.component, self.result = pins, component, result
        bus, most = component.bus, component.outstanding
        self.memory = AxiMemory(pins, memory, bus, timing, faults)
        # Of the register behind each address channel too.
        self._rules = AxiRules(pins, bus, result, reads=most, writes=most)
        self._lite = Handshakes(pins, lite_channels(), lite_widths(), stalls, result, "")
        self.host = Host(component.registers, self._lite, self._step, result)

    async def _step(self) -> dict[str, Beat]:
        """A cycle of both buses."""
        self._rules.check(self.memory.cycle())
        return await self._lite.cycle()

    async def wait(self, cycles: int) -> None:
        """Pass cycles in which the host does nothing."""
        for _ in range(cycles):
            self._rules.check(self.memory.cycle())
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

    async def counters(self) -> dict[str, int]:
        """What all counters say."""
        return {name: await self.read(f"count_{name}") for name in COUNTERS}

    async def set_up(self, bases: Sequence[int] = (0,) * BASES, window: Window | None = None):
        """Write base registers and window; enable the interrupt."""
        for number, base in enumerate(bases):
            await self.write(f"base_{number}", base)
        whole = 1 << self.component.address
        low, high = window or Window(0, whole)
        await self.write("window_low", low)
        await self.write("window_high", high % whole)
        await self.host.write("irq_enable", 1)

    async def run(self, program: int, limit: int = 1_000_000) -> Run:
        """Run a program to its end.

        Args:
            program: its address.
            limit: most cycles.
        """
        before = await self.counters()
        await self.write("program", program)
        await self.host.write("control", 1)
        begun = self.result.cycles
        while await self.host.read("status") & 1:
            if self.result.cycles - begun > limit:
                self.result.note("the program does not end")
                break
            await self.wait(50)
        return await self.ended(before, begun)

    async def ended(self, before: dict[str, int], begun: int) -> Run:
        """What became of a program that began in a cycle, with counters as they were."""
        cycles = self.result.cycles - begun
        status = await self.host.read("status")
        outcome = Outcome(
            status >> 4,
            await self.read("descriptor"),
            await self.read("bus"),
            await self.read("program"),
            bool(status >> 1 & 1),
        )
        after = await self.counters()
        await self.host.write("control", 4)
        return Run(outcome, cycles, {name: after[name] - before[name] for name in COUNTERS})

    def end(self) -> None:
        """Check that nothing is left over on the bus."""
        self._rules.end()


def compare(result: Result, run: Run, golden: Outcome, machine: Machine, memory: Any) -> None:
    """Compare what a run left with what the golden machine says."""
    for name in ("fault", "descriptor", "bus_address", "program", "irq"):
        result.compare(name, getattr(run.outcome, name), getattr(golden, name))
    if not golden.fault:
        for name, count in machine.counters.items():
            result.compare(f"counter {name}", run.counters[name], count)
    wrong = np.flatnonzero(memory != machine.memory)
    if wrong.size:
        where = int(wrong[0])
        result.note(
            f"{wrong.size} bytes of memory are wrong, the first at {where:#x}: "
            f"{memory[where]:#x}, must be {machine.memory[where]:#x}"
        )
    result.beats += 1
