"""What software does with the registers of an accelerator, however it reaches them."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from ...golden.accelerator.configuration import BASES
from ...golden.accelerator.fault import Fault, Window
from ...golden.accelerator.machine import Outcome
from ...hdl.accelerator.accelerator import COUNTERS, Accelerator
from ...hdl.accelerator.register_map import halves

__all__ = ["ABORT", "CLEAR", "GO", "AcceleratorDriver", "Run", "run_now"]

T = TypeVar("T")

GO, ABORT, CLEAR = 1, 2, 4
"""Bits of ``control``."""


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


class AcceleratorDriver(ABC):
    """Sets an accelerator up, runs programs, reads what they left.

    Args:
        component: the accelerator.
    """

    def __init__(self, component: Accelerator):
        self.component = component
        self._counted = dict.fromkeys(COUNTERS, 0)
        self._begun = 0

    @abstractmethod
    async def write_word(self, name: str, value: int) -> bool:
        """Write a register of 32 bits; returns whether it was taken."""

    @abstractmethod
    async def read_word(self, name: str) -> int:
        """Read a register of 32 bits."""

    @abstractmethod
    async def wait(self) -> None:
        """Pass some cycles, perhaps until the interrupt."""

    @abstractmethod
    def now(self) -> int:
        """Cycles since the beginning."""

    @abstractmethod
    def irq(self) -> bool:
        """Level of the interrupt."""

    @abstractmethod
    def note(self, problem: str) -> None:
        """Tell of what must not be."""

    async def write(self, name: str, value: int) -> None:
        """Write both halves of a value."""
        for half, part in zip(halves(name), (value & 0xFFFFFFFF, value >> 32), strict=True):
            await self.write_word(half, part)

    async def read(self, name: str) -> int:
        """Read both halves of a value."""
        low, high = [await self.read_word(half) for half in halves(name)]
        return high << 32 | low

    async def set_up(
        self, bases: Sequence[int] = (0,) * BASES, window: Window | None = None
    ) -> None:
        """Write base registers and window, by default all addresses; enable the interrupt.

        The counters of the next run are those from now on, whoever ran programs before.
        """
        whole = 1 << self.component.address
        for number, base in enumerate(bases):
            await self.write(f"base_{number}", base % whole)
        low, high = window or Window(0, whole)
        await self.write("window_low", low)
        await self.write("window_high", high % whole)
        await self.write_word("irq_enable", 1)
        self._counted = await self.counters()

    async def begin(self, program: int) -> None:
        """Begin the program at an address."""
        await self.write("program", program)
        self._begun = self.now()
        await self.act(GO)

    async def act(self, bits: int) -> None:
        """Write ``control``, which must not refuse it."""
        if not await self.write_word("control", bits):
            self.note(f"control refuses {bits}")

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
        cycles = self.now() - self._begun
        irq, enabled = bool(status >> 1 & 1), await self.read_word("irq_enable") & 1
        if self.irq() != (irq and enabled):
            self.note(f"irq is {self.irq():d}, status says {irq:d}")
        addresses = [await self.read(name) for name in ("descriptor", "bus", "program")]
        outcome = Outcome(Fault(status >> 4), *addresses, irq=irq)
        before, self._counted = self._counted, await self.counters()
        await self.act(CLEAR)
        if self.irq():
            self.note("irq stays after it was taken back")
        grown = {name: count - before[name] for name, count in self._counted.items()}
        return Run(outcome, cycles, grown)

    async def ended(self, limit: int = 100_000) -> int:
        """Wait until nothing runs; what ``status`` says then."""
        while (status := await self.read_word("status")) & 1:
            if self.now() - self._begun > limit:
                self.note(f"the program does not end within {limit} cycles")
                break
            await self.wait()
        return status

    async def counters(self) -> dict[str, int]:
        """What all counters say."""
        return {name: await self.read(f"count_{name}") for name in COUNTERS}


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """Do at once what a driver does that never suspends, and return what it returns."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a driver that suspends")
