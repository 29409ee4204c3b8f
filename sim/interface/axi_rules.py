"""The rules of AXI4 that a manager keeps, watched in every cycle, and what ours promises beside.

Source: AMBA AXI and ACE Protocol Specification, Arm IHI 0022H, part A.
"""

from collections import deque
from random import Random

from ...golden.accelerator.bursts import MOST_BEATS, PAGE
from ...hdl.accelerator.ports import ADDRESS_CONSTANTS
from ..result import Result
from ..simulator.simulator import Pins
from .axi_bus import OUTPUTS, BusCycle

__all__ = ["AxiRules"]

_PROBED = 1 / 16  # share of cycles in which outputs are read again, after inputs have changed


class AxiRules:
    """Watches the bus of a manager.

    An address and its beat stay until taken; bursts are of whole beats, aligned, of 16 beats at
    most, within 4 KiB; what is constant is right; data follow addresses in order, wlast is the
    last; no beat of data is offered before its address is, and none keeps the rest of its burst
    waiting; no more bursts are under way than was
    promised; within a cycle no output depends on an input; strobes are within a range of bytes.

    Args:
        pins: the design.
        bus: data bits.
        result: gets the rules that were broken.
        reads: read bursts at most that are asked for and not ended.
        writes: write bursts at most without a response.
        window: lowest address that may be written, and the one behind the highest; None for all.
        prefix: of the ports.
    """

    def __init__(
        self,
        pins: Pins,
        bus: int,
        result: Result,
        *,
        reads: int,
        writes: int,
        window: tuple[int, int] | None = None,
        prefix: str = "m_axi_",
    ):
        self.pins, self.result = pins, result
        self._beat, self._prefix, self._window = bus // 8, prefix, window
        self._most = {"ar": reads, "aw": writes}
        self._under_way = {"ar": 0, "aw": 0}
        self._held: dict[str, object] = {}
        self._owed: deque[tuple[int, int]] = deque()  # address and beats of bursts without data
        self._address_is_new = True
        self._beats = 0
        self._random = Random(bus)

    def check(self, seen: BusCycle) -> None:
        """Check a cycle, before its clock edge."""
        if self._held:
            self._check_held(seen)
        if seen.ar:
            self._check_burst("ar", seen.ar, seen.ar_ready)
        if seen.aw:
            if self._address_is_new:
                self._owed.append((seen.aw[0], seen.aw[1] + 1))
            self._address_is_new = seen.aw_ready
            self._check_burst("aw", seen.aw, seen.aw_ready)
        if seen.w:
            self._check_beat(seen.w, seen.w_ready)
        elif self._beats:
            self.result.note("data pause within a burst")
        if seen.r and seen.r_ready and seen.r[2]:
            self._under_way["ar"] -= 1
        if seen.b and seen.b_ready:
            self._under_way["aw"] -= 1
        if self._random.random() < _PROBED:
            self._probe(seen)

    def end(self) -> None:
        """Check that nothing is left over."""
        for channel, count in self._under_way.items():
            if count:
                self.result.note(f"{count} bursts of {channel} never ended")
        if self._owed:
            self.result.note(f"{len(self._owed)} bursts have not all of their data")

    def _check_held(self, seen: BusCycle) -> None:
        for channel, held in self._held.items():
            now = getattr(seen, channel)
            if now is None:
                self.result.note(f"{channel}valid fell before the transfer")
            elif now != held:
                self.result.note(f"the payload of {channel} changed before the transfer")
        self._held.clear()

    def _check_burst(self, channel: str, burst: tuple[int, int], ready: bool) -> None:
        if not ready:
            self._held[channel] = burst
            return
        address, length = burst
        beats = length + 1
        if beats > MOST_BEATS:
            self.result.note(f"{channel}len is {length}, must be at most {MOST_BEATS - 1}")
        if address % self._beat:
            self.result.note(f"{channel}addr {address:#x} is not aligned to the bus")
        if address // PAGE != (address + beats * self._beat - 1) // PAGE:
            self.result.note(f"a burst of {beats} beats at {address:#x} leaves its page")
        self._under_way[channel] += 1
        if self._under_way[channel] > self._most[channel]:
            self.result.note(f"more than {self._most[channel]} bursts of {channel} are under way")
        size = {"size": (3, self._beat.bit_length() - 1)}
        for name, (_, value) in {**ADDRESS_CONSTANTS, **size}.items():
            port = self._prefix + channel + name
            self.result.compare(port, self.pins.get(port), value)

    def _check_beat(self, beat: tuple[int, int, int], ready: bool) -> None:
        if not self._owed:
            self.result.note("data are offered before their address")
            return
        if not ready:
            self._held["w"] = beat
            return
        address, beats = self._owed[0]
        self.result.compare("wlast", beat[2], int(self._beats == beats - 1))
        if self._window and beat[1]:
            first = address + self._beats * self._beat
            low, high = (beat[1] & -beat[1]).bit_length() - 1, beat[1].bit_length()
            if first + low < self._window[0] or first + high > self._window[1]:
                self.result.note(f"strobes {beat[1]:#x} at {first:#x} leave the window")
        self._beats += 1
        if self._beats == beats:
            self._owed.popleft()
            self._beats = 0

    def _probe(self, seen: BusCycle) -> None:
        """Turn over every ready and valid that goes in: no output may follow."""
        inputs = ("arready", "awready", "wready", "rvalid", "bvalid")
        kept = [
            *(int(x) for x in (seen.ar_ready, seen.aw_ready, seen.w_ready)),
            *(int(x is not None) for x in (seen.r, seen.b)),
        ]
        outputs = [self._prefix + name for name in OUTPUTS]
        before = [self.pins.get(port) for port in outputs]
        for name, value in zip(inputs, kept, strict=True):
            self.pins.set(self._prefix + name, 1 - value)
        for port, value in zip(outputs, before, strict=True):
            if self.pins.get(port) != value:
                self.result.note(f"{port} depends on an input within the cycle")
        for name, value in zip(inputs, kept, strict=True):
            self.pins.set(self._prefix + name, value)
