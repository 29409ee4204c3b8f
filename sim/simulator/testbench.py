"""Self-checking Verilog testbenches: plain Verilog-2005 and hex files, for any simulator.

A testbench reads what goes in and what must come out, one number a line, stalls at random (its own
numbers, so the same in every simulator), checks every beat and the stream rules, or the memory that
a program leaves, and says PASS or FAIL. A run that does not pass, a file that is missing or of
another length among the reasons, ends by ``$fatal``: the simulator's exit status is an error.

Where the macro ``CHECKER`` is defined a testbench of streams also holds the design's protocol
checker, ``<top>_checker``, and counts every rule that it finds broken.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...hdl.interface.link import Link
from ...hdl.interface.shell import PLAIN, Clocking
from ..render import render
from ..result import Stalls
from ..stimulus.program_vectors import ProgramVectors
from ..stimulus.vectors import Column, Vectors
from .program_bench import program_context

__all__ = ["Checks", "testbench"]


class Checks(NamedTuple):
    """A protocol checker, module ``<top>_checker``.

    Attributes:
        ports: what it sees: ports of the design, and a clock and a reset.
        rules: names of its rules, in the order of the bits of its output ``violations``.
    """

    ports: Sequence[str]
    rules: Sequence[str]


def testbench(
    vectors: Vectors | ProgramVectors,
    top: str,
    stalls: Stalls,
    *,
    clocking: Clocking | None,
    links: Mapping[str, Link] | None,
    name: str,
    stem: str,
    checks: Checks | None,
) -> str:
    """Text of the testbench.

    Args:
        vectors: what to run.
        top: the design's module.
        stalls: how to stall streams, or memory and host.
        clocking: clock and reset of the design, None where it is combinational.
        links: its ports, for a design in a shell; None for those that the vectors name.
        name: name of the testbench's module.
        stem: what the names of the hex files begin with.
        checks: the design's protocol checker; None for none.
    """
    names = {"top": top, "name": name, "stem": stem}
    if isinstance(vectors, ProgramVectors):
        context = program_context(vectors, stalls, clocking, links)
        return render(__package__ or "", "program.v", **names, **context)
    columns = {**vectors.inputs, **vectors.outputs}
    beats = sum(len(column.values) for column in columns.values()) + vectors.work
    connections = _connections(vectors, clocking, links)
    clock = {PLAIN.clock: "clk", PLAIN.reset: "rst"} if clocking is None else {}
    context: dict[str, Any] = {
        **names,
        "connections": connections,
        "checks": checks and {p: clock.get(p) or connections[p] for p in checks.ports},
        "rules": checks and checks.rules,
        "inputs": {k: _sizes(v) for k, v in vectors.inputs.items()},
        "outputs": {k: _sizes(v) for k, v in vectors.outputs.items()},
        "ports": list(columns),
        "counts": {name: len(column.values) for name, column in columns.items()},
        "ties": {name: _constant(column) for name, column in vectors.ties.items()},
        "ends": {name: _constant(column) for name, column in vectors.ends.items()},
        "bits": {name: column.bits for name, column in vectors.ends.items()},
        "valid": round(stalls.valid * 1000),
        "ready": round(stalls.ready * 1000),
        "seed": stalls.seed + 1,
        "bridge": vectors.bridge,
        "bridge_nets": [*vectors.bridge.nets, *vectors.bridge.wires] if vectors.bridge else [],
        "idle": 50 + (vectors.bridge.idle if vectors.bridge else 0),
        "limit": 1000 + 40 * round(beats / min(stalls.valid, stalls.ready)),
    }
    return render(__package__ or "", "streams.v" if vectors.streams else "table.v", **context)


def _connections(
    vectors: Vectors, clocking: Clocking | None, links: Mapping[str, Link] | None
) -> dict[str, str]:
    """What of the testbench each port of the design is connected to."""
    signals = {}
    if clocking is not None:
        signals = {clocking.clock: "clk", clocking.reset: "!rst" if clocking.active_low else "rst"}
    columns = {**vectors.inputs, **vectors.outputs}
    roles = ("payload", "valid", "ready") if vectors.streams else ()
    nets = {f"{name}__{role}": f"{name}__{role}" for name in columns for role in roles}
    nets |= {} if vectors.streams else {name: name for name in columns}
    nets |= {name: _constant(column) for name, column in vectors.ties.items()}
    nets |= {name: name for name in vectors.ends}
    if vectors.bridge is not None:
        nets = {net: n for net, n in nets.items() if net not in vectors.bridge.nets}
        nets |= {name: name for name in vectors.bridge.wires}
    if links is None:
        return signals | nets
    for port, link in links.items():
        if link.port in nets:
            piece = "" if link.whole else f"[{link.offset + link.width - 1}:{link.offset}]"
            signals[port] = nets[link.port] + piece
    return signals


def _sizes(column: Column) -> dict[str, int]:
    return {"bits": column.bits, "count": len(column.values)}


def _constant(column: Column) -> str:
    return f"{column.bits}'h{column.values[0]:x}"
