"""A host of the accelerator inside a testbench, which watches the rules of both buses."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...hdl.accelerator.accelerator import Accelerator
from ...hdl.interface.axi_lite import lite_widths
from ..result import NO_STALLS, Result, Stalls
from ..simulator.simulator import Pins
from .accelerator_driver import ABORT, CLEAR, GO, AcceleratorDriver, Run
from .axi_bus import BusCycle
from .axi_lite import Host, lite_channels
from .axi_memory import AxiMemory, Fault, MemoryTiming
from .axi_rules import AxiRules
from .handshake import Beat, Handshakes

__all__ = ["ABORT", "CLEAR", "GO", "AcceleratorHost", "Run"]

_POLL = 50  # cycles


class AcceleratorHost(AcceleratorDriver):
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
        super().__init__(component)
        self.pins, self.result = pins, result
        self.attach(memory, timing, origin, faults)
        bus, most = component.bus, component.outstanding
        self._rules = AxiRules(pins, bus, result, reads=most, writes=most)
        self.lite = Handshakes(pins, lite_channels(), lite_widths(), stalls, result, "")
        self.host = Host(component.registers, self.lite, self.step, result)

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

    async def wait(self, cycles: int = _POLL) -> None:
        """Pass cycles in which the host does nothing."""
        for _ in range(cycles):
            self._bus()
            await self.pins.tick()
            self.result.cycles += 1

    async def write_word(self, name: str, value: int) -> bool:
        """Write a register of 32 bits; returns whether it was taken."""
        return await self.host.write(name, value)

    async def read_word(self, name: str) -> int:
        """Read a register of 32 bits; what is known of it is compared."""
        return await self.host.read(name)

    def now(self) -> int:
        """Cycles since the beginning."""
        return self.result.cycles

    def irq(self) -> bool:
        """Level of the interrupt."""
        return bool(self.pins.get("irq"))

    def note(self, problem: str) -> None:
        """Tell of what must not be."""
        self.result.note(problem)

    def check_idle(self) -> None:
        """Check that nothing is left over on the bus."""
        self._rules.end()
