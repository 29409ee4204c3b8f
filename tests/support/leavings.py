"""What a program that was stopped may have left in memory."""

import numpy as np
from mxsf.golden.accelerator.descriptor import Fence
from mxsf.golden.accelerator.fields import SIZE
from mxsf.sim.stimulus.programs import RandomProgram


class Leavings:
    """The memory of a program without faults after each of its descriptors.

    Args:
        program: the program.
        built: the accelerator.
        core: of the golden machine before it.

    Attributes:
        memories: uint8; before the first descriptor and after each one.
    """

    def __init__(self, program: RandomProgram, built, core):
        self.program = program
        machine = program.machine(built)
        machine.core = core
        self.steps, self.memories = [], [program.memory]
        for done in machine.steps(program.start):
            self.steps.append(done)
            self.memories.append(machine.memory.copy())

    def wrong(self, memory, head=None):
        """Addresses of bytes that are neither old nor new.

        Old is what a FENCE left, or the beginning; new what follows up to the next one.

        Args:
            memory: what was left.
            head: address of the first descriptor that had not begun; None where nobody knows.
        """
        fences = [n for n, done in enumerate(self.steps) if isinstance(done.descriptor, Fence)]
        starts, ends = [0, *fences], [*fences, len(self.steps)]
        if head is not None:
            begun = (head - self.program.start) // SIZE
            assert 0 <= begun < len(self.steps), hex(head)
            starts, ends = [max(n for n in starts if n == 0 or n < begun)], [begun]
        found = [
            np.flatnonzero((memory != self.memories[old]) & (memory != self.memories[new])).tolist()
            for old, new in zip(starts, ends, strict=True)
        ]
        return min(found, key=len)

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
