"""The protocol checker: rules of a design's streams as SystemVerilog, for simulation and proof.

``<top>_checker.sv`` has registers and immediate assertions only, which Yosys, Verilator and Icarus
read alike. ``<top>_bind.sv`` puts it into every instance of the design and states its rules as
concurrent properties, for Verilator and commercial tools. Source: docs/hardware.md, Streams;
docs/axi.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...hdl.interface.shell import PLAIN, Clocking
from ...sim.design.packet import Packets
from ..catalogue.variant import Variant
from .channels import Channel, lite_channels, stream_channels
from .credits import Credit, Source, lite_credits, source_of, stream_credits
from .manifest import manifest
from .render import render

__all__ = ["Checker", "Rule", "checker", "checker_files"]


@dataclass(frozen=True)
class Rule:
    """A rule of a channel.

    Attributes:
        name: ``<channel>_<rule>``.
        holds: Verilog that is true where the rule holds.
        says: the rule in words.
        environment: whether what is around the design has to keep it; otherwise the design has.
        when: the register or wire that says whether it is looked at in a cycle.
        property: the same as a concurrent property, where no register is needed.
    """

    name: str
    holds: str
    says: str
    environment: bool
    when: str = "checked"
    property: str = ""


@dataclass(frozen=True)
class Checker:
    """What a checker is made of.

    Attributes:
        top: the design.
        clocking: clock and reset; for a combinational design those of what is around it.
        clocked: whether the design has them.
        clear: port that ends all that is under way; empty for none.
        aborts: whether a host can do so without such a port.
        ports: its inputs, without clock and reset, and their widths.
        channels: streams, and the channels of AXI4-Lite.
        packets: what becomes of beats.
        latency: of the design.
        source: the input that packets come from.
        credits: what outputs owe.
        rules: in the order of the bits of ``violations``.
    """

    top: str
    clocking: Clocking
    clocked: bool
    clear: str
    aborts: bool
    ports: dict[str, int]
    channels: list[Channel]
    packets: Packets
    latency: int
    source: Source | None
    credits: list[Credit]
    rules: list[Rule]

    @property
    def connected(self) -> tuple[str, ...]:
        """All inputs."""
        return (self.clocking.clock, self.clocking.reset, *self.ports)

    def ready(self, name: str) -> str:
        """Port of a channel's ready."""
        return next(channel.ready for channel in self.channels if channel.name == name)

    @property
    def leave_bits(self) -> int:
        """Bits of a beat's number in a packet that leaves."""
        return max(1, (self.packets.leaves - 1).bit_length())

    @property
    def counted(self) -> list[str]:
        """Outputs whose beats are counted: those of packets of a fixed length."""
        return list(self.packets.outputs) if self.packets.leaves > 1 else []

    @property
    def prompt(self) -> list[Credit]:
        """Credits of which what is due must be there while nothing stalls."""
        return [credit for credit in self.credits if credit.prompt and credit.latency]


def checker(variant: Variant) -> Checker | None:
    """Return what the checker of a design is made of; None where it has no streams."""
    if variant.design.packets is None:
        return None
    packets, facts = variant.design.packets(variant.component), manifest(variant)
    channels = [*stream_channels(facts), *lite_channels(facts)]
    by_name = {channel.name: channel for channel in channels}
    source = source_of(packets, by_name)
    skids = sum("skid" in point for point in variant.component.points) + bool(variant.streams)
    paid = stream_credits(packets, source, by_name, variant.latency, variant.latency + skids)
    clear = packets.clear if packets.clear in facts["ports"] else ""
    made = Checker(
        variant.top,
        variant.clock or PLAIN,
        variant.clocked,
        clear,
        bool(packets.clear) and not clear,
        {p: facts["ports"][p]["width"] for c in channels for p in (*c.payload, c.valid, c.ready)}
        | ({clear: 1} if clear else {}),
        channels,
        packets,
        variant.latency,
        source,
        [*paid, *lite_credits(by_name)],
        [],
    )
    made.rules.extend(rule for channel in channels for rule in _rules(made, channel))
    return made


def checker_files(variant: Variant) -> dict[str, str]:
    """Text of ``<top>_checker.sv`` and ``<top>_bind.sv``, by name; none without streams.

    A combinational design has no clock by which a bound property could be sampled: no bind file.
    """
    made = checker(variant)
    if made is None:
        return {}
    files = {f"{made.top}_checker.sv": render("checker.sv", checker=made)}
    if made.clocked:
        files[f"{made.top}_bind.sv"] = render("bind.sv", checker=made)
    return files


def _rules(made: Checker, channel: Channel) -> Iterator[Rule]:
    """Rules of a channel: those of every handshake, then those of its packets."""
    name, drives = channel.name, channel.is_input  # whether the environment drives valid
    offered = f"{channel.valid} && !{channel.ready}"
    for role, port in (("valid", channel.valid), ("ready", channel.ready)):
        says, told = f"{role} is 0 or 1", drives == (role == "valid")
        property = f"!$isunknown({port})"
        yield Rule(f"{name}_{role}_known", _known(port), says, told, property=property)
    holds, says = f"!stalled_{name} || valid_{name}", "valid stays until the transfer"
    property = f"{offered} |=> {channel.valid}"
    yield Rule(f"{name}_valid_stays", holds, says, drives, property=property)
    holds, says = f"!stalled_{name} || payload_{name} === held_{name}", "so does the payload"
    property = f"{offered} |=> $stable({{{', '.join(channel.payload)}}})"
    yield Rule(f"{name}_payload_stays", holds, says, drives, property=property)
    if made.clear:
        holds, says = f"!{made.clear} || !moved_{name}", f"no transfer while {made.clear}"
        yield Rule(f"{name}_quiet", holds, says, False, "live")
    if not drives:
        yield from _output_rules(made, channel)
    elif made.source is not None and made.source.name == name:
        yield from _input_rules(made.source, channel)


def _input_rules(source: Source, channel: Channel) -> Iterator[Rule]:
    """Rules of the marks by which packets come in, as far as the design reads them."""
    name = channel.name
    if not source.marks:
        return
    holds = f"!valid_{name} || {_known(*source.marks.values())}"
    yield Rule(f"{name}_marks_known", holds, f"{_words(source.marks)}: 0 or 1", True)
    if not source.products or not {"first", "output"} & set(source.marks):
        return
    started = f"{source.marks['first']} === !opened_{name}"
    if source.beats > 1:
        inside = f"!{source.marks['first']}"
        if "output" in source.marks:
            inside += f" && {source.marks['output']} === slot_{name}"
        started = f"({source.starts} ? {started} : {inside})"
    holds = f"!valid_{name} || {started}"
    if "output" in source.marks and source.products < 1 << source.slot_bits:
        holds += f" && {source.marks['output']} <= {source.slot_bits}'d{source.products - 1}"
    says = "first opens a product and last ends it"
    yield Rule(f"{name}_in_order", holds, says, True)


def _output_rules(made: Checker, channel: Channel) -> Iterator[Rule]:
    """Rules of what leaves: marks, how many beats, when."""
    name, leaves = channel.name, made.packets.leaves
    if made.latency:
        holds, says = f"!cleared || {channel.valid} === 1'b0", "reset clears valid"
        yield Rule(f"{name}_reset", holds, says, False, "1'b1")
    if channel.marks:
        holds = f"!valid_{name} || {_known(*channel.marks.values())}"
        yield Rule(f"{name}_marks_known", holds, f"{_words(channel.marks)}: 0 or 1", False)
    paid = [credit for credit in made.credits if credit.target == name]
    if expected := _expected(made, channel, paid):
        agree = " && ".join(f"{channel.marks[m]} === {value}" for m, value in expected.items())
        says = "every beat has last" if channel.single else _order(leaves)
        holds = f"!valid_{name} || ({agree})"
        if made.aborts:
            holds = f"ABORTS != 0 || {holds}"
        yield Rule(f"{name}_in_order", holds, says, False)
    for credit in paid:
        holds = f"!valid_{name} || due_{credit.name} != {credit.bits}'d0"
        says = f"no beat before its packet has ended, or before {credit.latency} cycles after that"
        yield Rule(f"{credit.name}_not_early", holds, says, False)
        if credit.prompt:
            calm = "!calm || " if made.latency else ""
            holds = f"{calm}due_{credit.name} == {credit.bits}'d0 || valid_{name}"
            says = "while nothing stalls, a beat that may leave is there"
            yield Rule(f"{credit.name}_prompt", holds, says, False)
        if credit.latency:
            holds = f"inside_{credit.name} <= {credit.bits}'d{credit.holds}"
            says = "no more beats are inside than there is room for: none is lost"
            yield Rule(f"{credit.name}_bounded", holds, says, False)
    if not paid and made.source is not None and name in made.packets.outputs:
        holds = f"!valid_{name} || waited"
        says = f"nothing before {made.latency} cycles after the first {made.source.name}"
        yield Rule(f"{name}_not_early", holds, says, False)


def _expected(made: Checker, channel: Channel, paid: list[Credit]) -> dict[str, str]:
    """What the marks of a beat that leaves must be, as Verilog."""
    if made.packets.leaves > 1 and channel.name in made.packets.outputs:
        bits, full = made.leave_bits, made.packets.leaves - 1
        ends = {"first": f"{bits}'d0", "last": f"{bits}'d{full}"}
        return {
            mark: f"(count_{channel.name} == {number})"
            for mark, number in ends.items()
            if mark in channel.marks
        }
    passed = {p.mark: f"{p.mark}_{credit.name}_is" for credit in paid for p in credit.passed}
    return passed | ({"last": "1'b1"} if channel.single else {})


def _order(leaves: int) -> str:
    if leaves > 1:
        return f"first and last mark packets of {leaves} beats"
    return "marks are those of the beats that came in, in their order"


def _words(marks: Mapping[str, str]) -> str:
    """Names of marks, with commas between."""
    return ", ".join(marks)


def _known(*values: str) -> str:
    """Whether no bit of some values is X or Z, in a form that every tool understands."""
    bits = values[0] if len(values) == 1 else f"{{{', '.join(values)}}}"
    return f"(^{bits} | ~^{bits}) === 1'b1"
