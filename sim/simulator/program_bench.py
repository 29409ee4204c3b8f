"""What the Verilog testbench of a design with a program in memory is made of."""

from collections.abc import Mapping
from typing import Any

from ...hdl.interface.link import Link
from ...hdl.interface.shell import Clocking
from ..result import Stalls
from ..stimulus.program_vectors import ProgramVectors

__all__ = ["program_context"]

_CHANNELS = ("m_axi_ar", "m_axi_aw", "m_axi_w", "s_axi_b", "s_axi_r")  # that the design drives


def program_context(
    vectors: ProgramVectors,
    stalls: Stalls,
    clocking: Clocking | None,
    links: Mapping[str, Link] | None,
) -> dict[str, Any]:
    """What the names of the template ``program.v`` stand for, apart from its own names.

    Args:
        vectors: what to run.
        stalls: how memory and host stall.
        clocking: clock and reset of the design.
        links: its ports, for a design in a shell; None for those that the vectors name.
    """
    ports = vectors.ports
    nets = {p: p for p in ports} if links is None else {p: link.port for p, link in links.items()}
    if clocking is not None:
        reset = {clocking.reset: "!rst" if clocking.active_low else "rst"}
        nets = {clocking.clock: "clk", **reset, **nets}
    outputs = [port for port, (_, is_input) in ports.items() if not is_input]
    channels = {
        name: [p for p in outputs if p.startswith(name) and p != f"{name}valid"]
        for name in _CHANNELS
    }
    return {
        "connections": nets,
        "ports": ports,
        "channels": {
            name: {"payload": payload, "bits": sum(ports[port][0] for port in payload)}
            for name, payload in channels.items()
        },
        "known": [p for p in outputs if p.endswith(("valid", "ready", "irq"))],
        "bus": ports["m_axi_rdata"][0],
        "address": ports["m_axi_araddr"][0],
        "beats": len(vectors.memory),
        "writes": vectors.writes,
        "ends": vectors.ends,
        "clear": vectors.clear,
        "status": vectors.status,
        "longest": max(len(word.name) for word in [*vectors.writes, *vectors.ends]),
        "valid": round(stalls.valid * 1000),
        "ready": round(stalls.ready * 1000),
        "seed": stalls.seed + 1,
        "limit": 1000 + 20 * round(vectors.work / min(stalls.valid, stalls.ready)),
    }
