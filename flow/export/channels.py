"""Channels: the valid, ready and payload ports of a design, whatever interface it has."""

from dataclasses import dataclass
from typing import Any

from ...hdl.interface.axi_lite import lite_ports
from ...sim.design.packet import MARKS

__all__ = ["Channel", "lite_channels", "stream_channels"]


@dataclass(frozen=True)
class Channel:
    """Ports that transfer a beat where valid and ready are high.

    Attributes:
        name: of the stream, or of the AXI4-Lite channel with its interface.
        is_input: whether beats go into the design.
        valid, ready: ports.
        payload: the other ports.
        width: bits of these.
        marks: where ``first``, ``last`` and ``output`` are, by field, as Verilog. An output on
            AXI4-Stream without ``last`` has its ``tlast`` instead, which is always 1.
        single: whether it is such an output.
    """

    name: str
    is_input: bool
    valid: str
    ready: str
    payload: tuple[str, ...]
    width: int
    marks: dict[str, str]
    single: bool = False


def stream_channels(facts: dict[str, Any]) -> list[Channel]:
    """Return the streams of a manifest."""
    channels = []
    for name, fields in facts["payloads"].items():
        ports = {p: port for p, port in facts["ports"].items() if port.get("stream") == name}
        roles = {port["role"]: p for p, port in ports.items()}
        valid, ready = (roles.get(role) or roles[f"t{role}"] for role in ("valid", "ready"))
        payload = tuple(p for p in ports if p not in (valid, ready))
        known = {field["name"]: field for field in fields}
        marks = {
            mark: _piece(facts, name, known[mark]) for mark in (*MARKS, "output") if mark in known
        }
        is_input = ports[valid]["direction"] == "in"
        single = not is_input and "tlast" in roles and "last" not in marks
        if single:
            marks["last"] = roles["tlast"]
        width = sum(ports[p]["width"] for p in payload)
        channels.append(Channel(name, is_input, valid, ready, payload, width, marks, single))
    return channels


def _piece(facts: dict[str, Any], stream: str, field: dict[str, Any]) -> str:
    """Where a scalar field is: a port, or some bits of one."""
    ports = facts["ports"]
    for name, port in ports.items():
        if (port.get("stream"), port.get("field")) == (stream, field["name"]):
            return name
    name = field.get("port", f"{stream}__payload")
    low, high = field["offset"], field["offset"] + field["width"] - 1
    if ports[name]["width"] == field["width"]:
        return name
    return f"{name}[{high}:{low}]" if high > low else f"{name}[{low}]"


def lite_channels(facts: dict[str, Any]) -> list[Channel]:
    """Return the AXI4-Lite channels of a manifest, ``s_axi_aw`` and so on."""
    found: dict[str, dict[str, str]] = {}
    for port, (channel, role, _) in lite_ports().items():
        if port in facts["ports"]:
            found.setdefault(f"s_axi_{channel}", {})[role] = port
    channels = []
    for name, roles in found.items():
        payload = tuple(port for role, port in roles.items() if role not in ("valid", "ready"))
        width = sum(facts["ports"][port]["width"] for port in payload)
        is_input = facts["ports"][roles["valid"]]["direction"] == "in"
        channels.append(Channel(name, is_input, roles["valid"], roles["ready"], payload, width, {}))
    return channels
