"""Aborts: bytes are old or new, nothing is told but that it ended; the next program is right."""

from random import Random

import numpy as np
import pytest
from accelerating import (
    CONFIGURATIONS,
    FASTEST,
    SMALL,
    TIMINGS,
    bursts_of,
    compiled,
    large_program,
    rounded,
    run,
    short_program,
)
from buggy import buggy
from designs import needs_gcc, tiers
from leavings import Leavings
from mxsf.golden.accelerator.fault import Fault
from mxsf.golden.accelerator.fields import SIZE
from mxsf.golden.formats.block import Rounding
from mxsf.sim.interface.accelerator_host import ABORT, CLEAR, GO
from mxsf.sim.interface.axi_memory import Fault as Refusal
from mxsf.sim.stimulus.programs import random_program

pytestmark = needs_gcc


async def abort(runs, made, after):
    """Begin the program that is set up, and abort it so many cycles later, at least 1.

    Compares what is known of it then; returns whether it had ended.
    """
    host, compare = runs.host, runs.result.compare
    runs.memory[:] = made.memory
    await host.write("program", made.start)
    await act_twice(runs, after)
    status, program = await host.ended(), await host.read("program")
    host.check_idle()
    left = Leavings(made, runs.part.built, runs.core)
    runs.core.reset()
    wrong = left.wrong(runs.memory)
    compare("addresses that are neither old nor new", [hex(at) for at in wrong[:4]], [])
    ended, last = program != made.start, left.steps[-1]
    compare("program", program, last.address + SIZE if ended else made.start)
    compare("status", status, 2 if ended and last.descriptor.irq else 0)
    if ended:
        compare("memory", np.array_equal(runs.memory, left.memories[-1]), True)
    await host.act(CLEAR)
    return ended


async def act_twice(runs, after):
    """Write ``go`` to control, and ``abort`` so many cycles later, whatever is answered by then."""
    host, answers = runs.host, []
    offset = host.host.registers["control"].offset
    for cycle in range(after + 100):
        for bits, when in ((GO, 0), (ABORT, after)):
            if cycle == when:
                host.lite.queues["aw"].append({"s_axi_awaddr": offset, "s_axi_awprot": 0})
                host.lite.queues["w"].append({"s_axi_wdata": bits, "s_axi_wstrb": 15})
        moved = await host.step()
        answers += [moved["b"]["s_axi_bresp"]] if "b" in moved else []
        if len(answers) == 2:
            break
    runs.result.compare("responses", answers, [0, 0])


def every_cycle(part, simulator, step):
    """Abort a short program in one of so many cycles, up to its end; how often."""
    made, seen = short_program(part.built), []

    async def body(runs):
        await runs.right(made)
        while sum(seen) < 2:
            after = 1 + step * len(seen)
            seen.append(await abort(runs, made, after))
            await runs.again(made)
            runs.checked(f"abort after {after} cycles")
        await runs.host.end()  # what the counters have counted by now
        await runs.right(made)

    run(part, simulator, body, timing=FASTEST)
    return len(seen)


def at_random(part, simulator, made, seed, count):
    """Abort a program at random cycles; after each one another one that is right."""
    random, (timing, stalls) = Random(seed), TIMINGS[seed % len(TIMINGS)]
    good = random_program(part.built, seed, 1, fills=True, origin=made.origin)
    if part.built.rounding is Rounding.STOCHASTIC:
        good = rounded(part.built, fills=True, origin=made.origin)
    _, cycles = bursts_of(part, simulator, made, timing)

    async def body(runs):
        for _ in range(count):
            after = random.randint(1, cycles)
            await runs.set_up(made)
            await abort(runs, made, after)
            runs.checked(f"abort after {after} cycles")
            await runs.host.end()  # what the counters have counted by now
            await runs.right(good)
            runs.checked(f"after an abort after {after} cycles")

    run(part, simulator, body, timing=timing, stalls=stalls)


@pytest.mark.parametrize("step", tiers([11], [1]))
def test_every_cycle(step):
    """Every cycle of a short program, or one of eleven."""
    assert every_cycle(*compiled(**SMALL), step) > 100 // step


def aborted(options, seed, count):
    """Random programs anywhere."""
    part, simulator = compiled(**options)
    made = random_program(part.built, 40 + seed, 3, fills=True, origin=seed % 2 << 20)
    at_random(part, simulator, made, seed, count)


@pytest.mark.parametrize("seed", tiers([0], range(3)))
def test_random_programs(seed):
    aborted(SMALL, seed, 3)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("options", [SMALL, *CONFIGURATIONS], ids=str)
def test_many_random_programs(options, seed):
    aborted(options, seed, 20)


def test_nothing_runs():
    """An abort between programs: the random numbers begin again, and nothing else."""
    part, simulator = compiled(**SMALL)
    made = short_program(part.built)

    async def body(runs):
        await runs.right(made)
        await runs.host.act(ABORT)
        runs.result.compare("status", await runs.host.ended(), 0)
        runs.core.reset()
        await runs.right(made)

    run(part, simulator, body)


@pytest.mark.long
def test_while_the_bus_refuses():
    """An abort before, in and after the end of a program that the bus stops."""
    part, simulator = compiled(**SMALL)
    made, random, seen = short_program(part.built), Random(5), set()

    async def body(runs):
        await runs.right(made)
        beats = runs.host.memory.beats_read, runs.host.memory.beats_written
        for _ in range(40):
            write = random.random() < 0.5
            refusal = Refusal(None, random.randrange(beats[write]), write)
            await runs.set_up(made, [refusal])
            await runs.host.write("program", made.start)
            await act_twice(runs, random.randint(1, 160))
            seen.add(Fault(await runs.host.ended() >> 4))
            wrong = Leavings(made, part.built, runs.core).wrong(runs.memory)
            runs.result.compare("addresses that are neither old nor new", wrong, [])
            runs.core.reset()
            await runs.host.end()
            await runs.right(made)
            runs.checked(refusal)

    run(part, simulator, body, timing=FASTEST)
    assert seen == {Fault.NONE, Fault.FETCH, Fault.READ, Fault.WRITE}


@pytest.mark.long
def test_every_cycle_catches_what_is_left():
    """An abort that does not reset what computes."""
    with pytest.raises(AssertionError, match="abort after"):
        every_cycle(*buggy("core"), 11)


@pytest.mark.long
def test_random_cycles_catch_wrong_bytes():
    """Beats that an abort silences have strobes."""
    part, simulator = buggy("bytes")
    with pytest.raises(AssertionError, match="neither old nor new"):
        at_random(part, simulator, large_program(part.built), 0, 20)
