"""What a program costs on the bus and in cycles: an event model, a step for each descriptor.

The parts of an accelerator that work beside one another are the bus's reads, the array and the
bus's writes; each is busy until a cycle, and a descriptor takes them in turn. Source:
docs/accelerator.md, docs/engine.md (cycles of a product).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from .access import accesses, bus_bytes
from .bursts import MOST_BEATS, spans
from .configuration import BASES, Configuration
from .descriptor import Descriptor, Load, Multiply
from .fields import SIZE, Init

__all__ = ["TIMING", "Cost", "Timing", "cost", "product_cycles"]

_NOWHERE = [0] * BASES


@dataclass(frozen=True)
class Timing:
    """Cycles that a configuration does not say.

    Attributes:
        latency: from the request of a read to its first beat; from the last beat of a write to its
            response.
        outstanding: bursts under way each way.
        registers: of the accumulator: cycles until a sum can be used again.
        drain: from the last step of a product to the first beat of its last tile on the bus.
    """

    latency: int = 40
    outstanding: int = 16
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


_TURN = 6
"""Cycles of a burst that its latency and its beats do not tell: asked, arbitrated, queued."""

_AHEAD = 3
"""Descriptors that are fetched and not yet checked."""

_CHECK = 20
"""Cycles of the check of a LOAD or MULTIPLY beside those of its rows and columns."""


class _Traffic(NamedTuple):
    """Bursts and their beats."""

    bursts: int = 0
    beats: int = 0

    def cut(self, beats: int) -> "tuple[_Traffic, _Traffic]":
        """Its first beats, and the others."""
        if beats >= self.beats:
            return self, _Traffic()
        bursts = -(-self.bursts * beats // self.beats)
        return _Traffic(bursts, beats), _Traffic(self.bursts - bursts, self.beats - beats)


class _Way:
    """Reads or writes of the bus: a beat a cycle, and so many bursts under way.

    Short bursts and long latencies keep bursts under way while no beat moves.
    """

    def __init__(self, timing: Timing):
        self._timing = timing
        self.beats = self.waits = 0.0  # until when beats move, and bursts are waited for

    def move(self, start: float, traffic: _Traffic) -> int:
        """Move what is asked for in a cycle, behind all before it; return when that is done."""
        timing = self._timing
        waiting = traffic.bursts * (timing.latency + _TURN) + traffic.beats
        self.beats = max(self.beats, start) + traffic.beats
        self.waits = max(self.waits, start) + waiting / timing.outstanding
        return ceil(max(self.beats, self.waits))


class _Model:
    """The cycle until which each part is busy."""

    def __init__(self, built: Configuration, timing: Timing):
        self.built, self.timing = built, timing
        self.now = 0  # when the last descriptor started
        self.array = self.written_all = 0
        self.reads, self.writes = _Way(timing), _Way(timing)
        self.checked = 0  # when the last descriptor left the check
        self.taken = [0] * _AHEAD  # when each of the last ones left the fetch
        self.loads: dict[int, int] = {1: 0, 2: 0}  # by opcode: when its last load is done
        self.steps = self.read = self.written = self.fences = 0

    def run(self, descriptor: Descriptor) -> None:
        """Start a descriptor as soon as it may, and keep busy what it takes."""
        ready = self._ready(descriptor)
        reads, writes = _Traffic(), _Traffic()
        for access in accesses(descriptor, self.built):
            touched = access.touched(_NOWHERE)
            count = len(spans(touched.addresses, access.record, self.built.bus))
            size = bus_bytes(touched, self.built.beat)
            if access.writes:
                self.written += size
                writes = _Traffic(writes.bursts + count, writes.beats + -(-size // self.built.beat))
            else:
                self.read += size
                reads = _Traffic(reads.bursts + count, reads.beats + size // self.built.beat)
        match descriptor:
            case Load():
                self._load(descriptor, ready, reads)
            case Multiply():
                self._multiply(descriptor, ready, reads, writes)
            case _:
                self.fences += 1
                done = max(*self.loads.values(), self.array, self.written_all + self.timing.latency)
                self.now = max(self.now, ready, done)

    def _ready(self, descriptor: Descriptor) -> int:
        """The cycle in which a descriptor is fetched, checked, and the next to start."""
        beats = SIZE // self.built.beat
        self.read += SIZE
        self.reads.move(0, _Traffic(0, beats))  # in its turn, ahead of what needs it
        fetched = self.taken.pop(0) + self.timing.latency + _TURN + beats
        taken = max(fetched, self.checked)
        self.taken.append(taken)
        check = 3
        match descriptor:
            case Load():
                check = _CHECK + descriptor.rows + descriptor.columns
            case Multiply():
                check = _CHECK + descriptor.m
            case _:
                pass
        self.checked = max(taken + check, self.now)
        return self.checked

    def _reads(self, asked: int, traffic: _Traffic) -> int:
        """Read what is asked for in a cycle; return when all is there."""
        return self.reads.move(asked + self.timing.latency + _TURN, traffic)

    def _load(self, load: Load, ready: int, reads: _Traffic) -> None:
        """Ask for the tiles when the load before of this memory has asked for all of its own."""
        asked = self.loads[load.opcode] - self.timing.latency
        waits = 0 if load.free else self.array
        self.now = max(ready, asked, waits)
        self.loads[load.opcode] = self._reads(self.now, reads)

    def _multiply(self, product: Multiply, ready: int, reads: _Traffic, writes: _Traffic) -> None:
        """Multiply when the operands are there; words leave while it multiplies.

        Starts and masks are asked for as soon as it is the next to start. Those that come before
        its steps share the bus with the last loads.
        """
        built, timing = self.built, self.timing
        there, loaded = ready, max(self.loads.values())
        if reads.beats:
            early, late = reads.cut(MOST_BEATS * timing.outstanding)
            there = self._reads(ready, early)
            loaded = there if loaded > ready else loaded
            there = self._reads(ready, late)
        self.now = max(ready, self.array, loaded)
        begins = self.now
        if product.init != Init.ZERO:
            begins = max(begins, ready + timing.latency + _TURN)
        size = product.m, product.n, product.k
        end = max(there, begins + product_cycles(size, built.steps, timing.registers))
        before = self.written_all
        self.array = max(end, before)  # the queue holds the results of one product
        last = -(-writes.beats // (product.m * product.n))
        self.written_all = max(self.writes.move(before, writes), self.array + timing.drain + last)
        self.steps += product.m * product.n * product.k * built.steps
