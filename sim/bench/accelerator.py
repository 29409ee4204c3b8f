"""Bench of the accelerator: programs on a memory of random latency, against the golden machine."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import BASES, BUS_BITS
from ...golden.accelerator.fault import Fault as FaultCode
from ...golden.accelerator.fault import Window
from ...golden.accelerator.machine import Machine, Outcome
from ...hdl.accelerator.accelerator import COUNTERS, MOST_OUTSTANDING, Accelerator
from ...hdl.accelerator.register_map import halves
from ...hdl.accelerator.shell import AxiAccelerator
from ...hdl.checks import Bound
from ...hdl.engine.matmul import POINTS, ROUNDINGS
from ...hdl.interface.axi_lite import lite_widths
from ...hdl.quantize.requantizer import TILES
from ..design.design import Design
from ..design.engine import PES, REQUANTIZE, idle_quantizer
from ..design.kind import Integer, OneOf
from ..design.parameter import (
    ELEMENT,
    FABRIC,
    OVERFLOW,
    RULE,
    Parameter,
    registers,
    roundings,
    tile,
)
from ..interface.axi_lite import Host, lite_channels
from ..interface.axi_memory import AxiMemory, Fault, MemoryTiming
from ..interface.axi_rules import AxiRules
from ..interface.handshake import Beat, Handshakes
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.program_vectors import ProgramVectors, count_tiles, program_vectors
from ..stimulus.programs import RandomProgram, random_program

__all__ = ["DESIGNS", "AcceleratorHost", "Run", "compare", "run_accelerator", "run_programs"]

_PROGRAMS = 8  # of the built-in stimulus


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
            FaultCode(status >> 4),
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


def accelerator_vectors(
    component: Accelerator, values: NDArray[Any] | None, seed: int
) -> ProgramVectors:
    """Make the vectors of one random program whose END raises the interrupt."""
    _check_stimulus(values)
    return program_vectors(component, random_program(component.built, seed, irq=True))


def _check_stimulus(values: NDArray[Any] | None) -> None:
    if values is not None:
        raise ValueError("--input: accelerator takes no tensor, it runs programs of its own")


def run_accelerator(
    simulator: Simulator,
    component: Accelerator,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run random programs; memory, counters and registers are compared after each."""
    _check_stimulus(values)
    programs = (random_program(component.built, stalls.seed + n) for n in range(_PROGRAMS))
    return run_programs(simulator, component, programs, stalls, progress)


def run_programs(
    simulator: Simulator,
    component: Accelerator,
    programs: Iterable[RandomProgram],
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
    timing: MemoryTiming | None = None,
) -> Result:
    """Run programs one after the other on a design, each on its own memory, against the golden one.

    Args:
        simulator: built on the design.
        component: the design.
        programs: taken one by one.
        stalls: of the memory's channels and of the host; its seed.
        progress: see ``Progress``.
        timing: of the memory; by default latencies of 1 to 60 cycles, with ``stalls``.
    """
    result = Result(simulator.name)
    timing = timing or MemoryTiming((1, 60), (1, 60), stalls=stalls)
    machine: Machine | None = None

    async def testbench(pins: Pins) -> None:
        nonlocal machine
        for program in programs:
            before, machine = machine, program.machine(component.built)
            if before is not None:  # the tile memories and the random numbers go on
                machine.core = before.core
            golden = machine.run(program.start)
            memory = program.memory.copy()
            host = AcceleratorHost(pins, component, memory, result, timing, stalls)
            await host.set_up(program.bases)
            compare(result, await host.run(program.start), golden, machine, memory)
            host.end()
            result.blocks += count_tiles(program)
            if progress is not None:
                progress(result.beats, 0)
            if result.count:
                return

    simulator.run(testbench)
    return result


def compare(
    result: Result, run: Run, golden: Outcome, machine: Machine, memory: NDArray[np.uint8]
) -> None:
    """Compare what a run left with what the golden machine says.

    Args:
        result: gets what is wrong, and a beat for the run.
        run: of the accelerator.
        golden: of the machine.
        machine: after it.
        memory: after the run of the accelerator.
    """
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


DESIGNS = (
    Design(
        "accelerator",
        "matrix engine that runs programs in memory: AXI4 manager, AXI4-Lite registers",
        (
            ELEMENT,
            tile(TILES),
            PES,
            Parameter(
                "depth",
                OneOf([1 << bits for bits in range(1, 16)], "d"),
                512,
                "tiles that each tile memory holds",
            ),
            Parameter("bus", OneOf(BUS_BITS, "bus"), 64, "data bits of the AXI4 bus"),
            Parameter("address", Integer(Bound(32, 64), "a"), 32, "bits of a byte address"),
            Parameter(
                "outstanding",
                Integer(Bound(1, MOST_OUTSTANDING), "out"),
                8,
                "bursts that are under way each way",
            ),
            RULE,
            roundings(ROUNDINGS),
            OVERFLOW,
            registers(POINTS),
            FABRIC,
            REQUANTIZE,
        ),
        Accelerator,
        bench=run_accelerator,
        vectors=accelerator_vectors,
        latency=None,
        idle=idle_quantizer,
        axi=AxiAccelerator,
        interfaces=("axi",),
    ),
)
