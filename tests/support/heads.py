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
    pattern = r"  (input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)(?: = \S+)?"
    declared = {}
    for name, head in re.findall(r"^module (\w+) \(\n(.*?)\n\);$", text, re.M | re.S):
        found = [re.fullmatch(pattern, line) for line in head.split(",\n")]
        assert all(found), head
        declared[name] = [Port(port[3], port[1], int(port[2] or 0) + 1) for port in found if port]
    return declared
