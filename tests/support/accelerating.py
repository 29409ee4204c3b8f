"""Accelerators on a memory: simulators made once, programs, what they leave against golden."""

from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
from altered import ending
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import make_simulator
from mxsf.golden.accelerator.core import Core
from mxsf.golden.accelerator.descriptor import Multiply
from mxsf.golden.accelerator.fault import Fault
from mxsf.golden.accelerator.program import Program
from mxsf.sim.bench.accelerator import compare, run_programs
from mxsf.sim.interface.accelerator_host import CLEAR, AcceleratorHost
from mxsf.sim.interface.axi_memory import MemoryTiming
from mxsf.sim.result import NO_STALLS, Result, Stalls
from mxsf.sim.stimulus.programs import RandomProgram, random_program

SMALL = {
    **{"tile": 4, "pes": 1, "depth": 16, "element": "e2m3"},
    **{"address": 40, "rounding": "stochastic"},
}
CONFIGURATIONS = [
    {"tile": 4, "pes": 4, "depth": 16, "address": 40, "rounding": "stochastic"},
    {"tile": 4, "pes": 1, "depth": 2, "element": "e2m1", "outstanding": 1},
    {"tile": 4, "pes": 8, "depth": 64, "element": "int8", "bus": 512, "requantize": "no"},
    {"tile": 4, "pes": 2, "depth": 16, "element": "e2m3", "bus": 128, "outstanding": 1},
    {"tile": 4, "pes": 16, "depth": 2, "element": "e2m1", "bus": 512, "outstanding": 2},
    {"tile": 8, "pes": 8, "depth": 16, "element": "e5m2", "overflow": "ovf", "rule": "rceil"},
    {"tile": 8, "pes": 4, "depth": 8, "element": "e2m3", "bus": 512, "address": 64},
    {"tile": 4, "pes": 8, "stages": 4, "outstanding": 1, "fabric": "fpga"},
    {"tile": 8, "pes": 1, "depth": 32, "element": "e2m1", "bus": 256, "address": 33},
    {"tile": 8, "pes": 64, "depth": 16, "bus": 512, "rounding": "stochastic"},
    {"tile": 16, "pes": 16, "depth": 4, "element": "e2m1"},
]
"""Parameters of accelerators: of the one that most tests run on, and of others."""

FASTEST = MemoryTiming((1, 1), (1, 1))
QUICK = MemoryTiming((2, 8), (2, 8))
TIMINGS = [
    (MemoryTiming((1, 60), (1, 60)), Stalls(0.7, 0.6)),
    (FASTEST, NO_STALLS),
    (MemoryTiming((40, 40), (40, 40)), NO_STALLS),
    (MemoryTiming((200, 200), (200, 200)), NO_STALLS),
    (MemoryTiming((1, 200), (1, 200)), Stalls(1.0, 0.3)),
    (MemoryTiming((1, 10), (100, 300)), Stalls(0.3, 1.0)),
    (MemoryTiming((1, 30), (1, 30), outstanding=1), Stalls(0.5, 0.5)),
]
"""Memories, and stalls of their channels and of the host."""

_FURTHEST = 1 << 62  # of the golden machine's memory
_ROOM = 1 << 22  # for the memory of a program
_PATIENCE = 2000  # cycles


@cache
def compiled(**options):
    """An accelerator and its compiled netlist."""
    design = variant("accelerator", **options)
    return design.component, make_simulator(design, "cxxrtl")


def somewhere(built, random):
    """An origin of memory: 0, or any page that there is."""
    top = min(1 << built.address, _FURTHEST) - _ROOM
    return random.choice([0, random.randrange(0, top, 4096)])


def programs(built, seed, count=4, products=(1, 3, 3, 6)):
    """Random programs anywhere; behind the END of some there is no memory."""
    random = Random(seed)
    for number in range(seed, seed + count):
        size, origin = random.choice(products), somewhere(built, random)
        made = random_program(built, number, size, origin=origin)
        yield ending(made) if number % 2 else made


def rounded(built, **options):
    """A random program with tiles that are rounded stochastically."""
    for seed in range(100):
        made = random_program(built, seed, 2, **options)
        if any(isinstance(d, Multiply) and d.stochastic for d in made.descriptors):
            return made
    raise AssertionError


def placed(program: Program) -> RandomProgram:
    """A program that was built, in its memory."""
    return RandomProgram(program.image(), program.start, (0,) * 4, program.descriptors)


@cache
def short_program(built):
    """A program of one product that reads and writes planes of every kind, in few cycles.

    It reads no tile that it has not loaded. Of its bytes those of C change.
    """
    random, program, tile = np.random.default_rng(1), Program(built), built.tile
    a, b, mask = (program.put(name, random.standard_normal((tile, tile))) for name in "abm")
    start = program.put_words("start", 4 * random.standard_normal((tile, tile)))
    words, tiles = program.words("words", (tile, tile)), program.matrix("tiles", (tile, tile))
    program.tensors.memory[tiles.scales.place.offset] = 1
    program.multiply(
        *(program.load_a(a), program.load_b(b)),
        **{"init": start, "mask": mask, "words": words, "tiles": tiles, "stochastic": True},
    )
    program.end()
    return placed(program)


def large_program(built):
    """A program of one product whose planes are many bursts; it begins from what it overwrites."""
    random, program, rows = np.random.default_rng(2), Program(built), 10 * built.tile
    a = program.load_a(program.put("a", random.standard_normal((rows, built.tile))))
    b = program.load_b(program.put("b", random.standard_normal((built.tile, rows))))
    mask = program.put("mask", random.standard_normal((rows, rows)))
    words = program.put_words("words", random.standard_normal((rows, rows)))
    program.multiply(a, b, init=words, words=words, mask=mask)
    program.end()
    return placed(program)


def check(part, simulator, made, timing=QUICK, stalls=NO_STALLS):
    """Run programs; all that they leave must be the golden machine's."""
    result = run_programs(simulator, part, made, stalls, timing=timing)
    assert result.passed, result.mismatches
    return result


class Runs:
    """Programs one after the other on an accelerator, some of which are stopped.

    Args:
        pins: of the accelerator.
        part: the accelerator.
        timing: of the memory.
        stalls: of its channels and of the host.

    Attributes:
        host: runs programs.
        result: what was wrong.
        core: tile memories and random numbers of the golden machine; after a stop the random
            numbers begin again, and the tile memories hold anything.
        memory: uint8, that of the program at hand.
    """

    def __init__(self, pins, part, timing=QUICK, stalls=NO_STALLS):
        self.part, self.result, self.core = part, Result(""), Core(part.built)
        self._timing = replace(timing, stalls=stalls)
        none = np.zeros(0, np.uint8)
        self.host = AcceleratorHost(pins, part, none, self.result, stalls=stalls)

    async def set_up(self, made, refusals=()):
        """Put the memory of a program on the bus, and tell the accelerator of it."""
        self.memory = made.memory.copy()
        self.host.attach(self.memory, self._timing, made.origin, refusals)
        await self.host.set_up(made.bases, made.window)

    async def right(self, made):
        """Run a program that reads no tile which it has not loaded; compare all that it leaves."""
        await self.set_up(made)
        run = await self.host.run(made.start)
        machine = made.machine(self.part.built)
        machine.core = self.core
        compare(self.result, run, machine.run(made.start), machine, self.memory)
        self.host.check_idle()

    async def again(self, made):
        """Run the program that is set up, from its first memory; compare memory and status.

        It reads no tile that it has not loaded, and its END raises the interrupt.
        """
        host, result = self.host, self.result
        self.memory[:] = made.memory
        await host.begin(made.start)
        begun = result.cycles
        while not host.pins.get("irq") and result.cycles < begun + _PATIENCE:
            await host.wait(1)
        machine = made.machine(self.part.built)
        machine.core = self.core
        machine.run(made.start)
        result.compare("status", await host.host.read("status"), 2)
        result.compare("memory", np.array_equal(self.memory, machine.memory), True)
        await host.act(CLEAR)
        host.check_idle()

    def checked(self, what):
        """Fail where something was wrong so far."""
        assert not self.result.count, f"{what}: {self.result.mismatches}"


def run(part, simulator, body, **options):
    """Run a function of ``Runs`` on an accelerator; see there for the options."""

    async def testbench(pins):
        runs = Runs(pins, part, **options)
        await body(runs)
        runs.checked("in the end")

    simulator.run(testbench)


def bursts_of(part, simulator, made, timing=QUICK):
    """The memory on which a program has run, with what was read and written; and its cycles."""
    found = []

    async def body(runs):
        await runs.set_up(made)
        ran = await runs.host.run(made.start)
        assert ran.outcome.fault == Fault.NONE
        found.extend([runs.host.memory, ran.cycles])

    run(part, simulator, body, timing=timing)
    return found
