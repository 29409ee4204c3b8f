"""RTLIL text of one module as Amaranth writes it: an item a line, names that Verilog reads."""

import re
from collections.abc import Sequence

__all__ = ["ports_of", "readable"]

_NAME = re.compile(r"(?<![\\\"])\\[^\s\"\\]+")  # not inside a string
_MEMORY = re.compile(r'(?<=parameter \\MEMID ")\\(\\[^"]+)(?=")')  # a cell names it in a string
_PLAIN = re.compile(r"\\[A-Za-z_][A-Za-z0-9_]*")


def ports_of(body: str) -> dict[str, bool]:
    """Ports of a module by name: whether it is an input."""
    ports = {}
    for line in body.splitlines():
        words = line.split()
        if words[:1] == ["wire"] and words[3] in ("input", "output"):
            ports[words[-1][1:]] = words[3] == "input"
    return ports


def readable(body: str, ports: Sequence[str]) -> str:
    """Name what Verilog would escape, and put the ports in order.

    Args:
        body: the module.
        ports: names of its ports in the order that they shall have.
    """
    places = {f"\\{name}": place for place, name in enumerate(ports, start=1)}
    names = _plain_names(body)
    lines = []
    for line in body.splitlines(keepends=True):
        words = line.split()
        if words[:1] == ["wire"] and words[3] in ("input", "output"):
            head, tail = line.split(f" {words[3]} {words[4]} ", 1)
            line = f"{head} {words[3]} {places[words[-1]]} {tail}"
        line = _NAME.sub(lambda name: names.get(name[0], name[0]), line)
        lines.append(_MEMORY.sub(lambda name: "\\" + names.get(name[1], name[1]), line))
    return "".join(lines)


def _plain_names(body: str) -> dict[str, str]:
    """New names for those that are no plain identifiers, each used once."""
    used = list(dict.fromkeys(_NAME.findall(body)))
    taken = {name for name in used if _PLAIN.fullmatch(name)}
    names = {}
    for name in used:
        if name not in taken:
            stem = _stem(name)
            names[name] = new = next(
                wish
                for number in range(1, len(used) + 2)
                if (wish := f"\\{stem}_{number}" if number > 1 else f"\\{stem}") not in taken
            )
            taken.add(new)
    return names


def _stem(name: str) -> str:
    """Name without backslash and number, its special characters as underscores."""
    bare = re.sub(r"(\$\d+)+", "", name.removeprefix("\\"))
    return re.sub(r"[^A-Za-z0-9_]+", "_", bare).strip("_") or "signal"
