"""Heads of modules: Verilog-2001 port lists with what a module computes above them.

Yosys lists the names of ports in their order and declares them below, among the wires, by letter.
"""

import re
from collections.abc import Mapping

__all__ = ["with_head"]

_HEAD = re.compile(r"module (\w+)\((.*?)\);\n", re.S)
_PORT = re.compile(r"^  (input|output) ((?:\[\d+:0\] )?)(\w+);\n", re.M)
_NET = re.compile(r"^  (wire|reg) (?:\[\d+:0\] )?(\w+)( = .*)?;\n", re.M)


def with_head(module: str, titles: Mapping[str, str]) -> str:
    """A module as Yosys writes it, its ports declared where they are listed.

    Args:
        module: from ``module`` to ``endmodule``.
        titles: what modules compute, for the comment.
    """
    head = _HEAD.match(module)
    if head is None:
        raise ValueError(f"no head of a module: {module[:80]!r}")
    name, order = head.groups()
    body = module[head.end() :]
    ways = {port: (way, bits) for way, bits, port in _PORT.findall(body)}
    nets = {net: (kind, value) for kind, net, value in _NET.findall(body) if net in ways}
    body = _PORT.sub("", body)
    body = _NET.sub(lambda line: "" if line[2] in ways else line[0], body)
    ports = []
    for port in re.findall(r"\w+", order):
        way, bits = ways[port]
        kind, value = nets[port]
        ports.append(f"  {way} {kind} {bits}{port}{value}")
    comment = f"// {titles[name]}\n" if titles.get(name) else ""
    return f"{comment}module {name} (\n" + ",\n".join(ports) + f"\n);\n{body}"
