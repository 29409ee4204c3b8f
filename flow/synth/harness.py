"""Registers around a design, so that every path of it runs from register to register."""

import re

from ..netlist.netlist import Netlist

__all__ = ["HARNESS", "harness"]

HARNESS = "mxsf_timing"
"""Name of the harness's module; the design in it is the instance ``dut``."""

_PORT = re.compile(r"^  wire width (\d+) (input|output) \d+  \\(\S+)$", re.M)


def harness(netlist: Netlist, pins: bool = False) -> str:
    """Verilog of registers on all inputs and outputs of a design.

    The clock goes straight to the design where it has one; every other input, its reset too, comes
    from a register of the same name, every output goes into one.

    Args:
        netlist: the design, an instance ``dut`` in the harness.
        pins: use three pins: the input registers form a shift register, and the output registers
            are folded to one bit by a tree of XOR gates with a register behind each.
    """
    body = netlist.text[netlist.text.rindex(f"module \\{netlist.top}\n") :]
    ports = [(name, int(width), way == "input") for width, way, name in _PORT.findall(body)]
    inputs = {name: width for name, width, is_input in ports if is_input and name != "clk"}
    outputs = {name: width for name, width, is_input in ports if not is_input}
    total = sum(inputs.values())
    kept = "reg" if pins else "output reg"
    ends = ["input clk", f"input [{0 if pins else total - 1}:0] pin_in"]
    ends += ["output pin_out"] if pins else []
    declared = [f"{kept} [{width - 1}:0] {name}" for name, width in outputs.items()]
    lines = [f"module {HARNESS}({', '.join(ends if pins else ends + declared)});"]
    lines += [f"  {line};" for line in declared] if pins else []
    lines += [f"  reg [{width - 1}:0] {name};" for name, width in inputs.items()]
    lines += [f"  wire [{width - 1}:0] dut_{name};" for name, width in outputs.items()]
    everything = ", ".join(inputs)
    source = f"{{{everything}, pin_in}}" if pins else "pin_in"  # the highest bit falls out
    lines += [_clocked(f"{{{everything}}}", source)] if inputs else []
    lines += [_clocked(name, f"dut_{name}") for name in outputs]
    wires = {name: name for name in inputs} | {name: f"dut_{name}" for name in outputs}
    wires |= {"clk": "clk"} if any(name == "clk" for name, _, _ in ports) else {}
    links = ", ".join(f".{port}({wire})" for port, wire in wires.items())
    lines += [f"  {netlist.top} dut({links});"]
    lines += _fold(outputs) if pins else []
    return "\n".join([*lines, "endmodule", ""])


def _fold(outputs: dict[str, int]) -> list[str]:
    """Fold registers to the output pin, four to one a cycle."""
    bits = [f"{name}[{index}]" for name, width in outputs.items() for index in range(width)]
    lines = []
    level = 0
    while len(bits) > 1:
        level += 1
        pieces = [bits[low : low + 4] for low in range(0, len(bits), 4)]
        bits = [f"fold{level}[{number}]" for number in range(len(pieces))]
        lines += [f"  reg [{len(bits) - 1}:0] fold{level};"]
        lines += [
            _clocked(bit, f"^{{{', '.join(p)}}}") for bit, p in zip(bits, pieces, strict=True)
        ]
    return [*lines, f"  assign pin_out = {bits[0]};"]


def _clocked(register: str, value: str) -> str:
    return f"  always @(posedge clk) {register} <= {value};"
