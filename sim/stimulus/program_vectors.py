"""Vectors of an accelerator: a program in memory, what a host does, and what both leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.descriptor import Multiply
from ...golden.accelerator.fault import Window
from ...hdl.accelerator.accelerator import Accelerator
from ...hdl.accelerator.register_map import halves
from ...hdl.ports import port_signals
from .programs import RandomProgram

__all__ = ["ProgramVectors", "Word", "count_tiles", "program_vectors"]


class Word(NamedTuple):
    """A register, and what is written to it or what it must read.

    Attributes:
        name: of the register.
        offset: its byte address.
        value: the 32 bits.
    """

    name: str
    offset: int
    value: int


@dataclass(frozen=True)
class ProgramVectors:
    """A program in memory, what a host does, and what both leave. The program raises the interrupt.

    Attributes:
        ports: width of each port of the design, and whether it is an input.
        memory, golden: memory before and after the program, from address 0: a number a beat of the
            bus.
        writes: what the host writes, the last one begins the program.
        ends: what it reads then.
        clear: what takes the interrupt back.
        status: what it polls until the interrupt.
        blocks: tiles of all products.
        work: cycles that the program takes, roughly.
    """

    ports: Mapping[str, tuple[int, bool]]
    memory: Sequence[int]
    golden: Sequence[int]
    writes: Sequence[Word]
    ends: Sequence[Word]
    clear: Word
    status: int
    blocks: int
    work: int

    def files(self, stem: str) -> dict[str, str]:
        """Text of the hex files: ``<stem>_memory.hex`` and ``<stem>_golden.hex``."""
        planes = {"memory": self.memory, "golden": self.golden}
        return {
            f"{stem}_{name}.hex": "".join(f"{value:x}\n" for value in values)
            for name, values in planes.items()
        }


def program_vectors(component: Accelerator, program: RandomProgram) -> ProgramVectors:
    """Vectors of a program that runs first after reset, in a window as large as its memory.

    Args:
        component: the accelerator.
        program: one without faults whose END raises the interrupt.

    Raises:
        ValueError: it does not.
    """
    built = component.built
    machine = program.machine(built)
    machine.window = Window(0, len(program.memory))
    golden = machine.run(program.start)
    if golden.fault or not golden.irq:
        raise ValueError(
            f"a program must raise the interrupt at its END: fault {golden.fault.name}"
        )
    offsets = {register.name: register.offset for register in component.registers}

    def words(values: Mapping[str, int]) -> list[Word]:
        """Both halves of each value."""
        return [
            Word(half, offsets[half], part)
            for name, value in values.items()
            for half, part in zip(halves(name), (value & 0xFFFFFFFF, value >> 32), strict=True)
        ]

    def word(name: str, value: int) -> Word:
        return Word(name, offsets[name], value)

    bases = {f"base_{number}": base for number, base in enumerate(program.bases)}
    set_up = [
        *words({**bases, "window_low": 0, "window_high": len(program.memory)}),
        word("irq_enable", 1),
    ]
    left = {
        "descriptor": golden.descriptor,
        "bus": golden.bus_address,
        "program": golden.program,
        **{f"count_{name}": count for name, count in machine.counters.items()},
    }
    constants = [(r.name, r.constant) for r in component.registers if r.constant is not None]
    moved = sum(count for name, count in machine.counters.items() if name.endswith("bytes"))
    return ProgramVectors(
        {p: (len(signal), inwards) for p, (signal, inwards) in port_signals(component).items()},
        _beats(program.memory, built.beat),
        _beats(machine.memory, built.beat),
        [*set_up, *words({"program": program.start}), word("control", 1)],
        [
            word("status", golden.fault << 4 | golden.irq << 1),
            *words(left),
            *set_up,
            *(word(*constant) for constant in constants),
        ],
        word("control", 4),
        offsets["status"],
        count_tiles(program),
        moved // built.beat + machine.counters["steps"] + 300 * machine.counters["descriptors"],
    )


def count_tiles(program: RandomProgram) -> int:
    """Tiles of all products of a program."""
    return sum(d.m * d.n for d in program.descriptors if isinstance(d, Multiply))


def _beats(memory: NDArray[np.uint8], beat: int) -> list[int]:
    """Bytes as a number a beat, the first byte lowest."""
    data = memory.tobytes()
    return [int.from_bytes(data[at : at + beat], "little") for at in range(0, len(data), beat)]
