"""Accelerators on a memory: simulators made once, programs that are changed, what broken ones leave."""

from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import make_simulator
from mxsf.golden.accelerator.descriptor import Fence, encode
from mxsf.golden.accelerator.fields import FIELDS, SIZE
from mxsf.sim.bench.accelerator import run_programs
from mxsf.sim.interface.axi_memory import MemoryTiming
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.stimulus.programs import RandomProgram, random_program

QUICK = MemoryTiming((2, 8), (2, 8))
TIMINGS = [
    (MemoryTiming((1, 60), (1, 60)), Stalls(0.7, 0.6)),
    (MemoryTiming((1, 1), (1, 1)), NO_STALLS),
    (MemoryTiming((40, 40), (40, 40)), NO_STALLS),
    (MemoryTiming((200, 200), (200, 200)), NO_STALLS),
    (MemoryTiming((1, 200), (1, 200)), Stalls(1.0, 0.3)),
    (MemoryTiming((1, 10), (100, 300)), Stalls(0.3, 1.0)),
    (MemoryTiming((1, 30), (1, 30), outstanding=1), Stalls(0.5, 0.5)),
]
"""Memories, and stalls of their channels and of the host."""

_FURTHEST = 1 << 62  # of the golden machine's memory
_ROOM = 1 << 22  # for the memory of a program


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


def ending(program, count=None):
    """A program whose memory ends with so many of its descriptors, by default all."""
    count = len(program.descriptors) if count is None else count
    size = program.start - program.origin + count * SIZE
    return replace(program, memory=program.memory[:size].copy())


def with_descriptor(program, number, data):
    """A program with other bytes, or another descriptor, in place of one."""
    data = data if isinstance(data, bytes) else encode(data)
    memory = program.memory.copy()
    place = program.start - program.origin + number * SIZE
    memory[place : place + SIZE] = np.frombuffer(data, np.uint8)
    return replace(program, memory=memory)


def with_descriptors(program, descriptors):
    """A program of these descriptors in the memory of another."""
    memory = program.memory.copy()
    data = b"".join(map(encode, descriptors))
    place = program.start - program.origin
    memory[place : place + len(data)] = np.frombuffer(data, np.uint8)
    return replace(program, memory=memory, descriptors=list(descriptors), window=None)


def with_fields(descriptor, **values):
    """Bytes of a descriptor with other values in some fields, whether that makes sense or not."""
    data = bytearray(encode(descriptor))
    fields = {field.name: field for field in FIELDS[data[0] & 0xF]}
    for name, value in values.items():
        field = fields[name]
        word = int.from_bytes(data[4 * field.word :][:4], "little")
        mask = (1 << field.width) - 1
        word = word & ~(mask << field.low) | (value & mask) << field.low
        data[4 * field.word : 4 * field.word + 4] = word.to_bytes(4, "little")
    return bytes(data)


def with_bit(descriptor, bit):
    """Bytes of a descriptor with a bit of 512 turned over."""
    data = bytearray(encode(descriptor))
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def check(part, simulator, made, timing=QUICK, stalls=NO_STALLS):
    """Run programs; all that they leave must be the golden machine's."""
    result = run_programs(simulator, part, made, stalls, timing=timing)
    assert result.passed, result.mismatches
    return result


class Leavings:
    """What a program that was stopped may have left in memory.

    Args:
        program: a random program without faults of descriptors.
        built: the accelerator.
        core: of the golden machine before.
    """

    def __init__(self, program: RandomProgram, built, core):
        self.program = program
        machine = program.machine(built)
        machine.core = core
        self.steps, self.memories = [], [program.memory]
        for done in machine.steps(program.start):
            self.steps.append(done)
            self.memories.append(machine.memory.copy())

    def wrong(self, memory, head):
        """Addresses of bytes that are neither old nor new.

        Args:
            memory: what was left.
            head: address of the first descriptor that had not begun.
        """
        begun = (head - self.program.start) // SIZE
        assert 0 <= begun < len(self.steps), hex(head)
        fences = [n for n in range(begun) if isinstance(self.steps[n].descriptor, Fence)]
        old, new = self.memories[fences[-1] if fences else 0], self.memories[begun]
        return np.flatnonzero((memory != old) & (memory != new)).tolist()

    def touched(self, head, address, beat):
        """Whether a descriptor up to this one reads or writes a byte of a beat."""
        for done in self.steps:
            for plane in done.touched:
                ends = plane.addresses + plane.record
                if ((plane.addresses < address + beat) & (ends > address)).any():
                    return True
            if done.address == head:
                return False
        return False
