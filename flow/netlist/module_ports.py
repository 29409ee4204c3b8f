"""Ports of inner modules as their components declare them.

Amaranth gives a module a port for each net that crosses its boundary: an output whose bits come
from eight cells becomes eight ports. Here the pieces become one port again, with the name that
the component has for it, on both sides of the instance.
"""

import re
from typing import Any, NamedTuple

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Signal
from amaranth.hdl._ir import PortDirection  # has no public name; the version is pinned
from amaranth.lib import wiring

from ...hdl.ports import port_signals

__all__ = ["convert", "join_ports"]

Ways = dict[str, str]
"""Ports of a module by name: ``"input"`` or ``"output"``."""

Declared = dict[str, Ways]
"""What the components of modules declare, by the modules' names."""

_PORT = re.compile(r"^  wire width (\d+) (input|output) (\d+)  (signed )?(\\\S+)$", re.M)
_WIRE = re.compile(r"^  wire width (\d+)( signed)? ([\\$]\S+)$", re.M)
_ALIAS = re.compile(r"^connect (\\\S+) (.*)$", re.M)
_PIECE = re.compile(r"([\\$][^\s{}]+)(?: \[(\d+)(?::(\d+))?\])?|(\d+'[01x]+)")
_CELL = re.compile(r"^  cell (\\\S+) (\\\S+)\n(.*?)^  end$", re.M | re.S)
_CONNECT = re.compile(r"^    connect (\\\S+) (.*)\n", re.M)


class _Piece(NamedTuple):
    """Some bits of a declared port.

    Attributes:
        port: the port that carries them now; empty where none does, since nobody reads them or
            the reader has them from elsewhere.
        bits: how many.
    """

    port: str
    bits: int


class _Join(NamedTuple):
    """A declared port that takes the place of its pieces.

    Attributes:
        wire: its name.
        way: ``"input"`` or ``"output"``.
        pieces: the highest bits first.
    """

    wire: str
    way: str
    pieces: tuple[_Piece, ...]


def convert(component: Any, top: str) -> tuple[str, Declared]:
    """Convert a component to RTLIL in which its ports' names come before all others.

    Args:
        component: the Amaranth component; its ports become those of the top module.
        top: name of the top module.

    Returns:
        The text, and for each module, by its name there, the ports that its component declares.
    """
    ends = {
        name: (signal, PortDirection.Input if is_input else PortDirection.Output)
        for name, (signal, is_input) in port_signals(component).items()
    }
    design = Fragment.get(component, None).prepare(ends, hierarchy=(top,))
    declared: Declared = {}
    for fragment, info in design.fragments.items():
        for origin in fragment.origins or ():
            if isinstance(origin, wiring.Component):
                own = port_signals(origin)
                declared["\\" + ".".join(info.name)] = {
                    f"\\{name}": "input" if is_input else "output"
                    for name, (_, is_input) in own.items()
                }
                info.signal_names = _own_first(info.signal_names, own)
                break
    text, _ = rtlil.convert_fragment(design, name=top, emit_src=False)
    return text, declared


def _own_first(names: Any, own: dict[str, tuple[Any, bool]]) -> Any:
    """Names of a module's signals, those of its ports first and as they are declared.

    Amaranth calls a port after the first signal that it carries.
    """
    found = type(names)()
    for name, (signal, _) in own.items():
        if isinstance(signal, Signal) and signal in names:
            found[signal] = name
    for signal, name in names.items():
        if signal not in found:
            # A number instead could be that of an instance outside, which lint tools mind.
            found[signal] = f"{name}$inner" if name.partition("$")[0] in own else name
    return found


def join_ports(raw: dict[str, str], declared: Declared) -> dict[str, str]:
    """Join the ports of every module that are pieces of a port of its component.

    Args:
        raw: bodies of the modules by name; each module has one instance at most.
        declared: the ports of their components.

    Returns:
        The new bodies.
    """
    joins = {name: _joins(body, declared.get(name, {})) for name, body in raw.items()}
    found = {}
    for name, body in raw.items():
        body = _connect(_declare(body, joins[name]), joins)
        found[name] = _order(body, declared.get(name, {}))
    return found


def _joins(body: str, declared: Ways) -> list[_Join]:
    """Declared ports of a module that are in pieces."""
    ports = {name: (int(width), way) for width, way, *_, name in _PORT.findall(body)}
    wires = {name: int(width) for width, _, name in _WIRE.findall(body)}
    aliases = _ALIAS.findall(body)
    carried = {value: name for name, value in aliases if ports.get(name, (0, ""))[1] == "output"}
    taken: set[str] = set()
    found = []
    for wire, value in aliases:
        if wire not in declared or wire not in wires:
            continue
        pieces = [_piece(text, wires, ports, carried) for text in _PIECE.finditer(value)]
        names = [piece.port for piece in pieces if piece.port]
        ways = {ports[name][1] for name in names}
        free = len(set(names)) == len(names) and not {*names} & {*taken, *declared}
        if not free or sum(piece.bits for piece in pieces) != wires[wire]:
            continue
        if ways != {declared[wire]} or (ways == {"input"} and len(names) < len(pieces)):
            continue
        taken |= set(names)
        found.append(_Join(wire, declared[wire], tuple(pieces)))
    return found


def _piece(
    text: re.Match[str],
    wires: dict[str, int],
    ports: dict[str, tuple[int, str]],
    carried: dict[str, str],
) -> _Piece:
    """Find the port that carries a piece of a value."""
    name, high, low, constant = text.groups()
    if constant:
        return _Piece("", int(constant.split("'")[0]))
    whole = ports[name][0] if name in ports else wires[name]
    bits = whole if high is None else int(high) - int(low or high) + 1
    if name in ports and bits == whole:
        return _Piece(name, bits)
    return _Piece(carried.get(text[0], ""), bits)


def _declare(body: str, joins: list[_Join]) -> str:
    """Body of a module with the declared ports in place of their pieces."""
    for wire, way, pieces in joins:
        parts, low = [], 0
        for piece in reversed(pieces):
            high = low + piece.bits - 1
            parts.append(f"connect {piece.port} {wire} [{high}:{low}]")
            low = high + 1
            body = _close(body, piece, way)
        width, signed = next(w[:2] for w in _WIRE.findall(body) if w[2] == wire)
        plain = f"  wire width {width}{signed} {wire}\n"
        port = f"  wire width {width} {way} 0  {signed.lstrip()}{' ' if signed else ''}{wire}\n"
        body = body.replace(plain, port, 1)
        if way == "input":  # the pieces come from the port, no longer the port from its pieces
            alias = re.search(rf"^connect {re.escape(wire)} .*$", body, re.M)
            assert alias is not None
            body = body.replace(alias[0], "\n".join(parts), 1)
    return body


def _close(body: str, piece: _Piece, way: str) -> str:
    """Body of a module in which a piece is no port; an output without a name goes altogether."""
    if not piece.port:
        return body
    name = re.escape(piece.port)
    gone = way == "output" and piece.port.startswith("\\port$")
    plain = "" if gone else f"  wire width {piece.bits} {piece.port}\n"
    body = re.sub(
        rf"^  wire .*put \d+  (?:signed )?{name}\n", lambda _: plain, body, count=1, flags=re.M
    )
    return re.sub(rf"^connect {name} .*\n", "", body, count=1, flags=re.M) if gone else body


def _order(body: str, declared: Ways) -> str:
    """Body of a module whose ports stand as declared, after clock and reset."""
    order = {name: position for position, name in enumerate(("\\clk", "\\rst", *declared))}
    names = sorted(
        (port[5] for port in _PORT.finditer(body)), key=lambda name: order.get(name, len(order))
    )
    number = {name: position for position, name in enumerate(names, start=1)}
    return _PORT.sub(
        lambda port: (
            f"  wire width {port[1]} {port[2]} {number[port[5]]}  {port[4] or ''}{port[5]}"
        ),
        body,
    )


def _connect(body: str, joins: dict[str, list[_Join]]) -> str:
    """Body of a module with its instances connected to the joined ports."""
    spare: list[str] = []

    def connected(cell: re.Match[str]) -> str:
        text = cell[0]
        given = dict(_CONNECT.findall(text))
        for wire, _, pieces in joins.get(cell[1], ()):
            values = []
            for piece in pieces:
                if piece.port:
                    values.append(given[piece.port])
                    text = text.replace(f"    connect {piece.port} {given[piece.port]}\n", "", 1)
                else:
                    values.append(f"$spare${len(spare)}")
                    spare.append(f"  wire width {piece.bits} {values[-1]}\n")
            text = text.removesuffix("  end")
            text += f"    connect {wire} {{ {' '.join(values)} }}\n  end"
        return text

    body = _CELL.sub(connected, body)
    return "".join(spare) + body
