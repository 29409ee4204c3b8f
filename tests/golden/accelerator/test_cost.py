"""The cost model on programs small enough to count by hand."""

from dataclasses import replace

import pytest
from mxsf.golden import Rounding
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.cost import TIMING, Timing, cost, product_cycles
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, Place
from mxsf.golden.accelerator.fields import Opcode
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.view import View
from programs import BASES, PROGRAM, random_program

BUILT = Configuration(depth=64)  # a record of codes is 8 beats, one of words 32
LATENCY, DRAIN = TIMING.latency, TIMING.drain
LOAD = Load(Opcode.LOAD_A, 1, 8, Place(), Place(0, 0x1000), View())
LOAD_BEATS = 8 * 8 + 1
PRODUCT = Multiply(1, 4, 8, words=Place(0, 0x2000))
PRODUCT_CYCLES = 4 * 8 * 8 + 1


def cycles(*descriptors, built=BUILT, timing=TIMING):
    return cost([*descriptors, End()], built, timing).cycles


FETCHED = LATENCY + 6 + 8  # a descriptor of 8 beats, and what bus and queues take
CHECKED = FETCHED + 20 + 1  # and a row of tiles


def test_an_empty_program():
    assert cycles() == FETCHED + 3


def test_a_load():
    assert cycles(LOAD) == CHECKED + 8 + LATENCY + 6 + LOAD_BEATS  # eight columns are checked too
    twice = cycles(LOAD, LOAD)
    assert twice == cycles(LOAD) + LOAD_BEATS + 8  # the second one's latency is hidden


def test_short_bursts_wait_for_one_another():
    """Columns of a wide plane: a burst a tile for codes, and one for its scale."""
    apart = replace(LOAD, rows=64, columns=1, view=View(pitch=8))
    together = replace(LOAD, rows=8, columns=8, view=View(pitch=8))
    slow = Timing(latency=200, outstanding=4)
    assert cycles(apart, timing=slow) - cycles(apart, timing=Timing(latency=200)) > 64 * 2 * 206 / 8
    difference = cycles(apart, timing=slow) - cycles(together, timing=slow)
    assert difference > (64 - 33) * 2 * 206 / 4  # 4096 bytes of codes, 16 beats a burst


def test_a_product():
    end = CHECKED + PRODUCT_CYCLES + DRAIN + 32 + LATENCY
    assert cycles(PRODUCT) == end
    both = cycles(PRODUCT, replace(PRODUCT, words=Place(0, 0x4000)))
    assert both == end + PRODUCT_CYCLES
    fenced = cycles(PRODUCT, Fence(), PRODUCT)
    assert fenced == 2 * end - CHECKED


def test_a_free_load_is_hidden():
    waits = cycles(LOAD, PRODUCT, LOAD, PRODUCT)
    free = cycles(LOAD, PRODUCT, replace(LOAD, free=True), PRODUCT)
    assert waits - free == LATENCY + 6 + LOAD_BEATS


def test_what_bounds_a_product():
    assert product_cycles((1, 1, 10), 1, 6) == 9 * 6 + 1
    assert product_cycles((2, 3, 10), 1, 6) == 61
    slow = cycles(PRODUCT, timing=Timing(registers=64))
    assert slow == cycles(PRODUCT) + 7 * 64 + 4 * 8 - PRODUCT_CYCLES
    # Writing takes longer than multiplying: the third product waits for the first one's words.
    narrow = replace(BUILT, pes=64)
    short = replace(PRODUCT, k=1)
    one, two, three, four = (cycles(*[short] * count, built=narrow) for count in (1, 2, 3, 4))
    assert three - two == four - three == 4 * 32
    assert two - one < 4 * 32 + DRAIN


def test_starts_come_over_the_bus():
    start = replace(PRODUCT, init=1, init_at=Place(0, 0x4000))
    narrow = replace(BUILT, pes=64)
    assert cycles(start) == cycles(PRODUCT) + LATENCY + 6
    assert cycles(start, built=narrow) >= cycles(PRODUCT, built=narrow) + 4 * 32 - 40


@pytest.mark.parametrize("seed", range(3))
def test_bytes_are_those_of_the_machine(seed):
    built = Configuration(tile=4, pes=4, depth=16, rounding=Rounding.STOCHASTIC)
    program = random_program(built, seed)
    machine = Machine(built, program.memory)
    machine.bases[:] = BASES
    assert machine.run(PROGRAM).fault == 0
    found = cost(program.descriptors, built)
    counters = machine.counters
    assert found.steps == counters["steps"]
    assert found.products == counters["steps"] * built.pes * built.tile
    words = counters["word_bytes"] + counters["code_bytes"] + counters["scale_bytes"]
    assert found.written == words
    # All base registers are multiples of a beat, so it does not matter that the model has 0 there.
    read = sum(counters[name] for name in counters if name.endswith("_bytes")) - words
    assert found.read == read + 64 * len(program.descriptors)
