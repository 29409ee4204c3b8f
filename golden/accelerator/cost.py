"""What a program costs on the bus and in cycles: an event model, a step for each descriptor.

The parts of an accelerator that work beside one another are the bus's reads, the array and the
bus's writes; each is busy until a cycle, and a descriptor takes them in turn. Source:
docs/accelerator.md, docs/engine.md (cycles of a product).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .access import accesses, bus_bytes
from .configuration import BASES, Configuration
from .descriptor import Descriptor, Load, Multiply
from .fields import SIZE

__all__ = ["TIMING", "Cost", "Timing", "cost", "product_cycles"]

_NOWHERE = [0] * BASES


@dataclass(frozen=True)
class Timing:
    """Cycles that a configuration does not say.

    Attributes:
        latency: from the request of a read to its first beat; from the last beat of a write to its
            response.
        registers: of the accumulator: cycles until a sum can be used again.
        drain: from the last step of a product to the first beat of its last tile on the bus.
    """

    latency: int = 40
    registers: int = 6
    drain: int = 40


TIMING = Timing()
"""What is taken where nothing is said."""


@dataclass(frozen=True)
class Cost:
    """What a program costs.

    Attributes:
        cycles: from its start to the interrupt.
        steps: cycles in which the array multiplies.
        read, written: bytes on the bus; those of descriptors are read too.
        fences: how many, END among them.
        products: tile products times ``tile**3``: multiplications.
    """

    cycles: int
    steps: int
    read: int
    written: int
    fences: int
    products: int

    @property
    def useful(self) -> float:
        """Share of cycles in which the array multiplies."""
        return self.steps / self.cycles

    @property
    def bytes_per_product(self) -> float:
        """Bytes that the bus moves for a multiplication."""
        return (self.read + self.written) / self.products


def product_cycles(size: tuple[int, int, int], steps: int, registers: int) -> int:
    """Cycles of a product of m, n, k tiles: a cycle a step and one to start.

    With fewer steps for a tile of K than the accumulator has registers they are what its sums take
    to go round.
    """
    m, n, k = size
    outputs = m * n * steps
    return max(outputs * k + 1, (k - 1) * max(outputs, registers) + outputs)


def cost(descriptors: Iterable[Descriptor], built: Configuration, timing: Timing = TIMING) -> Cost:
    """Estimate what a program costs, of which all base registers hold the same address.

    Args:
        descriptors: the program.
        built: the accelerator.
        timing: its cycles.
    """
    model = _Model(built, timing)
    for descriptor in descriptors:
        model.run(descriptor)
    return Cost(
        model.now, model.steps, model.read, model.written, model.fences, model.steps * _rate(built)
    )


def _rate(built: Configuration) -> int:
    """Multiplications of a step."""
    return built.pes * built.tile


class _Model:
    """The cycle until which each part is busy."""

    def __init__(self, built: Configuration, timing: Timing):
        self.built, self.timing = built, timing
        self.now = timing.latency  # when the last descriptor started
        self.reads = self.array = self.writes = 0
        self.loads: dict[int, int] = {1: 0, 2: 0}  # by opcode: when its last load is done
        self.steps = self.read = self.written = self.fences = 0

    def run(self, descriptor: Descriptor) -> None:
        """Start a descriptor as soon as it may, and keep busy what it takes."""
        self._reads(0, SIZE)  # its own fetch, long before
        planes = [access.touched(_NOWHERE) for access in accesses(descriptor, self.built)]
        read = sum(bus_bytes(p, self.built.beat) for p in planes if not p.writes)
        written = sum(bus_bytes(p, self.built.beat) for p in planes if p.writes)
        match descriptor:
            case Load():
                self._load(descriptor, read)
            case Multiply():
                self._multiply(descriptor, read, written)
            case _:
                self.fences += 1
                done = max(self.reads, self.array, self.writes + self.timing.latency)
                self.now = max(self.now, done)

    def _reads(self, start: int, size: int) -> int:
        """Read some bytes, asked for in a cycle; return when they are there."""
        self.read += size
        begin = max(self.reads, start + self.timing.latency) if start else self.reads
        self.reads = begin + size // self.built.beat
        return self.reads

    def _load(self, load: Load, size: int) -> None:
        """Ask for the tiles when the load before of this memory has asked for all of its own."""
        asked = self.loads[load.opcode] - self.timing.latency
        waits = 0 if load.free else self.array
        self.now = max(self.now, asked, waits)
        self.loads[load.opcode] = self._reads(self.now, size)

    def _multiply(self, product: Multiply, read: int, written: int) -> None:
        """Multiply when the operands are there; words leave while it multiplies."""
        built, timing = self.built, self.timing
        self.now = max(self.now, self.array, *self.loads.values())
        size = product.m, product.n, product.k
        end = self.now + product_cycles(size, built.steps, timing.registers)
        if read:  # starts and masks, tile by tile
            end = max(end + timing.latency, self._reads(self.now, read))
        before = self.writes
        self.array = max(end, before)  # the queue holds the results of one product
        beats = -(-written // built.beat)
        last = -(-beats // (product.m * product.n))
        self.writes = max(before + beats, self.array + timing.drain + last)
        self.steps += product.m * product.n * product.k * built.steps
        self.written += written
