"""The accelerator: random programs, faults of descriptors and of the bus, aborts, registers."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from accelerating import (
    QUICK,
    TIMINGS,
    Leavings,
    check,
    compiled,
    ending,
    programs,
    with_bit,
    with_descriptor,
    with_fields,
)
from designs import needs_gcc, tiers
from mxsf.golden.accelerator.core import Core
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, encode
from mxsf.golden.accelerator.fault import Fault, Window
from mxsf.golden.accelerator.fields import SIZE, reserved
from mxsf.golden.accelerator.machine import Machine
from mxsf.sim.interface.accelerator_host import AcceleratorHost
from mxsf.sim.interface.axi_memory import Fault as Refusal
from mxsf.sim.result import NO_STALLS, Result
from mxsf.sim.stimulus.programs import random_program

MAIN = {"tile": 4, "pes": 4, "depth": 16, "address": 40, "rounding": "stochastic"}
NARROW = {"tile": 4, "pes": 1, "depth": 2, "element": "e2m1", "outstanding": 1}
ROWS = {"tile": 4, "pes": 8, "element": "int8", "bus": 512, "requantize": False}
MORE = [
    {"tile": 4, "pes": 2, "depth": 16, "element": "e2m3", "bus": 128, "outstanding": 1},
    {"tile": 4, "pes": 16, "depth": 2, "element": "e2m1", "bus": 512, "outstanding": 2},
    {"tile": 8, "pes": 8, "depth": 16, "element": "e5m2", "overflow": "ovf", "rule": "rceil"},
    {"tile": 8, "pes": 4, "depth": 8, "element": "e2m3", "bus": 512, "address": 64},
]
MOST = [
    {"tile": 4, "pes": 8, "stages": 4, "outstanding": 1, "fabric": "fpga"},
    {"tile": 8, "pes": 1, "depth": 32, "element": "e2m1", "bus": 256, "address": 33},
    {"tile": 8, "pes": 64, "depth": 16, "bus": 512, "rounding": "stochastic"},
    {"tile": 16, "pes": 16, "depth": 4, "element": "e2m1"},
]


def configurations(default, more, most=()):
    marks = [(default, ()), (more, pytest.mark.long), (most, pytest.mark.campaign)]
    return pytest.mark.parametrize(
        "options",
        [pytest.param(o, marks=mark) for some, mark in marks for o in some],
        ids=lambda options: "-".join(map(str, options.values())),
    )


# Programs.


@needs_gcc
@pytest.mark.parametrize("number", tiers([0], range(len(TIMINGS))))
@configurations([MAIN, NARROW, ROWS], MORE, MOST)
def test_random_programs(options, number):
    part, simulator = compiled(**options)
    timing, stalls = TIMINGS[number]
    check(part, simulator, programs(part.built, 10 * number), timing, stalls)


@needs_gcc
@pytest.mark.campaign
@configurations([MAIN, NARROW, ROWS, *MORE, *MOST], [])
def test_many_random_programs(options):
    part, simulator = compiled(**options)
    for number, (timing, stalls) in enumerate(TIMINGS):
        check(part, simulator, programs(part.built, 1000 * (1 + number), 24), timing, stalls)


@needs_gcc
def test_random_numbers_run_on():
    """One program, over and over: stochastic rounding gives it other codes each time."""
    part, simulator = compiled(**MAIN)
    made = rounded(part.built)
    check(part, simulator, [made] * 3)
    machine = made.machine(part.built)
    machine.run(made.start)
    again = made.machine(part.built)
    again.core = machine.core
    again.run(made.start)
    assert (machine.memory != again.memory).any()


def rounded(built, fills=False, origin=0):
    """A program with tiles that are rounded stochastically."""
    for seed in range(100):
        made = random_program(built, seed, 2, fills=fills, origin=origin)
        if any(isinstance(d, Multiply) and d.stochastic for d in made.descriptors):
            return made
    raise AssertionError


# Faults of descriptors.


def pick(random, made, kind):
    """The number of a descriptor of a kind, and it."""
    found = [(n, d) for n, d in enumerate(made.descriptors) if isinstance(d, kind)]
    return random.choice(found)


def bad_opcode(random, made, built):
    if random.random() < 0.3:
        number, product = pick(random, made, Multiply)
        return with_descriptor(made, number, replace(product, init=3))
    number = random.randrange(len(made.descriptors))
    data = bytes([random.choice([0, *range(6, 16)]) | 16 * random.randrange(16)])
    return with_descriptor(made, number, data + random.randbytes(SIZE - 1))


def bad_bit(random, made, built):
    number, chosen = pick(random, made, (Load, Fence, End))  # a MULTIPLY has none
    masks = reserved(encode(chosen)[0] & 0xF)
    bits = [32 * n + bit for n, mask in enumerate(masks) for bit in range(32) if mask >> bit & 1]
    return with_descriptor(made, number, with_bit(chosen, random.choice(bits)))


def bad_size(random, made, built):
    number, chosen = pick(random, made, random.choice([Load, Multiply]))
    if isinstance(chosen, Multiply):
        names = ("m", "n", "k", "a_run", "a_crun", "b_run", "b_crun", "c_run")
        bad = {random.choice(names): 0}
    elif random.random() < 0.6:
        bad = {random.choice(["rows", "columns", "run", "crun"]): 0}
    else:  # a tile too many, a row too many, or far too many
        rows = random.randint(1, built.depth)
        columns = -(-(built.depth + 1) // rows)
        bad = random.choice([{"rows": rows, "columns": columns}, {"rows": 0xFFFF}])
        bad = random.choice([bad, {"rows": built.depth + 1, "columns": 1}, {"columns": 0x8000}])
    return with_descriptor(made, number, with_fields(chosen, **bad))


def bad_output(random, made, built):
    number, product = pick(random, made, Multiply)
    bad = [{"to_words": 0, "to_tiles": 0}]
    if not built.requantize:
        bad += [{"to_tiles": 1}, {"stochastic": 1}]
    elif built.rounding.value != "stochastic":
        bad += [{"stochastic": 1}]
    return with_descriptor(made, number, with_fields(product, **random.choice(bad)))


def bad_alignment(random, made, built):
    number, chosen = pick(random, made, random.choice([Load, Multiply]))
    names = {"codes"} if isinstance(chosen, Load) else {"init_at", "mask", "words", "codes"}
    names = [name for name in sorted(names) if getattr(chosen, name) is not None]
    if getattr(chosen, "init", None) == 0:
        names.remove("init_at")
    name = random.choice(names)
    register, offset = getattr(chosen, name)
    away = random.randrange(1, built.beat)
    offset += away if offset + away < 1 << 32 else -away
    return with_descriptor(made, number, replace(chosen, **{name: (register, offset)}))


def bad_window(random, made, built):
    machine = made.machine(built)
    touched = [t for done in machine.steps(made.start) for t in done.touched]
    low = min(int(t.addresses.min()) for t in touched)
    high = max(int(t.addresses.max()) + t.record for t in touched)
    kind = random.randrange(4)
    if kind == 0:
        return replace(made, window=Window(low + 1, 1 << built.address))
    if kind == 1:
        return replace(made, window=Window(0, high - 1))
    if kind == 2:  # indices beyond 32 bits, whatever the window
        number, load = pick(random, made, Load)
        far = random.choice([{"pitch": -(1 << 31)}, {"pitch": (1 << 31) - 1}, {"jump": 1 << 30}])
        sizes = {"rows": 3, "columns": 1, "run": 1 if "jump" in far else 3}
        if built.depth < 3:
            sizes = {"rows": 1, "columns": 2, "crun": 1}
            far = {"cjump": random.choice([-(1 << 31), (1 << 31) - 1])}
        return with_descriptor(made, number, with_fields(load, **far, **sizes))
    number, product = pick(random, made, Multiply)
    far = {"m": random.choice([3, 999]), "c_run": 0xFFFF, "c_pitch": (1 << 31) - 2}
    return with_descriptor(made, number, with_fields(product, **far))


def no_descriptor(random, made, built):
    return ending(made, random.randrange(len(made.descriptors)))


BAD = {
    Fault.OPCODE: bad_opcode,
    Fault.RESERVED: bad_bit,
    Fault.SIZE: bad_size,
    Fault.OUTPUT: bad_output,
    Fault.ALIGNMENT: bad_alignment,
    Fault.WINDOW: bad_window,
    Fault.FETCH: no_descriptor,
}


@needs_gcc
@pytest.mark.parametrize("fault", BAD, ids=lambda fault: fault.name)
@configurations([MAIN], [ROWS, NARROW, *MORE])
def test_a_bad_descriptor_touches_nothing(options, fault):
    """Those before it finish; the program after it is right."""
    part, simulator = compiled(**options)
    random, made = Random(fault.value), []
    for good in programs(part.built, 50 * fault.value, 4, products=(1, 2)):
        bad = BAD[fault](random, good, part.built)
        assert bad.machine(part.built).run(bad.start).fault == fault
        made += [good, bad]
    check(part, simulator, [*made, good])


@needs_gcc
@pytest.mark.parametrize("seed", tiers([0], range(6)))
def test_bits_turned_over(seed):
    """Whatever bits of a descriptor: the golden machine says what becomes of it."""
    part, simulator = compiled(**MAIN)
    random, made = Random(seed), []
    while len(made) < 8:
        good = random_program(part.built, random.randrange(1 << 30), 1)
        good = replace(good, window=Window(0, len(good.memory)))
        number = random.randrange(len(good.descriptors))
        bad = with_descriptor(good, number, with_bit(good.descriptors[number], random.randrange(512)))
        if affordable(bad, part.built, number):
            made.append(bad)
    check(part, simulator, made)


def affordable(made, built, number):
    """Whether a program is soon done and has no hazard."""
    machine = Machine(built, made.memory.copy())
    place = made.start + number * SIZE
    words = made.memory[place : place + 12].view("<u2")
    if (words[2:5] > 300).sum() > 1 or max(words[2], words[3], words[4]) > 2000:
        return False
    machine.bases[:], machine.window = made.bases, made.window
    outcome = machine.run(made.start)
    return not outcome.breaches and machine.counters["steps"] < 5000


# Faults of the bus.


class Broken:
    """Runs programs on a memory that refuses something; after each one that is right.

    Args:
        part, simulator: the accelerator.
        timing: of the memory.
    """

    def __init__(self, part, simulator, timing=QUICK, stalls=NO_STALLS):
        self.part, self.simulator = part, simulator
        self.timing, self.stalls = timing, stalls
        self.result, self.core = Result(""), Core(part.built)

    def run(self, made, refusals):
        """Run a program once with each of some refusals; what was read and written of the last."""

        async def testbench(pins):
            host = AcceleratorHost(pins, self.part, made.memory, self.result, stalls=self.stalls)
            for number, refusal in enumerate(refusals):
                await self._broken(host, made, refusal)
                await self._good(host, number)
                if self.result.count:
                    self.result.note(f"refused was {refusal}")
                    return

        self.simulator.run(testbench)
        assert not self.result.count, self.result.mismatches

    async def _start(self, host, made, refusals=()):
        memory = made.memory.copy()
        host.attach(memory, self.timing, made.origin, refusals)
        await host.set_up(made.bases, made.window)
        return memory, await host.run(made.start)

    async def _broken(self, host, made, refusal):
        compare, built = self.result.compare, self.part.built
        memory, run = await self._start(host, made, [] if refusal is None else [refusal])
        left, outcome = Leavings(made, built, self.core), run.outcome
        last = made.start + len(made.descriptors) * SIZE
        refused = host.memory.refused[0] if host.memory.refused else None
        if refused is None or refused >= last:  # of what is fetched behind the END
            compare("fault", outcome.fault, Fault.NONE)
            compare("memory", np.array_equal(memory, left.memories[-1]), True)
            return
        self.core.reset()
        compare("bus address", outcome.bus_address, refused)
        compare("irq", outcome.irq, True)
        wrong = left.wrong(memory, outcome.descriptor)
        compare("addresses that are neither old nor new", [hex(at) for at in wrong[:4]], [])
        if refused >= made.start:
            compare("fault", outcome.fault, Fault.FETCH)
            compare("descriptor", (outcome.descriptor, outcome.program), (refused, refused))
            before = left.memories[(refused - made.start) // SIZE]
            compare("memory of what was before", np.array_equal(memory, before), True)
            return
        compare("fault", outcome.fault, Fault.WRITE if refusal.write else Fault.READ)
        compare("program", outcome.program, made.start)
        met = left.touched(outcome.descriptor, refused, built.beat)
        compare("a descriptor that was there", met, True)

    async def _good(self, host, number):
        """Loads before it reads, as tile memories may hold anything; the random numbers begin."""
        made = rounded(self.part.built, fills=True) if number % 2 else self._filling()
        memory, run = await self._start(host, made)
        machine = made.machine(self.part.built)
        machine.core = self.core
        outcome = machine.run(made.start)
        for name in ("fault", "descriptor", "bus_address", "program", "irq"):
            self.result.compare(name, getattr(run.outcome, name), getattr(outcome, name))
        for name, count in machine.counters.items():
            self.result.compare(f"counter {name}", run.counters[name], count)
        self.result.compare("memory", np.array_equal(memory, machine.memory), True)

    def _filling(self):
        return random_program(self.part.built, 7, 1, fills=True)


def bursts_of(part, simulator, made):
    """Bursts that a program reads and writes, and how many beats it has."""
    seen = []

    async def testbench(pins):
        host = AcceleratorHost(pins, part, made.memory.copy(), Result(""), QUICK, NO_STALLS, made.origin)
        await host.set_up(made.bases, made.window)
        await host.run(made.start)
        seen.append(host.memory)

    simulator.run(testbench)
    return seen[0]


def refusals(part, simulator, made, write, count, random):
    """Beats anywhere, bursts of each plane, and of the program."""
    bus = bursts_of(part, simulator, made)
    beats = bus.beats_written if write else bus.beats_read
    numbers = sorted({0, beats - 1, *(random.randrange(beats) for _ in range(count))})
    found = [Refusal(beat=number, write=write, response=random.choice([2, 3])) for number in numbers]
    starts = sorted({address for address, _ in (bus.writes if write else bus.reads)})
    chosen = random.sample(starts, min(count, len(starts)))
    return found + [Refusal(address=address, write=write) for address in chosen]


@needs_gcc
@pytest.mark.parametrize("seed", tiers([0], range(4)))
@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@configurations([MAIN], MORE[:2])
def test_the_bus_refuses(options, write, seed):
    part, simulator = compiled(**options)
    random = Random(seed)
    made = random_program(part.built, 20 + seed, 2, fills=True, origin=seed % 2 << 20)
    refused = refusals(part, simulator, made, write, 4, random)
    Broken(part, simulator).run(made, refused)


