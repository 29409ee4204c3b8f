"""A simulator on a design in a shell, driven by the ports that the design has without it."""

from collections.abc import Mapping

from ...hdl.interface.link import Link
from ...hdl.interface.shell import Clocking
from .simulator import Pins, Simulator, Testbench

__all__ = ["LinkedSimulator"]


class LinkedSimulator:
    """Runs the testbench of a design on the design in a shell.

    Args:
        simulator: built on the shell, its reset port among its ports.
        links: for each port of the shell what it is of the design's ports.
        clocking: clock and reset of the shell, None where it is combinational.
    """

    def __init__(self, simulator: Simulator, links: Mapping[str, Link], clocking: Clocking | None):
        self.name = simulator.name
        self._simulator, self._clocking = simulator, clocking
        self._pieces: dict[str, list[tuple[str, Link]]] = {}
        for port, link in links.items():
            self._pieces.setdefault(link.port, []).append((port, link))

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""

        async def outside(pins: Pins) -> None:
            if self._clocking is not None:
                pins.set(self._clocking.reset, int(self._clocking.active_low))
            await testbench(_Pins(pins, self._pieces))

        self._simulator.run(outside)


class _Pins:
    """Pins of the design, each of them one or more of the shell's."""

    def __init__(self, pins: Pins, pieces: Mapping[str, list[tuple[str, Link]]]):
        self._pins, self._pieces = pins, pieces

    def set(self, port: str, value: int) -> None:
        for name, link in self._pieces[port]:
            self._pins.set(name, value >> link.offset & ((1 << link.width) - 1))

    def get(self, port: str) -> int:
        return sum(self._pins.get(name) << link.offset for name, link in self._pieces[port])

    async def tick(self) -> None:
        await self._pins.tick()
