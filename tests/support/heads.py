"""Heads of modules in Verilog: ports as they are declared."""

import re
from typing import NamedTuple

__all__ = ["Port", "ports"]


class Port(NamedTuple):
    """A port of a module in Verilog."""

    name: str
    direction: str
    width: int


def ports(text: str) -> dict[str, list[Port]]:
    """Ports of every module of a Verilog file, in their order."""
    pattern = r"^  (input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)(?: = \S+)?$"
    return {
        name: [
            Port(port, way, int(high or 0) + 1)
            for way, high, port in (
                re.fullmatch(pattern, line).groups() for line in head.split(",\n")
            )
        ]
        for name, head in re.findall(r"^module (\w+) \(\n(.*?)\n\);$", text, re.M | re.S)
    }
