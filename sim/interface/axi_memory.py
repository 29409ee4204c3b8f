"""A memory on the AXI4 manager of a design: latency, back-pressure, errors, all at random."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..result import NO_STALLS, Stalls
from ..simulator.simulator import Pins
from .axi_bus import BusCycle, BusPins

__all__ = ["AxiMemory", "Fault", "MemoryTiming"]

OKAY, SLVERR, DECERR = 0, 2, 3


@dataclass(frozen=True)
class MemoryTiming:
    """How fast a memory is.

    Attributes:
        latency: least and most cycles from the transfer of a read's address to its first beat.
        response: the same from a write's last transfer to its response.
        outstanding: bursts that it has taken and not ended, each way.
        stalls: ``valid`` is the share of cycles in which a beat or a response that is due is
            offered, ``ready`` that in which a channel takes what comes.
    """

    latency: tuple[int, int] = (40, 40)
    response: tuple[int, int] = (40, 40)
    outstanding: int = 16
    stalls: Stalls = NO_STALLS


class Fault(NamedTuple):
    """An access that the memory refuses.

    Attributes:
        address: of a burst's first beat, None for any.
        beat: number of the beat read or written since the start, from 0, None for any.
        write: whether it is a write, whose whole burst then gets the response.
        response: SLVERR or DECERR.
    """

    address: int | None = None
    beat: int | None = None
    write: bool = False
    response: int = SLVERR

    def hits(self, address: int, beat: int) -> bool:
        """Whether a beat of a burst is refused."""
        return self.address in (None, address) and self.beat in (None, beat)


@dataclass
class _Read:
    """A burst on its way: its data as far as they are known by now."""

    address: int
    beats: int
    due: int
    early: list[int] | None
    sent: int = 0


@dataclass
class _Write:
    """A burst that comes: what of it shall change once it ends."""

    address: int
    beats: int
    due: int = 0
    response: int = OKAY
    bytes: list[tuple[int, int, int]] = field(default_factory=list)


class AxiMemory:
    """An AXI4 subordinate over an array of bytes.

    Responses come in order, reads and writes run side by side. A burst that a write races reads
    what the memory held when it was asked for, or when its data go, at random; a write counts from
    its beats on or from its response on, at random: who does not wait for responses sees both.
    Bytes outside the array are refused with DECERR. Idle inputs carry noise.

    Args:
        pins: the design; its ports are those of ``mxsf.hdl.accelerator.ports.manager_ports``.
        memory: uint8; what is written changes it.
        bus: data bits.
        timing: see ``MemoryTiming``.
        faults: accesses to refuse; what is written so does not change the memory.
        prefix: of the ports.
        origin: address of the first byte, a multiple of a beat.

    Attributes:
        reads, writes: address and beats of every burst that was taken, in order.
        beats_read, beats_written: numbers of beats.
        refused: address of every burst of which something was refused, in order.
    """

    def __init__(
        self,
        pins: Pins,
        memory: NDArray[np.uint8],
        bus: int,
        timing: MemoryTiming | None = None,
        faults: Iterable[Fault] = (),
        prefix: str = "m_axi_",
        origin: int = 0,
    ):
        self._timing = timing or MemoryTiming()
        self._stalls = self._timing.stalls
        self._random = Random(self._stalls.seed)
        self._pins = BusPins(pins, bus, prefix, self._random)
        self._bytes, self._origin = memory.data, origin
        self._beat, self._bus = bus // 8, bus
        self._all = (1 << self._beat) - 1
        faults = list(faults)
        self._read_faults = [fault for fault in faults if not fault.write]
        self._write_faults = [fault for fault in faults if fault.write]
        self.reads: list[tuple[int, int]] = []
        self.writes: list[tuple[int, int]] = []
        self.refused: list[int] = []
        self.beats_read = self.beats_written = 0
        self._now = 0
        self._asked: deque[_Read] = deque()
        self._begun: deque[_Write] = deque()  # address taken, data not all
        self._early: deque[tuple[int, int, int]] = deque()  # data before their address
        self._ended: deque[_Write] = deque()
        self._r: tuple[int, int, int] | None = None
        self._b: tuple[int] | None = None

    @property
    def busy(self) -> bool:
        """Whether a burst is under way."""
        return bool(self._asked or self._begun or self._early or self._ended)

    def cycle(self) -> BusCycle:
        """Read the outputs and drive the inputs of a cycle; the caller passes the clock edge.

        Returns:
            What is on the bus.
        """
        self._offer()
        seen = self._pins.exchange(self._readies(), self._r, self._b)
        if seen.ar and seen.ar_ready:
            self._take_read(*seen.ar)
        if seen.r and seen.r_ready:
            self._sent(seen.r[2])
        if seen.b and seen.b_ready:
            self._ended.popleft()
            self._b = None
        if seen.aw and seen.aw_ready:
            address, length = seen.aw
            self._begun.append(_Write(address, length + 1))
            self.writes.append((address, length + 1))
        if seen.w and seen.w_ready:
            self._early.append(seen.w)
            self.beats_written += 1
        if self._begun and self._early:
            self._take_write()
        self._now += 1
        return seen

    def _readies(self) -> tuple[bool, bool, bool]:
        """Which of ``ar``, ``aw``, ``w`` are taken in this cycle, whatever is on them."""
        most = self._timing.outstanding
        under_way = (len(self._asked), len(self._begun) + len(self._ended), len(self._early))
        ar, aw, w = (count < most and self._chance(self._stalls.ready) for count in under_way)
        return ar, aw, w

    def _chance(self, share: float) -> bool:
        return share >= 1 or self._random.random() < share

    def _offer(self) -> None:
        """Offer a beat and a response that are due."""
        now, share = self._now, self._stalls.valid
        due = self._r is None and self._asked and self._asked[0].due <= now
        if due and self._chance(share):
            self._r = self._next_beat()
        due = self._b is None and self._ended and self._ended[0].due <= now
        if due and self._chance(share):
            write = self._ended[0]
            self._apply(write)
            self._b = (write.response,)

    def _take_read(self, address: int, length: int) -> None:
        beats = length + 1
        self.reads.append((address, beats))
        early = None
        if self._random.getrandbits(1):
            early = [self._word(address + n * self._beat) for n in range(beats)]
        self._asked.append(_Read(address, beats, self._due(self._timing.latency), early))

    def _due(self, cycles: tuple[int, int]) -> int:
        low, high = cycles
        return self._now + (low if low == high else self._random.randint(low, high))

    def _has(self, address: int) -> bool:
        """Whether a beat is in memory."""
        return 0 <= address - self._origin <= len(self._bytes) - self._beat

    def _word(self, address: int) -> int:
        place = max(address - self._origin, 0)
        return int.from_bytes(self._bytes[place : place + self._beat], "little")

    def _next_beat(self) -> tuple[int, int, int]:
        read = self._asked[0]
        address = read.address + read.sent * self._beat
        response = OKAY if self._has(address) else DECERR
        for fault in self._read_faults:
            if fault.hits(read.address, self.beats_read):
                response = fault.response
        word = self._word(address) if read.early is None else read.early[read.sent]
        if response:
            self.refused.append(read.address)
            word = self._random.getrandbits(self._bus)
        return word, response, int(read.sent == read.beats - 1)

    def _sent(self, last: int) -> None:
        self._asked[0].sent += 1
        self.beats_read += 1
        if last:
            self._asked.popleft()
        self._r = None

    def _take_write(self) -> None:
        """Beats whose address is known."""
        while self._begun and self._early:
            write = self._begun[0]
            data, strobes, last = self._early.popleft()
            number = self.beats_written - len(self._early) - 1
            address = write.address + len(write.bytes) * self._beat
            if not self._has(address):
                write.response = DECERR
            for fault in self._write_faults:
                if fault.hits(write.address, number):
                    write.response = fault.response
            write.bytes.append((address, data, strobes))
            if last or len(write.bytes) == write.beats:
                self._begun.popleft()
                if write.response:
                    self.refused.append(write.address)
                write.due = self._due(self._timing.response)
                self._ended.append(write)
                if self._random.getrandbits(1):
                    for ended in self._ended:  # those before it first: of one ID they are in order
                        self._apply(ended)

    def _apply(self, write: _Write) -> None:
        """Change the memory, once."""
        changes = write.bytes
        write.bytes = []
        if write.response:
            return
        for address, data, strobes in changes:
            word, place = data.to_bytes(self._beat, "little"), address - self._origin
            if strobes == self._all:
                self._bytes[place : place + self._beat] = word
                continue
            for lane in range(self._beat):
                if strobes >> lane & 1:
                    self._bytes[place + lane] = word[lane]
