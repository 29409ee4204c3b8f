"""A host for Verilog testbenches: commands to register writes, registers to wires.

It sits between what a testbench drives for the plain engine (``command``, ``busy``, ``error``,
``counters``) and the AXI4-Lite interface of its AXI shell.
"""

from collections.abc import Collection
from typing import Any

from ...hdl.engine.command import command_layout
from ...hdl.engine.core import COUNTERS
from ...hdl.engine.matmul import Matmul
from ...hdl.engine.register_map import COMMAND, engine_registers
from ...hdl.interface.axi_lite import lite_ports, lite_widths
from ...hdl.ports import fields
from ..render import render
from ..stimulus.vectors import Bridge

__all__ = ["host_bridge"]


def host_bridge(engine: Matmul, shown: Collection[str]) -> Bridge:
    """Build the host of an engine.

    Args:
        engine: the engine.
        shown: its outputs that a testbench looks at, of ``busy``, ``error`` and the counters.
    """
    registers = {register.name: register for register in engine_registers(engine)}
    command_bits = {
        field.name: f"{field.offset + field.width - 1}:{field.offset}"
        for field in fields(command_layout())
    }
    writes = []
    for part, lows in COMMAND.items():
        terms = [
            f"(command__payload[{command_bits[name]}] * 33'h{1 << low:x})"
            for name, low in lows.items()
        ]
        writes.append((registers[f"command_{part}"].offset, " | ".join(terms)))
    writes.append((registers["push"].offset, "1"))
    watched = {"busy": "status", "error": "error", **{f"counters__{n}": n for n in COUNTERS}}
    watched = {port: name for port, name in watched.items() if port in shown}
    reads = [
        (registers[register].offset, port, 1 if port == "busy" else registers[register].mask)
        for port, register in watched.items()
    ]
    widths = lite_widths()
    context: dict[str, Any] = {
        "command_bits": command_layout().size,
        "writes": writes,
        "reads": [(offset, port, mask.bit_length()) for offset, port, mask in reads],
        "ports": {p: (widths[p], is_input) for p, (_, _, is_input) in lite_ports().items()},
    }
    return Bridge(
        module=render(__package__ or "", "axi_host.v", **context),
        wires={port: widths[port] for port in lite_ports()},
        nets=("command__payload", "command__valid", "command__ready", *watched),
        # Twice round all registers, in the slowest case.
        idle=16 * (len(reads) + 1),
    )
