"""Faults of descriptors: nothing is touched, those before it finish, the next program is right."""

from dataclasses import replace
from random import Random

import pytest
from accelerating import CONFIGURATIONS, SMALL, check, compiled, programs
from altered import ending, with_bit, with_descriptor, with_fields
from buggy import buggy
from designs import needs_gcc, tiers
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, encode
from mxsf.golden.accelerator.fault import Fault, Window
from mxsf.golden.accelerator.fields import SIZE, reserved
from mxsf.golden.accelerator.machine import Machine
from mxsf.sim.stimulus.programs import random_program

pytestmark = needs_gcc


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


def faulty(built, faults, count, products):
    """Programs with a bad descriptor, each between right ones."""
    for fault in faults:
        random = Random(fault.value)
        for good in programs(built, 50 * fault.value, count, products):
            bad = BAD[fault](random, good, built)
            assert bad.machine(built).run(bad.start).fault == fault
            yield from (bad, good)


def test_a_bad_descriptor_touches_nothing():
    part, simulator = compiled(**SMALL)
    check(part, simulator, faulty(part.built, BAD, 1, (1,)))


@pytest.mark.long
@pytest.mark.parametrize("fault", BAD, ids=lambda fault: fault.name)
def test_many_bad_descriptors(fault):
    part, simulator = compiled(**SMALL)
    check(part, simulator, faulty(part.built, [fault], 4, (1, 2)))


@pytest.mark.campaign
@pytest.mark.parametrize("options", [SMALL, *CONFIGURATIONS], ids=str)
def test_bad_descriptors_of_others(options):
    part, simulator = compiled(**options)
    check(part, simulator, faulty(part.built, BAD, 12, (1, 2, 3)))


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


@pytest.mark.parametrize("seed", tiers([0], range(5)))
def test_bits_turned_over(seed):
    """Whatever bits of a descriptor: the golden machine says what becomes of it."""
    part, simulator = compiled(**SMALL)
    random, made = Random(seed), []
    while len(made) < 4:
        good = random_program(part.built, random.randrange(1 << 30), 1)
        good = replace(good, window=Window(0, len(good.memory)))
        number, bit = random.randrange(len(good.descriptors)), random.randrange(512)
        bad = with_descriptor(good, number, with_bit(good.descriptors[number], bit))
        if affordable(bad, part.built, number):
            made.append(bad)
    check(part, simulator, made)


@pytest.mark.long
def test_a_descriptor_that_is_not_checked_is_caught():
    part, simulator = buggy("check")
    with pytest.raises(AssertionError, match="fault is 0x0, must be 0x2"):
        check(part, simulator, faulty(part.built, [Fault.RESERVED], 1, (1,)))
