"""Shells: a design inside a component that gives it another clock, reset, or other ports.

A shell adds no arithmetic. Every interface but the plain one is a subclass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockDomain, Fragment, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ..register_map import Register
from .axi_stream import AxiStream
from .link import Link

__all__ = ["PLAIN", "Clocking", "Shell", "has_state"]


@dataclass(frozen=True)
class Clocking:
    """Clock and reset of a design. The clock counts on its rising edge.

    Args:
        clock: name of the clock port.
        reset: name of the reset port.
        asynchronous: the reset acts without a clock edge; else on the next rising edge.
        active_low: the design is in reset where the port is 0; else where it is 1.
    """

    clock: str = "clk"
    reset: str = "rst"
    asynchronous: bool = False
    active_low: bool = False

    @property
    def kind(self) -> str:
        """Kind and polarity of the reset, in words."""
        kind = "asynchronous" if self.asynchronous else "synchronous"
        return f"{kind}, active {'low' if self.active_low else 'high'}"

    def __str__(self) -> str:
        return f"clock {self.clock}, rising edge; reset {self.reset}, {self.kind}"


PLAIN = Clocking()
"""What Amaranth gives a design that has no shell: ``clk`` and ``rst``, synchronous, active high."""


def has_state(component: Any) -> bool:
    """Whether a component has registers or memories. It is elaborated to find out."""

    def clocked(fragment: Any) -> bool:
        if any(domain != "comb" for domain in fragment.statements):
            return True
        return any(clocked(part) for part, *_ in fragment.subfragments)

    return clocked(Fragment.get(component, None))


class Shell(wiring.Component):
    """A design with ports of the shell's choice.

    An asynchronous reset reaches every register that a synchronous one would reset. Its release
    must keep the recovery time of the flip-flops: synchronise it outside.

    Args:
        core: the design, a component of the one clock domain ``sync``.
        name: name of the core's instance and module.
        members: ports without clock and reset, as those of a signature.
        clocking: clock and reset; left out of the ports where nothing has state.
        stateful: whether the shell has registers of its own.

    Attributes:
        core: the design.
        clocking: clock and reset; None where nothing has state.
        links: for each port of the shell, without clock and reset, what it is of the core's ports.
        latency: cycles that the shell adds to the core's.
        streams: how each stream is mapped to a bus, where it is.
        registers: what a host reads and writes, where it can.
        transparent: whether each port is, in every cycle, the bits of the core's port that its link
            names: then the core's bench and cycle model hold for the shell.
    """

    links: Mapping[str, Link]
    latency: int = 0
    streams: Sequence[AxiStream] = ()
    registers: Sequence[Register] = ()
    transparent: bool = False

    def __init__(
        self,
        core: Any,
        name: str,
        members: dict[str, Any],
        clocking: Clocking = PLAIN,
        *,
        stateful: bool = False,
    ):
        clocked = stateful or has_state(core)
        self.core, self.clocking = core, clocking if clocked else None
        self._name = name
        ends = {clocking.clock: In(1), clocking.reset: In(1)} if clocked else {}
        super().__init__({**ends, **members})

    def elaborate(self, platform: Any) -> Module:
        """The core, its clock and reset, and what the shell is for."""
        m = Module()
        m.submodules[self._name] = self.core
        if self.clocking is not None:
            domain = ClockDomain("sync", async_reset=self.clocking.asynchronous)
            domain.clk = getattr(self, self.clocking.clock)
            reset = getattr(self, self.clocking.reset)
            if self.clocking.active_low:
                m.d.comb += domain.rst.eq(~reset)
            else:
                domain.rst = reset
            m.domains += domain
        self.connect(m)
        return m

    def connect(self, m: Module) -> None:
        """Connect the shell's ports to the core's; to be written by each subclass."""
        raise NotImplementedError
