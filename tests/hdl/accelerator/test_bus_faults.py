"""Faults of the bus at any beat: what is old or new, what is told; the next program is right."""

from random import Random

import numpy as np
import pytest
from accelerating import (
    CONFIGURATIONS,
    FASTEST,
    QUICK,
    SMALL,
    bursts_of,
    compiled,
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
from mxsf.sim.interface.axi_memory import Fault as Refusal
from mxsf.sim.stimulus.programs import random_program

pytestmark = needs_gcc


async def refuse(runs, made, refusal):
    """Run a program once, while the memory refuses something; compare what is known of that."""
    compare, built = runs.result.compare, runs.part.built
    await runs.set_up(made, [refusal])
    outcome = (await runs.host.run(made.start)).outcome
    left = Leavings(made, built, runs.core)
    behind = made.start + len(made.descriptors) * SIZE  # what is fetched there is no fault
    refused = [address for address in runs.host.memory.refused if address < behind]
    if not refused:
        compare("fault", outcome.fault, Fault.NONE)
        compare("memory", np.array_equal(runs.memory, left.memories[-1]), True)
        return
    runs.core.reset()
    compare("bus address", outcome.bus_address, refused[0])
    compare("irq", outcome.irq, True)
    wrong = left.wrong(runs.memory, outcome.descriptor)
    compare("addresses that are neither old nor new", [hex(at) for at in wrong[:4]], [])
    if refused[0] >= made.start:
        compare("fault", outcome.fault, Fault.FETCH)
        compare("descriptor", (outcome.descriptor, outcome.program), (refused[0], refused[0]))
        before = left.memories[(refused[0] - made.start) // SIZE]
        compare("memory of what was before", np.array_equal(runs.memory, before), True)
        return
    compare("fault", outcome.fault, Fault.WRITE if refusal.write else Fault.READ)
    compare("program", outcome.program, made.start)
    met = left.touched(outcome.descriptor, refused[0], built.beat)
    compare("a descriptor that was there", met, True)


def check(part, simulator, made, refusals, after, timing=QUICK):
    """Run a program with each of some refusals; after each one one of those that are right."""

    async def body(runs):
        for number, refusal in enumerate(refusals):
            await refuse(runs, made, refusal)
            runs.checked(refusal)
            await runs.right(after[number % len(after)])
            runs.checked(f"after {refusal}")

    run(part, simulator, body, timing=timing)


def beats(bus, random, count=None):
    """Refusals of some beats, or of all: reads and writes."""
    found = []
    for write, most in ((False, bus.beats_read), (True, bus.beats_written)):
        chosen = range(most)
        if count is not None:
            chosen = sorted({0, most - 1, *(random.randrange(most) for _ in range(count))})
        found += [Refusal(None, number, write, random.choice([2, 3])) for number in chosen]
    return found


def bursts(bus, random, count):
    """Refusals of bursts of each way."""
    found = []
    for write, seen in ((False, bus.reads), (True, bus.writes)):
        starts = sorted({address for address, _ in seen})
        chosen = random.sample(starts, min(count, len(starts)))
        found += [Refusal(address, None, write) for address in chosen]
    return found


@pytest.mark.parametrize("count", tiers([2], [2, None]))
def test_beats(count):
    """Some beats of a short program, or every one."""
    part, simulator = compiled(**SMALL)
    made = short_program(part.built)
    bus, _ = bursts_of(part, simulator, made, FASTEST)
    refusals = beats(bus, Random(1), count)
    check(part, simulator, made, refusals, [made], FASTEST)


@pytest.mark.parametrize("seed", tiers([0], range(3)))
def test_random_programs(seed):
    refused(SMALL, seed, 1)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [SMALL, *CONFIGURATIONS], ids=str)
def test_many_random_programs(options, seed):
    refused(options, seed, 5)


def refused(options, seed, count):
    """Beats and bursts of random programs anywhere in memory."""
    part, simulator = compiled(**options)
    random, origin = Random(seed), seed % 2 << 20
    made = random_program(part.built, 20 + seed, 2, fills=True, origin=origin)
    bus, _ = bursts_of(part, simulator, made)
    refusals = [*beats(bus, random, count), *bursts(bus, random, count)]
    after = [random_program(part.built, 7, 1, fills=True)]
    if part.built.rounding is Rounding.STOCHASTIC:
        after.append(rounded(part.built, fills=True, origin=origin))
    check(part, simulator, made, refusals, after)


@pytest.mark.long
def test_beats_catch_a_refusal_that_is_not_told():
    part, simulator = buggy("refusal")
    made = short_program(part.built)
    with pytest.raises(AssertionError, match="fault is 0x0, must be 0x9"):
        check(part, simulator, made, [Refusal(None, 0, True)], [made])
