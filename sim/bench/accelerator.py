"""Bench of the accelerator: programs on a memory of random latency, against the golden machine."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import BUS_BITS
from ...golden.accelerator.machine import Machine, Outcome
from ...hdl.accelerator.accelerator import MOST_OUTSTANDING, Accelerator
from ...hdl.accelerator.shell import AxiAccelerator
from ...hdl.checks import Bound
from ...hdl.engine.matmul import POINTS, ROUNDINGS
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
from ..interface.accelerator_host import AcceleratorHost, Run
from ..interface.axi_memory import MemoryTiming
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.program_vectors import ProgramVectors, count_tiles, program_vectors
from ..stimulus.programs import RandomProgram, random_program

__all__ = ["DESIGNS", "compare", "run_accelerator", "run_programs"]

_PROGRAMS = 8  # of the built-in stimulus


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
        timing: of the memory; by default latencies of 1 to 60 cycles. Its stalls are ``stalls``.
    """
    result = Result(simulator.name)
    timing = timing or MemoryTiming((1, 60), (1, 60))

    async def testbench(pins: Pins) -> None:
        host = AcceleratorHost(pins, component, np.zeros(0, np.uint8), result, stalls=stalls)
        core = None
        for number, program in enumerate(programs):
            machine = program.machine(component.built)
            # The tile memories and the random numbers go on.
            core = machine.core = core or machine.core
            golden = machine.run(program.start)
            memory = program.memory.copy()
            stalled = replace(timing, stalls=replace(stalls, seed=stalls.seed + number))
            host.attach(memory, stalled, program.origin)
            await host.set_up(program.bases, program.window)
            run = await host.run(program.start, _limit(machine, stalled))
            compare(result, run, golden, machine, memory)
            host.check_idle()
            result.blocks += count_tiles(program)
            if progress is not None:
                progress(result.beats, 0)
            if result.count:
                return

    simulator.run(testbench)
    return result


def _limit(machine: Machine, timing: MemoryTiming) -> int:
    """Cycles that a program surely takes at most, one burst after the other."""
    counts, stalls = machine.counters, timing.stalls
    beats = sum(n for name, n in counts.items() if name.endswith("bytes")) // machine.built.beat
    beats += counts["scale_bytes"]
    bus = beats * (timing.latency[1] + timing.response[1] + 8)
    return 5000 + int((bus + 2 * counts["steps"]) / (stalls.valid * stalls.ready))


def compare(
    result: Result, run: Run, golden: Outcome, machine: Machine, memory: NDArray[np.uint8]
) -> None:
    """Compare what a run left with what the golden machine says.

    Args:
        result: gets what is wrong, and a beat for the run.
        run: of the accelerator.
        golden: of the machine; no fault of the bus but of a descriptor's.
        machine: after it.
        memory: after the run of the accelerator.
    """
    for name in ("fault", "descriptor", "bus_address", "program", "irq"):
        result.compare(name, getattr(run.outcome, name), getattr(golden, name))
    for name, count in machine.counters.items():
        result.compare(f"counter {name}", run.counters[name], count)
    result.compare("counter cycles is possible", 0 < run.counters["cycles"] < run.cycles, True)
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
                16,
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
