"""Counters: random events, several in a cycle, each counted once and worth what it is."""

from random import Random

from amaranth.sim import Simulator
from mxsf.hdl.accelerator.counters import Counters

WORTH = {"cycles": 1, "bytes": 64, "rare": 8, "pairs": 2, "scales": 1}


def run(cycles=300):
    """What counters say after each of some cycles, and what they must."""
    part, random, seen, expected = Counters(WORTH), Random(0), [], []
    simulator = Simulator(part)
    simulator.add_clock(1e-6)
    golden = dict.fromkeys(WORTH, 0)

    async def testbench(ctx):
        for _ in range(cycles // len(WORTH)):
            for cycle in range(2 * len(WORTH) + 1):
                for name in WORTH:  # none in the last cycles, in which counters settle
                    many = 0 if cycle > len(WORTH) else random.choice([0, 1, 3])
                    ctx.set(getattr(part.events, name), many)
                    golden[name] += many * WORTH[name]
                await ctx.tick()
            for number, name in enumerate(WORTH):
                ctx.set(part.number, number)
                seen.append(ctx.get(part.value))
                expected.append(golden[name])

    simulator.add_testbench(testbench)
    simulator.run()
    return seen, expected


def test_every_event_is_counted():
    seen, expected = run()
    assert seen == expected
    assert min(expected) > 0


def test_a_counter_that_is_small_is_caught(monkeypatch):
    """Events are lost while they wait for their turn."""
    monkeypatch.setattr("mxsf.hdl.accelerator.counters._EVENTS", 1)
    seen, expected = run()
    assert seen != expected
