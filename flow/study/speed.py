"""How fast an accelerator is: cycles of programs by the cost model, and on its Verilog."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...golden.accelerator.cost import Timing, cost
from ...golden.accelerator.machine import Machine
from ...golden.accelerator.program import Program
from ...hdl.accelerator.accelerator import Accelerator
from ...sim.interface.accelerator_driver import run_now
from ...sim.interface.system import System
from ..catalogue.catalogue import variant
from ..catalogue.variant import Variant
from ..export.verilog import verilog
from .workloads import WORKLOADS

__all__ = ["BUSES", "LATENCIES", "PES", "Speed", "measure", "speeds", "timing_of"]

PES, BUSES, LATENCIES = (8, 64), (64, 512), (40, 200)
"""What is told of by default: PEs, data bits of the bus, latencies of memory in cycles."""

Step = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Speed:
    """How fast a program is on an accelerator.

    Attributes:
        work: name of the program.
        pes, bus, depth: of the accelerator.
        latency: cycles of the memory.
        steps: cycles in which the array multiplies.
        cycles: from its start to the interrupt, by the cost model.
        measured: the same on the Verilog, None where it was not run.
        bytes_per_product: bytes that the bus moves for a multiplication.
    """

    work: str
    pes: int
    bus: int
    depth: int
    latency: int
    steps: int
    cycles: int
    measured: int | None
    bytes_per_product: float

    @property
    def useful(self) -> float:
        """Share of cycles in which the array multiplies, as measured where it was."""
        return self.steps / (self.cycles if self.measured is None else self.measured)

    @property
    def error(self) -> float | None:
        """By how much the model is off, as a share of what was measured."""
        return None if self.measured is None else self.cycles / self.measured - 1

    def row(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "useful": self.useful}


def timing_of(component: Accelerator, latency: int) -> Timing:
    """Cycles of the cost model for an accelerator on a memory of some latency."""
    return Timing(latency, outstanding=component.outstanding, registers=component.product.loop)


def measure(system: System, program: Program, latency: int, limit: int) -> int:
    """Run a program on the Verilog, and compare memory and counters with the golden machine.

    Args:
        system: the compiled accelerator.
        program: the program; its END raises the interrupt.
        latency: cycles of the memory.
        limit: most cycles.

    Returns:
        Cycles in which the program ran.

    Raises:
        RuntimeError: anything differs, or it does not end.
    """
    memory = program.image()
    memory = np.pad(memory, (0, -len(memory) % 4096))  # reads are of whole beats
    machine = Machine(program.built, memory.copy())
    golden = machine.run(program.start)
    system.attach(memory, latency)
    run_now(system.set_up())
    run = run_now(system.run(program.start, limit))
    counted = {name: run.counters[name] for name in machine.counters}
    if run.outcome != golden or counted != machine.counters:
        raise RuntimeError(f"the Verilog is not the golden machine: {run}, must be {golden}")
    wrong = np.flatnonzero(memory != machine.memory)
    if wrong.size:
        raise RuntimeError(f"the Verilog leaves {wrong.size} wrong bytes, from {wrong[0]:#x} on")
    return run.counters["cycles"]


def speeds(
    pes: Sequence[int] = PES,
    buses: Sequence[int] = BUSES,
    latencies: Sequence[int] = LATENCIES,
    work: Iterable[str] = tuple(WORKLOADS),
    *,
    most: int = 0,
    step: Step = lambda what, done, total: None,
    **options: Any,
) -> list[Speed]:
    """Tell how fast programs are on accelerators.

    Args:
        pes: numbers of PEs.
        buses: data bits of the bus.
        latencies: of the memory, cycles.
        work: names of ``WORKLOADS``.
        most: programs of at most so many cycles by the model are run on the Verilog too.
        step: called with what runs now, jobs done, and all jobs.
        **options: further parameters of the accelerator.

    Raises:
        ValueError: a parameter is wrong, or a program does not fit.
        RuntimeError: the Verilog cannot be run, or does not do what the golden machine does.
    """
    work = list(work)
    found: list[Speed] = []
    total = len(pes) * len(buses) * len(work) * len(latencies)
    for count in pes:
        for bus in buses:
            design = variant("accelerator", pes=count, bus=bus, **options)
            bench = _Bench(design, most)
            for name in work:
                done = len(found)
                found += bench.run(name, latencies, lambda what, n=done: step(what, n, total))
    return found


class _Bench:
    """An accelerator whose Verilog is compiled when it is first needed."""

    def __init__(self, design: Variant, most: int):
        self._design, self._most = design, most
        self._system: System | None = None

    def run(self, work: str, latencies: Sequence[int], step: Callable[[str], None]) -> list[Speed]:
        """Speeds of a program, by latency."""
        design, component = self._design, self._design.component
        built = component.built
        step(f"{work} for {design.top}")
        program = WORKLOADS[work](built)
        speeds = []
        for latency in latencies:
            model = cost(program.descriptors, built, timing_of(component, latency))
            measured = None
            if model.cycles <= self._most:
                system = self._compiled(step)
                step(f"{work} on {design.top}, latency {latency}")
                measured = measure(system, program, latency, 2 * model.cycles + 10_000)
            speeds.append(
                Speed(
                    *(work, built.pes, built.bus, built.depth, latency),
                    *(model.steps, model.cycles, measured, model.bytes_per_product),
                )
            )
        return speeds

    def _compiled(self, step: Callable[[str], None]) -> System:
        if self._system is None:
            step(f"compiling {self._design.top}")
            clock = self._design.clock
            assert clock is not None
            component, top = self._design.component, self._design.top
            self._system = System(verilog(self._design), component, top, clock)
        return self._system
