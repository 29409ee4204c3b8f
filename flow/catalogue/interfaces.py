"""Interfaces: which ports, clock and reset a design has outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...hdl.interface.axi import AXI_CLOCKING
from ...hdl.interface.flat import LinkedShell, flat_links
from ...hdl.interface.link import plain_links
from ...hdl.interface.shell import PLAIN, Clocking, Shell
from ...sim.design.design import Design

__all__ = ["INTERFACES", "POLARITIES", "RESETS", "Interface", "reset_words"]

RESETS = {"sync": False, "async": True}
"""Kinds of reset by name: whether it is asynchronous."""

POLARITIES = ("high", "low")
"""Polarities of a reset: active high or active low."""


@dataclass(frozen=True)
class Interface:
    """A kind of ports around a design.

    Args:
        name: what the command line calls it, and its part of a module name.
        title: one line for people.
        build: makes the shell: (design, component, clock and reset, whether inputs with arrays have
            tkeep).
        clock: name of the clock port.
        resets: names of the reset port, by the polarities that it may have, the default first.
        own_ports: whether the ports are the design's own.
    """

    name: str
    title: str
    build: Callable[[Design, Any, Clocking, bool], Shell]
    clock: str = PLAIN.clock
    resets: tuple[tuple[str, str], ...] = (("high", PLAIN.reset), ("low", "rst_n"))
    own_ports: bool = False

    def clocking(self, reset: str = "sync", polarity: str | None = None) -> Clocking:
        """Clock and reset.

        Args:
            reset: kind of the reset, of ``RESETS``.
            polarity: of the reset; None for the default.

        Raises:
            ValueError: no such kind, or the interface has no such polarity.
        """
        names = dict(self.resets)
        level = polarity or self.resets[0][0]
        if reset not in RESETS:
            raise ValueError(f"unknown reset {reset!r}: use {' or '.join(RESETS)}")
        if level not in names:
            raise ValueError(
                f"{self.name} ports have no reset polarity {level!r}: use {' or '.join(names)}"
            )
        return Clocking(self.clock, names[level], RESETS[reset], level == "low")

    def reset_tags(self, clocking: Clocking) -> list[str]:
        """Parts of a module name that tell a reset from the default one."""
        default, tags = self.clocking(), []
        if clocking.asynchronous != default.asynchronous:
            tags.append("async")
        if clocking.active_low != default.active_low:
            tags.append("low" if clocking.active_low else "high")
        return tags


def reset_words(clocking: Clocking) -> tuple[str, str]:
    """Kind and polarity of a reset as ``Interface.clocking`` takes them."""
    kind = next(name for name, known in RESETS.items() if known == clocking.asynchronous)
    return kind, POLARITIES[clocking.active_low]


INTERFACES = {
    interface.name: interface
    for interface in (
        Interface(
            "stream",
            "a stream is valid, ready and one payload vector",
            lambda design, core, clocking, keep: LinkedShell(
                core, design.name, plain_links(core), clocking
            ),
            own_ports=True,
        ),
        Interface(
            "flat",
            "a stream is valid, ready and one port for each field",
            lambda design, core, clocking, keep: LinkedShell(
                core, design.name, flat_links(core), clocking
            ),
        ),
        Interface(
            "axi",
            "a stream is an AXI4-Stream, commands are AXI4-Lite registers",
            lambda design, core, clocking, keep: design.axi(core, design.name, clocking, keep=keep),
            clock=AXI_CLOCKING.clock,
            resets=(("low", AXI_CLOCKING.reset),),
        ),
    )
}
"""Every interface by name."""
