"""The accelerator as a machine over a byte array: what a program does, exactly.

Source: docs/accelerator.md.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..engine.machine import Tiles
from .access import FAR, accesses, bus_bytes
from .configuration import BASES, Configuration
from .core import Core
from .descriptor import Descriptor, End, Fence, Load, Multiply, decode
from .fault import Fault, Window, descriptor_fault, reserved_set
from .fields import SIZE, Init, unpack
from .hazard import Breach, Hazards, Touched

__all__ = ["BYTES", "Done", "Machine", "Outcome"]

BYTES = {
    ("codes", False): "load_code_bytes",
    ("scales", False): "load_scale_bytes",
    ("init", False): "init_bytes",
    ("mask", False): "mask_bytes",
    ("words", True): "word_bytes",
    ("codes", True): "code_bytes",
    ("scales", True): "scale_bytes",
}
"""Counter of the bytes of each access, by plane and by whether it writes. Reads are of whole beats:
of scales those that the bytes of a burst touch."""


class Done(NamedTuple):
    """A descriptor that was run, or was not.

    Attributes:
        address: where it lies.
        descriptor: what it is; None where it cannot be read or is none.
        touched: the records that it read and wrote.
        breaches: hazards with what went before.
        fault: why it was not run.
        bus_address: of the first record that the bus refused.
    """

    address: int
    descriptor: Descriptor | None
    touched: tuple[Touched, ...] = ()
    breaches: tuple[Breach, ...] = ()
    fault: Fault = Fault.NONE
    bus_address: int = 0


@dataclass
class Outcome:
    """What a run of a program left.

    Attributes:
        fault: why it stopped, ``Fault.NONE`` at an END.
        descriptor: address of the descriptor that stopped it.
        bus_address: of the first record that the bus refused, 0 where it did not.
        program: what the register ``program`` says then: the descriptor after the END, or the one
            with the fault; what it said before, where the bus refused a plane.
        irq: whether the interrupt was raised.
        breaches: all hazards.
    """

    fault: Fault
    descriptor: int
    bus_address: int
    program: int
    irq: bool
    breaches: list[Breach] = field(default_factory=list[Breach])


class Machine:
    """An accelerator and its memory.

    Args:
        built: its parameters.
        memory: uint8; programs run in it, in place.
        origin: address of the first byte of ``memory``; the bus refuses all others.

    Raises:
        ValueError: memory goes beyond 2^62.

    Attributes:
        memory: as given.
        bases: what the base registers hold.
        window: addresses that programs may touch; at first all.
        core: tile memories and random numbers.
        counters: ``steps``, ``descriptors`` (those that were done, FENCE and END too) and those of
            ``BYTES``, since the machine was made.

    >>> machine = Machine(Configuration(tile=4, depth=8), np.zeros(1024, np.uint8))
    >>> machine.run(0).fault.name  # zeros are no program
    'OPCODE'
    """

    def __init__(self, built: Configuration, memory: NDArray[np.uint8], origin: int = 0):
        if not 0 <= origin <= FAR - len(memory):
            raise ValueError(f"origin must be 0 to {FAR - len(memory):#x}, not {origin:#x}")
        self.built, self.memory, self.origin = built, memory, origin
        self.bases = [0] * BASES
        self.window = Window(0, 1 << built.address)
        self.core = Core(built)
        self.counters = dict.fromkeys(("steps", "descriptors", *BYTES.values()), 0)

    def run(self, program: int) -> Outcome:
        """Run the program at an address, to its END or the first fault."""
        *_, done = every = list(self.steps(program))
        breaches = [breach for each in every for breach in each.breaches]
        breaches += _program_breaches(program, every)
        if done.fault:
            refused = done.fault in (Fault.READ, Fault.WRITE)
            last = done.address, done.bus_address, program if refused else done.address, True
        else:
            assert isinstance(done.descriptor, End)
            last = done.address, 0, done.address + SIZE, done.descriptor.irq
        return Outcome(done.fault, *last, breaches)

    def steps(self, program: int) -> Iterator[Done]:
        """Run a program descriptor by descriptor; the last one is an END or has a fault."""
        hazards = Hazards()
        under_way: Done | None = None  # a product
        for address in itertools.count(program, SIZE):
            done = self._step(address)
            if done.fault or isinstance(done.descriptor, End):
                yield done
                return
            breaches = hazards.add(address, done.touched)
            match done.descriptor:
                case Fence():
                    hazards.fence()
                    under_way = None
                case Load(free=False):
                    under_way = None
                case Load() as load if under_way is not None:
                    breaches += self._overwrites(address, load, under_way)
                case Multiply():
                    under_way = done
                case _:
                    pass
            yield done._replace(breaches=tuple(breaches))

    def _step(self, address: int) -> Done:
        """Run one descriptor."""
        done = self._fetched(address)
        descriptor = done.descriptor
        if done.fault or descriptor is None:
            self.core.reset()
            return done
        planes = list(accesses(descriptor, self.built))
        touched = tuple(plane.touched(self.bases) for plane in planes)
        for plane, records in zip(planes, touched, strict=True):
            refused = self._refused(records.addresses, plane.size)
            if refused is not None:
                self.core.reset()
                fault = Fault.WRITE if plane.writes else Fault.READ
                return done._replace(touched=touched, fault=fault, bus_address=refused)
        places = {(p.name, p.writes): t for p, t in zip(planes, touched, strict=True)}
        if isinstance(descriptor, Load):
            self._load(descriptor, places)
        elif isinstance(descriptor, Multiply):
            self._multiply(descriptor, places)
        self.counters["descriptors"] += 1
        for plane, records in places.items():
            self.counters[BYTES[plane]] += bus_bytes(records, self.built.beat)
        return done._replace(touched=touched)

    def _fetched(self, address: int) -> Done:
        """Read and check the descriptor at an address."""
        found = Done(address, None)
        place = address - self.origin
        if address % SIZE or not 0 <= place <= len(self.memory) - SIZE:
            return found._replace(fault=Fault.FETCH, bus_address=address)
        data = self.memory[place : place + SIZE].tobytes()
        values = unpack(data)
        if values is None or values.get("init", Init.ZERO) not in set(Init):
            return found._replace(fault=Fault.OPCODE)
        if reserved_set(values["opcode"], data):
            return found._replace(fault=Fault.RESERVED)
        descriptor = decode(values)
        fault = descriptor_fault(descriptor, self.built, self.bases, self.window)
        return found._replace(descriptor=descriptor, fault=fault)

    def _refused(self, addresses: NDArray[Any], size: int) -> int | None:
        """The first of some records that is not in memory."""
        starts = addresses - self.origin
        outside = np.flatnonzero((starts < 0) | (starts + size > len(self.memory)))
        return int(addresses[outside[0]]) if outside.size else None

    def _overwrites(self, address: int, load: Load, under_way: Done) -> list[Breach]:
        """Tiles that a free load writes while the product under way reads them."""
        assert isinstance(under_way.descriptor, Multiply)
        side, written = self.core.written(load)
        met = np.intersect1d(written, self.core.read(under_way.descriptor)[side])
        if not met.size:
            return []
        name = f"tile memory {side}"
        return [Breach("free LOAD", address, under_way.address, int(met[0]), (name, name))]

    def _load(self, load: Load, places: dict[tuple[str, bool], Touched]) -> None:
        codes = self.built.unpack(self._gather(places["codes", False]))
        scales = self._gather(places["scales", False])[:, 0]
        self.core.load(load, Tiles(codes, scales))

    def _multiply(self, product: Multiply, places: dict[tuple[str, bool], Touched]) -> None:
        built = self.built
        init = mask = None
        if product.init == Init.WORDS:
            init = built.unpack_words(self._gather(places["init", False]))
        elif product.init == Init.ROW:
            row = self._gather(places["init", False])[:, : 4 * built.tile].copy().view("<f4")
            init = np.repeat(row.astype(np.float32)[:, None], built.tile, axis=1)
        if product.mask is not None:
            mask = built.unpack(self._gather(places["mask", False]))
        words, tiles = self.core.multiply(product, init, mask)
        self.counters["steps"] += product.m * product.n * product.k * built.steps
        if product.words is not None:
            self._scatter(places["words", True], built.pack_words(words))
        if tiles is not None:
            self._scatter(places["codes", True], built.pack(tiles.codes))
            self._scatter(places["scales", True], tiles.scales[:, None])

    def _gather(self, records: Touched) -> NDArray[np.uint8]:
        """Bytes of records: uint8 of shape (records, bytes)."""
        return self.memory[self._bytes_of(records)]

    def _scatter(self, records: Touched, values: NDArray[np.uint8]) -> None:
        """Write records, in their order."""
        self.memory[self._bytes_of(records)] = values

    def _bytes_of(self, records: Touched) -> NDArray[np.int64]:
        return records.addresses[:, None] - self.origin + np.arange(records.record)


def _program_breaches(program: int, every: list[Done]) -> list[Breach]:
    """Writes of a program to its own descriptors, which may have been fetched before."""
    hazards = Hazards()
    fetched = np.array([done.address for done in every])
    hazards.add(program, [Touched("program", fetched, SIZE, False)])
    ran = [done for done in every if not done.fault]
    writes = [(done.address, each) for done in ran for each in done.touched if each.writes]
    return [breach for address, each in writes for breach in hazards.meets(address, each)]
