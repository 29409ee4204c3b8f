"""The check of descriptors: it finds the golden fault of random ones."""

from random import Random

from amaranth.sim import Simulator
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import decode
from mxsf.golden.accelerator.fault import Fault, Window, descriptor_fault, reserved_set
from mxsf.golden.accelerator.fields import FIELDS, pack, unpack
from mxsf.hdl.accelerator.check import Check


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
