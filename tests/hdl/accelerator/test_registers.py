"""Registers of the accelerator while programs run: go, the interrupt, counters, rubbish."""

from random import Random

import pytest
from accelerating import FASTEST, QUICK, SMALL, compiled, run, short_program
from altered import with_descriptor
from designs import needs_gcc
from mxsf.golden.accelerator.descriptor import End, Fence
from mxsf.golden.accelerator.fault import Fault
from mxsf.hdl.accelerator.accelerator import COUNTERS
from mxsf.hdl.interface.axi_lite import OKAY, SLVERR
from mxsf.hdl.register_map import ADDRESS_BITS, Access
from mxsf.sim.bench.accelerator import compare
from mxsf.sim.interface.accelerator_host import ABORT, CLEAR, GO
from mxsf.sim.interface.axi_memory import MemoryTiming
from mxsf.sim.stimulus.programs import random_program
from planted import Planted, on

pytestmark = needs_gcc


def accelerator():
    """The accelerator, its simulator, and a short program whose END raises the interrupt."""
    part, simulator = compiled(**SMALL)
    return part, simulator, short_program(part.built)


def go_in_every_cycle(planted=lambda simulator: simulator):
    """What writes of ``go`` get, one in every cycle, until it is taken the second time."""
    part, simulator, made = accelerator()
    answers = []

    async def body(runs):
        host, lite = runs.host, runs.host.lite
        await runs.set_up(made)
        await host.write("program", made.start)
        asked = 0
        while answers.count(OKAY) < 2 or len(answers) < asked:
            if answers.count(OKAY) < 2:
                offset = host.host.registers["control"].offset
                lite.queues["aw"].append({"s_axi_awaddr": offset, "s_axi_awprot": 0})
                lite.queues["w"].append({"s_axi_wdata": GO, "s_axi_wstrb": 15})
                asked += 1
            moved = await host.step()
            answers.extend([moved["b"]["s_axi_bresp"]] if "b" in moved else [])
        machine = made.machine(part.built)
        golden = machine.run(made.start)
        outcome = (await host.end()).outcome
        # The second one begins behind the END, and there is no memory.
        runs.result.compare("end", (outcome.fault, outcome.program), (Fault.FETCH, golden.program))
        runs.result.compare("memory", (runs.memory == machine.memory).all(), True)

    run(part, planted(simulator), body, timing=FASTEST)
    second = answers.index(OKAY, 1)
    assert answers[: second + 1] == [OKAY, *[SLVERR] * (second - 1), OKAY]
    assert second > 100


def test_go_while_running_is_refused():
    go_in_every_cycle()


def test_go_catches_an_answer_that_is_always_right():
    with pytest.raises(AssertionError, match="end is"):
        go_in_every_cycle(lambda s: Planted(s, on("s_axi_bresp", lambda *_: OKAY)))


def test_rubbish_while_running():
    """Reads of anything, writes that are refused, another address for the next program."""
    part, simulator, _ = accelerator()
    made, random = random_program(part.built, 3, 3, irq=True), Random(0)
    listed = {register.offset // 4 for register in part.registers}
    bad = [n for n in range(1 << ADDRESS_BITS - 2) if n not in listed]
    fixed = [r.name for r in part.registers if r.access is Access.READ]
    changing = {"status", "program_low", "descriptor_low", *(n for n in fixed if "count_" in n)}
    readable = [r.name for r in part.registers if r.name not in changing]

    async def disturb(host, compare):
        match random.randrange(4):
            case 0:
                compare("refused", await host.write("control", GO | ABORT | CLEAR), False)
            case 1:
                address = 4 * random.choice(bad) + random.randrange(4)
                compare("write", await host.write_at(address, random.getrandbits(32)), SLVERR)
                compare("read", (await host.read_at(address))[1], SLVERR)
            case 2:
                await host.write(random.choice(fixed), random.getrandbits(32))
            case _:
                await host.read(random.choice([*readable, *changing]))

    async def body(runs):
        await runs.set_up(made)
        await runs.host.begin(made.start)
        await runs.host.write("program", random.getrandbits(40))
        count = 0
        while not runs.host.pins.get("irq"):
            await disturb(runs.host.host, runs.result.compare)
            count += 1
        ran, machine = await runs.host.end(), made.machine(part.built)
        compare(runs.result, ran, machine.run(made.start), machine, runs.memory)
        assert count > 100

    run(part, simulator, body, timing=MemoryTiming((30, 60), (30, 60)))


def test_interrupt():
    """It follows status.irq where it is enabled, and stays until it is taken back."""
    part, simulator, made = accelerator()
    silent = with_descriptor(made, len(made.descriptors) - 1, End(irq=False))
    bad = with_descriptor(made, 0, bytes(64))

    async def body(runs):
        host, compare = runs.host, runs.result.compare
        for program, raises in ((silent, 0), (made, 1), (bad, 1)):
            await runs.set_up(program)
            await host.host.write("irq_enable", 0)
            await host.begin(program.start)
            compare("status.irq", await host.ended() >> 1 & 1, raises)
            for enabled in (0, 1, 0, 1):
                await host.host.write("irq_enable", enabled)
                compare("irq", host.pins.get("irq"), raises & enabled)
            await runs.set_up(silent)
            await host.begin(silent.start)
            compare("status.irq of the next one", await host.ended() >> 1 & 1, raises)
            compare("irq of the next one", host.pins.get("irq"), raises)
            await host.act(CLEAR)
            compare("irq after clear", host.pins.get("irq"), 0)
            compare("status.irq after clear", await host.host.read("status") >> 1 & 1, 0)

    run(part, simulator, body)


def test_cycles_are_counted():
    """From go to the interrupt, but for as many as counters need to be right."""
    part, simulator, made = accelerator()
    waits = MemoryTiming((90, 90), (90, 90))
    slow = random_program(part.built, 5, 2, irq=True)
    seen = []

    async def body(runs):
        host = runs.host
        for program, timing in ((made, FASTEST), (slow, QUICK), (made, waits)):
            await runs.set_up(program)
            host.attach(runs.memory, timing, program.origin)
            await host.begin(program.start)
            begun = runs.result.cycles
            while not host.pins.get("irq"):
                await host.wait(1)
            cycles = runs.result.cycles - begun
            seen.append((cycles, cycles - (await host.end()).counters["cycles"]))

    run(part, simulator, body)
    assert len({cycles for cycles, _ in seen}) == 3
    assert {uncounted for _, uncounted in seen} == {len(COUNTERS)}


def test_stalls_are_counted():
    """On a slow memory more than on a fast one, and never more than there are cycles."""
    part, simulator, made = accelerator()
    names, counters = [name for name in COUNTERS if name.startswith("stalled_")], []
    idle = with_descriptor(with_descriptor(made, 0, Fence()), 1, End())
    large = random_program(part.built, 5, 6)

    async def body(runs):
        for program, latency in ((idle, 1), (large, 1), (large, 101)):
            await runs.set_up(program)
            timing = MemoryTiming((latency, latency), (latency, latency))
            runs.host.attach(runs.memory, timing, program.origin)
            counters.append((await runs.host.run(program.start)).counters)

    run(part, simulator, body)
    nothing, fast, late = counters
    assert [nothing[name] for name in names] == [0] * len(names)
    for name in ("stalled_load", "stalled_fence", "stalled_start"):
        assert fast[name] < late[name] - 50, name
    assert max(late[name] for name in names) < late["cycles"]
