"""Handshakes of a bus: channels of valid, ready and payload, driven at random, their rules checked.

The rules, of AXI and of every stream here: valid does not wait for ready, it stays with its payload
until the transfer, it is low in reset; and of AXI: within a cycle no output depends on an input.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from ..result import Result, Stalls
from ..simulator.simulator import Pins

__all__ = ["Beat", "Channel", "Handshakes"]

Beat = Mapping[str, int]
"""Values of a channel's payload by port."""

_PROBED = 0.25  # share of cycles in which the inputs are turned over within the cycle


@dataclass(frozen=True)
class Channel:
    """A channel of a bus.

    Attributes:
        name: for people.
        valid, ready: names of its ports.
        payload: ports that hold with valid.
        is_input: whether beats go into the design.
    """

    name: str
    valid: str
    ready: str
    payload: tuple[str, ...]
    is_input: bool


class Handshakes:
    """Drives and watches all channels of a design.

    Args:
        pins: ports of the design.
        channels: all of them.
        widths: bits of each port of these channels.
        stalls: shares of cycles in which beats are offered, and taken.
        result: gets the rules that were broken, and the cycles.
        reset: name of the reset port, active low.
    """

    def __init__(
        self,
        pins: Pins,
        channels: Sequence[Channel],
        widths: Mapping[str, int],
        stalls: Stalls,
        result: Result,
        reset: str,
    ):
        self.pins, self.channels, self.result = pins, channels, result
        self._widths, self._stalls, self._reset = widths, stalls, reset
        self._random = Random(stalls.seed)
        self._driven: dict[str, int] = {}
        self._outputs = [
            port for c in channels for port in ([c.ready] if c.is_input else [c.valid, *c.payload])
        ]
        self.queues: dict[str, deque[Beat]] = {c.name: deque() for c in channels if c.is_input}
        self._forget()

    def _forget(self) -> None:
        self._offering = dict.fromkeys(self.queues, False)
        self._held: dict[str, Beat] = {}
        for queue in self.queues.values():
            queue.clear()

    async def reset(self, cycles: int = 3) -> None:
        """Hold the reset: no output may be valid after its first edge, nor before one without it.

        What was offered and queued is forgotten.
        """
        self._forget()
        self.pins.set(self._reset, 0)
        for cycle in range(cycles):
            for channel in self.channels:
                self._drive(channel.valid if channel.is_input else channel.ready, 0)
                if channel.is_input:
                    self._noise(channel)
                elif cycle and self.pins.get(channel.valid):
                    self.result.note(f"{channel.valid} is high in reset")
            await self._tick()
        self.pins.set(self._reset, 1)
        for channel in self.channels:
            if not channel.is_input and self.pins.get(channel.valid):
                self.result.note(f"{channel.valid} is high before an edge without reset")

    async def cycle(self) -> dict[str, Beat]:
        """One clock cycle; returns the beats that were transferred, by channel."""
        for channel in self.channels:
            self._choose(channel)
        if self._random.random() < _PROBED:
            self._probe()
        moved: dict[str, Beat] = {}
        for channel in self.channels:
            ends = [self.pins.get(port) for port in (channel.valid, channel.ready)]
            if not channel.is_input:
                self._check_held(channel, bool(ends[0]))
            if all(ends):
                moved[channel.name] = {port: self.pins.get(port) for port in channel.payload}
                self._held.pop(channel.name, None)
                if channel.is_input:
                    self._offering[channel.name] = False
                    self.queues[channel.name].popleft()
            elif ends[0] and not channel.is_input:
                self._held[channel.name] = {p: self.pins.get(p) for p in channel.payload}
        await self._tick()
        return moved

    def _choose(self, channel: Channel) -> None:
        """Offer a beat or not, take one or not."""
        if not channel.is_input:
            self._drive(channel.ready, int(self._random.random() < self._stalls.ready))
            return
        queue = self.queues[channel.name]
        if queue and not self._offering[channel.name]:
            self._offering[channel.name] = self._random.random() < self._stalls.valid
        offering = self._offering[channel.name]
        self._drive(channel.valid, int(offering))
        if not offering:
            self._noise(channel)
            return
        for port in channel.payload:
            self._drive(port, queue[0][port])

    def _noise(self, channel: Channel) -> None:
        """An idle input carries noise, so that nobody reads it unseen."""
        for port in channel.payload:
            self._drive(port, self._random.getrandbits(self._widths[port]))

    def _check_held(self, channel: Channel, valid: bool) -> None:
        held = self._held.get(channel.name)
        if held is None:
            return
        if not valid:
            self.result.note(f"{channel.valid} fell before the transfer")
            del self._held[channel.name]
            return
        for port, value in held.items():
            if self.pins.get(port) != value:
                self.result.note(f"{port} changed before the transfer")

    def _probe(self) -> None:
        """Turn over every input within the cycle: no output may follow."""
        before = {port: self.pins.get(port) for port in self._outputs}
        kept = dict(self._driven)
        for port, value in kept.items():
            self.pins.set(port, value ^ ((1 << self._widths[port]) - 1))
        for port, value in before.items():
            if self.pins.get(port) != value:
                self.result.note(f"{port} depends on an input within the cycle")
        for port, value in kept.items():
            self.pins.set(port, value)

    def _drive(self, port: str, value: int) -> None:
        self.pins.set(port, value)
        self._driven[port] = value

    async def _tick(self) -> None:
        await self.pins.tick()
        self.result.cycles += 1
