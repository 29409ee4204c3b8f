"""Credits: the beats that an output owes for what an input took, followed by a checker's registers.

A packet's beats may leave once it has ended and the latency has passed; what an output gives
without credit comes too early or too often. Source: docs/hardware.md, Streams.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...sim.design.packet import Packets
from .channels import Channel

__all__ = ["Credit", "Passed", "Source", "lite_credits", "source_of", "stream_credits"]

_ANSWERS = (("s_axi_b", "s_axi_aw"), ("s_axi_b", "s_axi_w"), ("s_axi_r", "s_axi_ar"))
"""Answers of AXI4-Lite, each with a request that it answers."""

_ANSWERED = 2  # requests that wait in a buffer, and their answers in a register


@dataclass(frozen=True)
class Source:
    """The input whose beats form packets.

    Attributes:
        name: of the channel.
        beats: of a full block.
        products: see ``mxsf.sim.design.packet.Packets``.
        count_bits: of a beat's number in its block.
        marks: its fields that mean something to the design, by name, as Verilog.
        slot_bits: bits of ``output``.
    """

    name: str
    beats: int
    products: int
    count_bits: int
    marks: Mapping[str, str]
    slot_bits: int

    @property
    def ends(self) -> str:
        """Whether a beat is the last one of its block."""
        if self.beats == 1:
            return "1'b1"
        return f"{self.marks['last']} === 1'b1 || count_{self.name} == {self.full}"

    @property
    def starts(self) -> str:
        """Whether a beat is the first one of its block."""
        return f"count_{self.name} == {self.count_bits}'d0"

    @property
    def closes(self) -> str:
        """Whether a beat is the last one of its packet."""
        return f"{self.marks['last']} === 1'b1" if self.products else f"ends_{self.name}"

    @property
    def size_bits(self) -> int:
        """Bits of the number of a block's beats."""
        return self.beats.bit_length()

    @property
    def size(self) -> str:
        """Number of a block's beats, at its last one."""
        if self.beats == 1:
            return "1'd1"
        wider = self.size_bits - self.count_bits
        count = f"{{{wider}'d0, count_{self.name}}}" if wider else f"count_{self.name}"
        return f"{count} + {self.size_bits}'d1"

    @property
    def full(self) -> str:
        """Number of a full block's last beat."""
        return f"{self.count_bits}'d{self.beats - 1}"


class Passed(NamedTuple):
    """A mark that a beat hands on.

    Attributes:
        mark: its field.
        value: Verilog of it where the beat comes in.
        bits: width.
        low: lowest bit among all that the beat hands on.
    """

    mark: str
    value: str
    bits: int
    low: int


@dataclass(frozen=True)
class Credit:
    """Beats of ``target`` that are owed for ``source``.

    Attributes:
        name: of its registers.
        target, source: names of the channels.
        latency: cycles from the end of a packet to the first beat that may leave.
        most: beats for which a transfer pays at once.
        holds: beats that can be inside.
        enters: beats that will leave for a transfer of this cycle, ended or not, as Verilog.
        gives: beats that may leave because a packet ends in this cycle, as Verilog.
        passed: what a beat that leaves must have of the one that it comes of.
        prompt: whether what is due must be there while nothing stalled.
    """

    name: str
    target: str
    source: str
    latency: int
    most: int
    holds: int
    enters: str
    gives: str
    passed: tuple[Passed, ...]
    prompt: bool

    @property
    def bits(self) -> int:
        """Bits of a count of beats inside."""
        return (self.holds + self.most + 1).bit_length()

    @property
    def give_bits(self) -> int:
        """Bits of ``gives``."""
        return self.most.bit_length()

    @property
    def index_bits(self) -> int:
        """Bits of a place among the marks of what is inside."""
        return self.holds.bit_length()

    @property
    def passed_bits(self) -> int:
        """Bits of all marks that a beat hands on."""
        return sum(passed.bits for passed in self.passed)

    @property
    def age_bits(self) -> int:
        """Bits of what was given in the last ``latency`` cycles."""
        return self.latency * self.give_bits

    @property
    def rest(self) -> str:
        """What was given and is not due in this cycle either."""
        below = self.age_bits - self.give_bits
        return f"age_{self.name}[{below - 1}:0]" if below else ""

    @property
    def due(self) -> str:
        """Beats that may leave in this cycle."""
        if not self.latency:
            return self.widened(f"gives_{self.name}", self.give_bits)
        whole = self.age_bits == self.give_bits
        piece = "" if whole else f"[{self.age_bits - 1}:{self.age_bits - self.give_bits}]"
        return f"owed_{self.name} + {self.widened(f'age_{self.name}{piece}', self.give_bits)}"

    def leaves(self, count: str) -> str:
        """One where a beat leaves of a count that is not 0."""
        return self.widened(f"moved_{self.target} && {count} != {self.bits}'d0", 1)

    def widened(self, piece: str, bits: int) -> str:
        """Verilog as wide as a count of beats."""
        return f"{{{self.bits - bits}'d0, {piece}}}"


def source_of(packets: Packets, channels: Mapping[str, Channel]) -> Source | None:
    """Return the input that packets come from; None where it is no channel of its own."""
    channel = channels.get(packets.source)
    if channel is None:
        return None
    read = set[str]()
    if packets.beats > 1 or packets.products:
        read.add("last")
    if packets.products:
        read |= {"first", "output"}
    if packets.beats == 1:
        read |= set(packets.passes)
    return Source(
        packets.source,
        packets.beats,
        packets.products,
        max(1, (packets.beats - 1).bit_length()),
        {mark: place for mark, place in channel.marks.items() if mark in read},
        max(1, (packets.products - 1).bit_length()),
    )


def stream_credits(
    packets: Packets,
    source: Source | None,
    channels: Mapping[str, Channel],
    latency: int,
    held: int,
) -> list[Credit]:
    """Return what each output owes for packets.

    Args:
        packets: what becomes of beats.
        source: the input.
        channels: all by name.
        latency: of the design.
        held: beats that its registers hold, beside a pair of banks where blocks have several beats.
    """
    if source is None or not packets.follows:
        return []
    name, beats, leaves = source.name, packets.beats, packets.leaves
    most = leaves or beats
    bits = most.bit_length()
    each = packets.beats > 1 and not leaves  # beats enter one by one, and leave by blocks
    banks = 2 if beats > 1 and leaves != 1 else 0
    holds = (held + banks) * leaves if leaves else held + banks * beats
    size = f"{bits}'d{leaves}" if leaves else f"size_{name}"
    moves = f"{'moved' if latency else 'valid'}_{name}"
    gives = f"({moves} && closes_{name}) ? {size} : {bits}'d0"
    return [
        Credit(
            output,
            output,
            name,
            latency,
            most,
            holds,
            f"{bits}'d1 & {{{bits}{{moved_{name}}}}}" if each else f"gives_{output}",
            gives,
            _passed(packets, source, channels[output]),
            packets.prompt,
        )
        for output in packets.outputs
    ]


def _passed(packets: Packets, source: Source, target: Channel) -> tuple[Passed, ...]:
    """What the beats of an output have of those of the input."""
    here = dict(source.marks)
    if packets.beats > 1 and not packets.products:
        here |= {"first": source.starts, "last": f"closes_{source.name}"}
    passed: list[Passed] = []
    for mark in packets.passes:
        if mark in target.marks:
            low = sum(other.bits for other in passed)
            bits = source.slot_bits if mark == "output" else 1
            passed.append(Passed(mark, here[mark], bits, low))
    return tuple(passed)


def lite_credits(channels: Mapping[str, Channel]) -> list[Credit]:
    """Return what AXI4-Lite's answers owe for requests."""
    credits = []
    for target, source in _ANSWERS:
        if target in channels:
            name = f"{target}_{source.removeprefix('s_axi_')}"
            enters, gives = f"gives_{name}", f"moved_{source}"
            credits.append(Credit(name, target, source, 1, 1, _ANSWERED, enters, gives, (), False))
    return credits
