"""Simulators behind one interface.

A testbench is an async function of ``Pins``; a simulator runs it. Ports go by the names they have
in the exported Verilog.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

__all__ = ["Pins", "Simulator", "Testbench"]


class Pins(Protocol):
    """The ports of a design in simulation."""

    def set(self, port: str, value: int) -> None:
        """Drive an input."""
        ...

    def get(self, port: str) -> int:
        """Read a port, combinational paths settled."""
        ...

    async def tick(self) -> None:
        """Pass one clock edge (in a combinational design: some time)."""
        ...


Testbench = Callable[[Pins], Awaitable[None]]


class Simulator(Protocol):
    """Something that runs a testbench on a design."""

    name: str

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""
        ...
