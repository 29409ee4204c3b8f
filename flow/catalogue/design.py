"""A design of the catalogue, and a variant of it: values for its parameters, and its ports."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from ...golden.formats.block import BlockFormat
from ...hdl.interface.flat import Link, plain_links
from ...hdl.interface.shell import PLAIN, Clocking, Shell
from ...hdl.ports import port_signals
from ...sim.result import NO_STALLS, Progress, Result, Stalls
from ...sim.simulator.simulator import Simulator
from ...sim.stimulus.vectors import Vectors
from ..netlist.netlist import Netlist, netlist
from .interfaces import INTERFACES, Interface
from .parameters import Parameter

__all__ = ["Design", "Values", "Variant"]

Values = dict[str, Any]


@dataclass(frozen=True)
class Design:
    """A design of the catalogue.

    Args:
        name: what the command line calls it.
        title: one line for people.
        parameters: its parameters, in the order in which they appear in names.
        build: makes the component; takes the parameters as keywords.
        bench: runs a simulator against the golden model: (simulator, component, values of a tensor
            or None for the built-in stimulus, stalls, progress).
        vectors: what goes in and what must come out: (component, values of a tensor or None, seed).
        latency: what its latency counts, where that is not a block: two lines after "cycles from
            the transfer".
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]
    bench: Callable[[Simulator, Any, NDArray[Any] | None, Stalls, Progress | None], Result]
    vectors: Callable[[Any, NDArray[Any] | None, int], Vectors]
    latency: tuple[str, str] | None = None


@dataclass(frozen=True)
class Variant:
    """A design with values for all its parameters.

    Attributes:
        design: the design.
        values: value of each parameter.
        component: the Amaranth component.
        prefix: text in front of every module name.
        interface: which ports it has outside.
        clocking: clock and reset, where it has state.
    """

    design: Design
    values: Values
    component: Any
    prefix: str = ""
    interface: Interface = INTERFACES["stream"]
    clocking: Clocking = PLAIN

    @property
    def top(self) -> str:
        """Module name: ``mxsf_<design>_<element>_b<block>``, a tile as t, what is no default."""
        tags = [
            p.tag(self.values[p.name])
            for p in self.design.parameters
            if p.name in ("element", "block", "tile", "bits") or not p.is_default(self.values)
        ]
        if self.interface.name != "stream":
            tags.append(self.interface.name)
        tags += self.interface.reset_tags(self.clocking)
        return self.prefix + "_".join(["mxsf", self.design.name, *tags])

    @cached_property
    def outside(self) -> Any:
        """The component with the ports that ship: the design itself, or a shell around it.

        Raises:
            ValueError: another reset is wanted of a design without state.
        """
        if self.interface.name == "stream" and self.clocking == PLAIN:
            return self.component
        shell = self.interface.build(self.component, self.design.name, self.clocking)
        if shell.clocking is None and self.clocking != self.interface.clocking():
            raise ValueError(
                f"{self.top} is combinational: no reset can be {self.clocking.kind} in it"
            )
        return shell

    @property
    def links(self) -> dict[str, Link]:
        """For each port that ships, without clock and reset, what it is of the design's ports."""
        return getattr(self.outside, "links", None) or plain_links(self.component)

    @property
    def latency(self) -> int:
        """Latency in cycles, 0 for a combinational design."""
        added = self.outside.latency if isinstance(self.outside, Shell) else 0
        return getattr(self.component, "latency", 0) + added

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return getattr(self.component, "beats", 1)

    @property
    def ports(self) -> dict[str, tuple[int, bool]]:
        """Ports without clock and reset: (width, whether it is an input)."""
        return {
            name: (len(signal), is_input)
            for name, (signal, is_input) in port_signals(self.outside).items()
            if name not in (self.clocking.clock, self.clocking.reset)
        }

    @cached_property
    def netlist(self) -> Netlist:
        """The merged netlist, converted once for Verilog, simulators and synthesis."""
        return netlist(self.outside, self.top, self.clocking.clock)

    @property
    def clocked(self) -> bool:
        """Whether the design has state."""
        return self.netlist.clocked

    @property
    def clock(self) -> Clocking | None:
        """Clock and reset, None where the design is combinational."""
        return self.clocking if self.clocked else None

    def settings(self) -> dict[str, Any]:
        """Values of the parameters as plain data."""
        return {name: _plain(value) for name, value in self.values.items()}

    def bench(
        self,
        simulator: Simulator,
        values: NDArray[Any] | None = None,
        stalls: Stalls = NO_STALLS,
        progress: Progress | None = None,
    ) -> Result:
        """Run a simulator that was built on this design against the golden model."""
        return self.design.bench(simulator, self.component, values, stalls, progress)

    def vectors(self, values: NDArray[Any] | None = None, seed: int = 0) -> Vectors:
        """What goes in and what must come out, of a float tensor or of the built-in stimulus."""
        plain = self.design.vectors(self.component, values, seed)
        return self.interface.vectors(self.component, plain)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, BlockFormat):
        return str(value)
    return value.value if isinstance(value, Enum) else getattr(value, "name", value)
