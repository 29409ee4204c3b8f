"""The accelerator against its golden machine, and parts of it against their golden answers."""

from functools import cache
from random import Random

import numpy as np
import pytest
from amaranth.sim import Simulator
from designs import needs_gcc, plant
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import cxxrtl_simulator
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import decode
from mxsf.golden.accelerator.epilogue import relu, scale
from mxsf.golden.accelerator.fault import Fault, Window, descriptor_fault, reserved_set
from mxsf.golden.accelerator.fields import FIELDS, pack, unpack
from mxsf.hdl.accelerator import rows as rows_module
from mxsf.hdl.accelerator.check import Check
from mxsf.hdl.accelerator.epilogue import Epilogue
from mxsf.sim.bench.accelerator import run_programs
from mxsf.sim.result import Stalls
from mxsf.sim.stimulus.programs import random_program

SMALL = {"tile": 4, "pes": 4, "depth": 16, "rounding": "stochastic"}


@cache
def compiled():
    design = variant("accelerator", **SMALL)
    return design.component, cxxrtl_simulator(design)


@needs_gcc
@pytest.mark.parametrize("stalls", [Stalls(), Stalls(0.6, 0.7, 1)], ids=str)
def test_random_programs(stalls):
    component, simulator = compiled()
    programs = [random_program(component.built, 10 * stalls.seed + n) for n in range(3)]
    result = run_programs(simulator, component, programs, stalls)
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize(
    "options",
    [
        {"element": "e2m3", "tile": 8, "pes": 8, "depth": 16},
        {"element": "e2m1", "tile": 4, "pes": 16, "depth": 16, "bus": 512},
        {"element": "int8", "tile": 8, "pes": 1, "depth": 16, "requantize": "no", "bus": 128},
    ],
    ids=str,
)
def test_random_programs_of_other_accelerators(options):
    design = variant("accelerator", **options)
    programs = [random_program(design.component.built, n) for n in range(6)]
    result = run_programs(cxxrtl_simulator(design), design.component, programs, Stalls(0.7, 0.7))
    assert result.passed, result.mismatches


@pytest.mark.long
@needs_gcc
def test_random_programs_catch_a_mask_that_is_lost(monkeypatch):
    plant(monkeypatch, Epilogue, rows_module, lambda part: part.o.payload.words[0].eq(0))
    design = variant("accelerator", **SMALL)
    programs = [random_program(design.component.built, n) for n in range(3)]
    assert not run_programs(cxxrtl_simulator(design), design.component, programs).passed


def random_descriptor(random):
    """Bytes of a descriptor, now and then a bad one."""
    opcode = random.choice([*FIELDS, 0, 6]) if random.random() < 0.2 else random.randint(1, 3)
    if opcode not in FIELDS:
        return bytes([opcode]) + bytes(63)
    counts = ("m", "n", "k", "rows", "columns", "run", "crun")
    values = {"opcode": opcode}
    for field in FIELDS[opcode][1:]:
        if field.name.split("_")[-1] in counts:
            value = random.choice([0, 17, 40]) if random.random() < 0.04 else random.randint(1, 5)
        elif field.signed and field.width == 32:
            far = random.random() < 0.1
            value = random.choice([-(1 << 31), (1 << 31) - 1]) if far else random.randint(-5, 50)
        elif field.width == 32:
            value = random.randint(0, 60) * 8 + (random.random() < 0.03)
        elif field.name == "stochastic":
            value = int(random.random() < 0.03)
        else:
            value = random.getrandbits(field.width - field.signed)
        values[field.name] = value
    data = bytearray(pack(values))
    if random.random() < 0.05:
        data[random.randrange(64)] ^= 1 << random.randrange(8)
    return bytes(data)


def golden_fault(data, built, bases, window):
    """What the machine says of a descriptor."""
    values = unpack(data)
    if values is None or values.get("init", 0) == 3:
        return Fault.OPCODE
    if reserved_set(values["opcode"], data):
        return Fault.RESERVED
    return descriptor_fault(decode(values), built, bases, window)


def test_check_finds_the_golden_fault():
    built, random, seen = Configuration(depth=16), Random(1), set()
    check = Check(built)
    simulator = Simulator(check)
    simulator.add_clock(1e-6)

    async def testbench(ctx):
        for number in range(250):
            bases = [random.choice([0, 0x1000, 0x1008, 0xFFFFF000]) for _ in range(4)]
            low, high = random.choice([0, 0, 0x1000]), random.choice([0, 0, 0x2000, 0x80010000])
            data = random_descriptor(random)
            for register, base in enumerate(bases):
                ctx.set(check.bases[register], base)
            ctx.set(check.low, low)
            ctx.set(check.high, high)
            ctx.set(check.i.payload.bits, int.from_bytes(data, "little"))
            ctx.set(check.i.valid, 1)
            await ctx.tick().until(check.i.ready)
            ctx.set(check.i.valid, 0)
            ctx.set(check.o.ready, 1)
            (fault,) = await ctx.tick().sample(check.o.payload.fault).until(check.o.valid)
            golden = golden_fault(data, built, bases, Window(low, high or 1 << 32))
            assert fault == golden, (number, unpack(data), bases, low, high)
            seen.add(golden)

    simulator.add_testbench(testbench)
    simulator.run()
    assert seen == set(range(Fault.WINDOW + 1))


def test_epilogue_is_golden():
    tile, count, rng = 4, 600, np.random.default_rng(0)
    shape = (count, tile)
    exponent = np.where(
        rng.random(shape) < 0.5,
        rng.choice([0, 1, 127, 254, 255], shape),
        rng.integers(256, size=shape),
    )
    mantissa = np.where(rng.random(shape) < 0.4, 0, rng.integers(1 << 23, size=shape))
    sign = rng.integers(2, size=shape)
    words = (sign << 31 | exponent << 23 | mantissa * (exponent != 0)).astype(np.uint32)
    shifts = rng.choice([-128, -127, -1, 0, 1, 127], count)
    negate, rectify = rng.integers(2, size=(2, count))
    masked = rng.integers(2, size=shape)
    epilogue = Epilogue(tile)
    simulator = Simulator(epilogue)
    simulator.add_clock(1e-6)

    def golden(row):
        values = scale(words[row].view(np.float32), int(shifts[row]), bool(negate[row]))
        values = relu(values) if rectify[row] else values
        return np.where(masked[row], np.float32(0), values).view(np.uint32).tolist()

    async def testbench(ctx):
        ctx.set(epilogue.o.ready, 1)
        ctx.set(epilogue.i.valid, 1)
        into = epilogue.i.payload
        for number in range(count + 2):
            row = min(number, count - 1)
            for lane in range(tile):
                ctx.set(into.words[lane], int(words[row, lane]))
            ctx.set(into.shift, int(shifts[row]))
            ctx.set(into.negate, int(negate[row]))
            ctx.set(into.relu, int(rectify[row]))
            ctx.set(into.masked, sum(int(bit) << lane for lane, bit in enumerate(masked[row])))
            if number >= 2:
                left = [ctx.get(epilogue.o.payload.words[lane]) for lane in range(tile)]
                assert left == golden(number - 2), number - 2
            await ctx.tick()

    simulator.add_testbench(testbench)
    simulator.run()
