"""The netlist that every simulator and every synthesis reads: RTLIL with equal modules merged.

Amaranth emits one module for each instance. Here modules of equal text become one, bottom up,
and get names that read well in Verilog: ``<top>__<concept>``, no dots, no escapes.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .module_ports import convert, join_ports

__all__ = ["Netlist", "netlist"]

_MODULE = re.compile(r"^module (\\\S+)\n(.*?)^end$", re.M | re.S)
_INSTANCE = re.compile(r"^  cell (\\\S+) (\\\S+)$", re.M)
_CELL = re.compile(r"^  cell (\\\S+) (\\\S+)\n(.*?)^  end$", re.M | re.S)
_CONNECT = re.compile(r"^    connect (\\\S+) (\\\S+)", re.M)
_ALIAS = re.compile(r"^connect (\\\S+) (.*)$", re.M)
_PORT = re.compile(r"^  wire .*(?:input|output) \d+  (?:signed )?(\\\S+)$", re.M)
_PIECE = re.compile(r"(?:\$\d+|\\[^\s{}]+)(?: \[[\d:]+\])?")
_IDENTIFIER = re.compile(r"(?<![\\\"])\\[^\s\"\\]+")  # not inside a string
_PLAIN = re.compile(r"\\[A-Za-z_][A-Za-z0-9_]*")
_NAMELESS = re.compile(r"\\port\$")


@dataclass(frozen=True)
class Netlist:
    """RTLIL text of a design.

    Attributes:
        top: name of the top module.
        text: the RTLIL of all modules, children first.
        instances: number of instances of each module below the top, merged modules counted once
            for each place where they stand.
        clock: name of the clock port, where there is one.
    """

    top: str
    text: str
    instances: dict[str, int]
    clock: str = "clk"

    @property
    def clocked(self) -> bool:
        """Whether the design has state, and with it a clock and a reset port."""
        top = self.text[self.text.index(f"module \\{self.top}\n") :]
        return re.search(rf"^  wire .*input \d+  \\{self.clock}$", top, re.M) is not None

    @property
    def only_wires(self) -> bool:
        """Whether the design computes nothing: there is no cell in it, and no choice."""
        return re.search(r"^ +(cell|switch) ", self.text, re.M) is None

    def without(self, concept: str) -> "Netlist":
        """The netlist with modules of a name as black boxes, which count nothing in synthesis.

        Raises:
            ValueError: there is no such module.
        """

        def empty(found: re.Match[str]) -> str:
            ports = "".join(f"{port[0]}\n" for port in _PORT.finditer(found[2]))
            return f"attribute \\blackbox 1\nmodule {found[1]}\n{ports}end"

        name = rf"^module (\\{self.top}__{re.escape(concept)}(?:_\d+)?)\n(.*?)^end$"
        text, count = re.subn(name, empty, self.text, flags=re.M | re.S)
        if not count:
            raise ValueError(f"{self.top} has no module {concept!r}")
        return replace(self, text=text)


def netlist(component: Any, top: str, clock: str = "clk") -> Netlist:
    """Convert a component to RTLIL, merge equal modules and name them.

    Args:
        component: the Amaranth component; its ports become those of the top module.
        top: name of the top module.
        clock: name of its clock port, if it has one.
    """
    text, declared = convert(component, top)
    raw = join_ports({match[1]: match[2] for match in _MODULE.finditer(text)}, declared)
    merged: dict[str, _Merged] = {}  # by the name that Amaranth gave
    known: dict[str, str] = {}  # body: final name
    order: dict[str, str] = {}  # final name: body, children first
    taken: Counter[str] = Counter()

    def settle(name: str) -> _Merged:
        if name not in merged:
            children = {c[1]: settle(c[1]) for c in _INSTANCE.finditer(raw[name]) if c[1] in raw}
            body, ports = _readable(raw[name], children)
            final = name if name == f"\\{top}" else known.get(body)
            if final is None:
                concept = re.sub(r"(_\d+)?([$]\d+)?$", "", name.rsplit(".", 1)[-1])
                taken[concept] += 1
                number = f"_{taken[concept]}" if taken[concept] > 1 else ""
                final = known[body] = f"\\{top}__{concept}{number}"
            order.setdefault(final, body)
            merged[name] = _Merged(final, ports)
        return merged[name]

    settle(f"\\{top}")
    parts = [f"module {name}\n{body}end\n" for name, body in order.items()]
    parts[-1] = "attribute \\top 1\n" + parts[-1]
    return Netlist(top, "\n".join(parts), _count(order, f"\\{top}"), clock)


class _Merged(NamedTuple):
    """What a parent must know of a module: its final name, and its ports' new names."""

    name: str
    ports: dict[str, str]


def _count(bodies: dict[str, str], top: str) -> dict[str, int]:
    counts: Counter[str] = Counter()

    def walk(name: str, times: int) -> None:
        for kind, number in Counter(c[1] for c in _INSTANCE.finditer(bodies[name])).items():
            if kind in bodies:
                counts[kind[1:]] += times * number
                walk(kind, times * number)

    walk(top, 1)
    return dict(counts)


def _readable(body: str, children: dict[str, _Merged]) -> tuple[str, dict[str, str]]:
    """Rename what Verilog would escape, ports without a name, and the wires between instances.

    Returns the new body and the new names of the ports.
    """
    names = _Names(body)
    ports = [match[1] for match in _PORT.finditer(body)]
    aliases = _ALIAS.findall(body)
    drives = {value: port for port, value in aliases if _NAMELESS.match(port)}
    for wire, value in aliases:  # a nameless port is a piece of a signal that has a name
        if not _NAMELESS.match(wire) and wire not in ports:
            found = [drives.get(p, p.split()[0]) for p in reversed(_PIECE.findall(value))]
            pieces = [p for p in dict.fromkeys(found) if p in ports and _NAMELESS.match(p)]
            if len(pieces) == 1:
                names.take(pieces[0], wire)
            for number, port in enumerate(pieces):
                names.rename(port, f"{_stem(wire)}_{number}")
    for kind, cell, inside in _CELL.findall(body):
        if kind in children:
            for port, wire in _CONNECT.findall(inside):
                if wire not in ports and _stem(wire) == _stem(port):
                    names.rename(wire, f"{_stem(cell)}_{_stem(port)}")
    for name in dict.fromkeys(_IDENTIFIER.findall(body)):
        if not _PLAIN.fullmatch(name) and name not in children:
            names.rename(name, name)

    lines = []
    child = None
    for line in body.splitlines(keepends=True):
        head, rest = "", line
        if match := re.match(r"  cell (\\\S+) ", line):
            child = children.get(match[1])
            head, rest = f"  cell {child.name if child else match[1]} ", line[match.end() :]
        elif line == "  end\n":
            child = None
        elif match := re.match(r"    (connect|parameter) (\\\S+) ", line):
            port = child.ports.get(match[2], match[2]) if child else match[2]
            head, rest = f"    {match[1]} {port} ", line[match.end() :]
        lines.append(head + _IDENTIFIER.sub(lambda found: names.new(found[0]), rest))
    return "".join(lines), {port: names.new(port) for port in ports}


class _Names:
    """New names of one module's identifiers, each used once."""

    def __init__(self, body: str):
        self._new: dict[str, str] = {}
        self._taken = {name for name in _IDENTIFIER.findall(body) if _PLAIN.fullmatch(name)}

    def rename(self, old: str, wish: str) -> None:
        """Give ``old`` the name ``wish``, or the next free one after it."""
        if old in self._new:
            return
        stem, number = _stem(wish), 1
        name = f"\\{stem}"
        while name in self._taken:
            number += 1
            name = f"\\{stem}_{number}"
        self._taken.add(name)
        self._new[old] = name

    def take(self, old: str, owner: str) -> None:
        """Give ``old`` the plain name of another wire, which gets the next free one."""
        name = f"\\{_stem(owner)}"
        if old not in self._new and owner not in self._new and name == owner:
            self.rename(owner, owner)
            self._new[old] = name

    def new(self, old: str) -> str:
        """Return the name that an identifier has now."""
        return self._new.get(old, old)


def _stem(name: str) -> str:
    """Name without backslash and number, its special characters as underscores."""
    bare = re.sub(r"(\$\d+)+", "", name.removeprefix("\\"))
    return re.sub(r"[^A-Za-z0-9_]+", "_", bare).strip("_") or "signal"
