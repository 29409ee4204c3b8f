"""AXI4-Stream: where the fields of a stream's payload lie in its tdata, tuser and tlast.

- ``tdata`` has the arrays of a payload (codes, words), or its first field where it has none;
  ``tuser`` has the other fields (scales, acc, output). Each field begins at a byte boundary, lowest
  first. Padding is 0 at an output and ignored at an input.
- ``tlast`` is ``last``. Where a payload has none, every beat is a packet: 1 at an output, ignored
  at an input.
- ``tkeep``, at inputs with arrays, has a bit for each byte of tdata. An item of an array counts as
  zero where a byte of it is not kept, so that a last beat may be partial. What leaves is whole.
  A design may be built without it: then every byte counts.
- ``first`` is not on the bus: it is the beat after tlast. Only where the packets of several outputs
  are interleaved, an input has it in tuser.

Source: AMBA AXI-Stream Protocol Specification, Arm IHI 0051B.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from amaranth.lib import wiring

from ..ports import Field, fields, stream_names
from .link import Link

__all__ = ["AxiStream", "BusField", "axi_links", "axi_streams"]


class BusField(NamedTuple):
    """A field of a payload, and where it lies on the bus.

    Attributes:
        field: the field, with its place in the design's payload.
        signal: ``tdata``, ``tuser`` or ``tlast``.
        offset: lowest bit in that signal.
    """

    field: Field
    signal: str
    offset: int


@dataclass(frozen=True)
class AxiStream:
    """An AXI4-Stream interface of a design's stream.

    Attributes:
        name: of the interface, for example ``s_axis_a``.
        stream: of the design's stream, for example ``a``.
        is_input: whether beats go into the design.
        fields: fields on the bus.
        widths: bits of each signal that it has, of ``tdata``, ``tkeep``, ``tlast``, ``tuser``.
        derives_first: whether the design has ``first`` and the bus has not.
    """

    name: str
    stream: str
    is_input: bool
    fields: tuple[BusField, ...]
    widths: Mapping[str, int]
    derives_first: bool

    @property
    def offsets(self) -> dict[str, int]:
        """Lowest bit of each signal in a beat, the signals side by side in the order of widths."""
        lowest, offset = {}, 0
        for signal, width in self.widths.items():
            lowest[signal] = offset
            offset += width
        return lowest

    @property
    def bits(self) -> int:
        """Bits of all signals of a beat."""
        return sum(self.widths.values())

    def port(self, signal: str) -> str:
        """Name of a port."""
        return f"{self.name}_{signal}"

    @property
    def may_be_partial(self) -> bool:
        """Whether beats go in that have arrays: those that may have tkeep."""
        return self.is_input and any(mapped.field.array for mapped in self.fields)


def axi_streams(
    component: Any, without: Collection[str] = (), *, keep: bool = True
) -> list[AxiStream]:
    """Map the streams of a component.

    One input is ``s_axis``, of several the one named ``a`` is ``s_axis_a``; outputs are ``m_axis``.

    Args:
        component: the component.
        without: names of its streams that reach the outside by other means.
        keep: whether inputs with arrays have tkeep.
    """
    members = component.signature.members
    names = [name for name in stream_names(component) if name not in without]
    sides = {name: members[name].flow is wiring.In for name in names}
    streams = []
    for name, is_input in sides.items():
        stem = "s_axis" if is_input else "m_axis"
        alone = list(sides.values()).count(is_input) == 1
        layout = getattr(component, name).payload.shape()
        bus = stem if alone else f"{stem}_{name}"
        streams.append(_map(bus, name, is_input, fields(layout), keep))
    return streams


def axi_links(streams: list[AxiStream]) -> dict[str, Link]:
    """Ports of AXI4-Stream interfaces, each as a piece of its stream.

    A stream's payload is here a beat of the bus: its signals side by side, see ``AxiStream``.
    """
    links = {}
    for axis in streams:
        for signal, offset in axis.offsets.items():
            width = axis.widths[signal]
            links[axis.port(signal)] = Link(f"{axis.stream}__payload", offset, width, False)
        for role in ("valid", "ready"):
            links[axis.port(f"t{role}")] = Link(f"{axis.stream}__{role}", 0, 1, True)
    return links


def _map(name: str, stream: str, is_input: bool, payload: list[Field], keep: bool) -> AxiStream:
    names = {field.name for field in payload}
    arrays = any(field.array for field in payload)
    interleaved = is_input and "output" in names
    on_bus = []
    ends = {"tdata": 0, "tuser": 0}
    for field in payload:
        if field.name == "last":
            on_bus.append(BusField(field, "tlast", 0))
        elif field.name != "first" or interleaved:
            data = field.array if arrays else not on_bus
            signal = "tdata" if data else "tuser"
            on_bus.append(BusField(field, signal, ends[signal]))
            ends[signal] += -(-field.bits // 8) * 8
    widths = {"tdata": ends["tdata"], "tlast": 1}
    if is_input and arrays and keep:
        widths = {"tdata": ends["tdata"], "tkeep": ends["tdata"] // 8, "tlast": 1}
    if ends["tuser"]:
        widths["tuser"] = ends["tuser"]
    derives_first = "first" in names and not interleaved
    return AxiStream(name, stream, is_input, tuple(on_bus), widths, derives_first)
