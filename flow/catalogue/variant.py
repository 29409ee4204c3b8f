"""A variant: a design with values for its parameters, and its ports."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from ...hdl.interface.axi_stream import AxiStream
from ...hdl.interface.link import Link, plain_links
from ...hdl.interface.shell import PLAIN, Clocking, Shell
from ...hdl.ports import port_signals
from ...hdl.register_map import Register
from ...sim.design.design import Design
from ...sim.interface.axi import axi_vectors
from ...sim.result import NO_STALLS, Progress, Result, Stalls
from ...sim.simulator.simulator import Simulator
from ...sim.stimulus.program_vectors import ProgramVectors
from ...sim.stimulus.vectors import Vectors
from ..netlist.netlist import Netlist, netlist
from .interfaces import INTERFACES, Interface, reset_words

__all__ = ["Values", "Variant"]

Values = dict[str, Any]

_YES_NO = {True: "yes", False: "no"}


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
        module: name of the top module; empty for one that says the parameters.
        tkeep: whether AXI4-Stream inputs with arrays have tkeep; None for the default, yes.
    """

    design: Design
    values: Values
    component: Any
    prefix: str = ""
    interface: Interface = INTERFACES["stream"]
    clocking: Clocking = PLAIN
    module: str = ""
    tkeep: bool | None = None

    @property
    def top(self) -> str:
        """Module name: ``mxsf_<design>_<element>_b<block>``, a tile as t, what is no default.

        Or the name that was given. The names of all other modules begin with it.
        """
        if self.module:
            return self.module
        tags = [
            p.tag(self.values[p.name])
            for p in self.design.parameters
            if p.in_every_name or not p.is_default(self.values)
        ]
        if self.interface.name != self.design.interfaces[0]:
            tags.append(self.interface.name)
        if self.tkeep is False:
            tags.append("nokeep")
        tags += self.interface.reset_tags(self.clocking)
        return self.prefix + "_".join(["mxsf", self.design.name, *tags])

    @cached_property
    def shell(self) -> Shell | None:
        """What is around the component; None where the component's own ports ship.

        Raises:
            ValueError: another reset is wanted of a design without state, or tkeep was chosen where
                no input can have it.
        """
        made = None
        if not (self.interface.own_ports and self.clocking == PLAIN):
            made = self._made()
        if self.tkeep is not None and not _keeps(made):
            raise ValueError(
                f"{self.top} has no AXI4-Stream input with arrays: tkeep {_YES_NO[self.tkeep]} has "
                "no effect"
            )
        return made

    def _made(self) -> Shell:
        keep = self.tkeep is not False
        shell = self.interface.build(self.design, self.component, self.clocking, keep)
        if shell.clocking is None and self.clocking != self.interface.clocking():
            raise ValueError(
                f"{self.top} is combinational: no reset can be {self.clocking.kind} in it"
            )
        return shell

    @property
    def outside(self) -> Any:
        """The component with the ports that ship."""
        return self.component if self.shell is None else self.shell

    @property
    def links(self) -> Mapping[str, Link]:
        """For each port that ships, without clock and reset, what it is of the design's ports."""
        return plain_links(self.component) if self.shell is None else self.shell.links

    @property
    def streams(self) -> Sequence[AxiStream]:
        """How its streams are mapped to a bus, where they are."""
        return () if self.shell is None else self.shell.streams

    @property
    def registers(self) -> Sequence[Register]:
        """What a host reads and writes, where it can."""
        return () if self.shell is None else self.shell.registers

    @property
    def latency(self) -> int:
        """Latency in cycles, 0 for a combinational design."""
        added = 0 if self.shell is None else self.shell.latency
        return getattr(self.component, "latency", 0) + added

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return getattr(self.component, "beats", 1)

    @property
    def lanes(self) -> int | None:
        """Elements of a beat, None where a design has no such number."""
        return getattr(self.component, "lanes", None)

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

    @property
    def idle(self) -> dict[str, str]:
        """Parameters that have no effect on the design and not their default: why, by name."""
        idle = self.design.idle(self.component)
        by_name = {parameter.name: parameter for parameter in self.design.parameters}
        return {k: why for k, why in idle.items() if not by_name[k].is_default(self.values)}

    def check_effect(self, given: Iterable[str]) -> None:
        """Raise ValueError where a parameter that was given has no effect on the design."""
        for name in self.idle.keys() & given:
            value = self.settings()[name]
            raise ValueError(f"--{name} {value} has no effect on {self.top}: {self.idle[name]}")

    def settings(self) -> dict[str, str | int]:
        """Values of the parameters as the command line takes them: numbers, else text."""
        settings = dict[str, str | int]()
        for parameter in self.design.parameters:
            value = self.values[parameter.name]
            if value is None:
                value = self.values[parameter.follows]
            number = isinstance(value, int) and not isinstance(value, bool)
            settings[parameter.name] = value if number else parameter.kind.show(value)
        return settings

    def options(self) -> dict[str, str]:
        """What else the command line was told of the file: its ports, its reset, its names."""
        options = {"interface": self.interface.name}
        if self.clock is not None:
            options["reset"], options["reset-polarity"] = reset_words(self.clock)
        if _keeps(self.shell):
            options["tkeep"] = _YES_NO[self.tkeep is not False]
        names = {"prefix": self.prefix, "name": self.module}
        return options | {key: text for key, text in names.items() if text}

    def bench(
        self,
        simulator: Simulator,
        values: NDArray[Any] | None = None,
        stalls: Stalls = NO_STALLS,
        progress: Progress | None = None,
    ) -> Result:
        """Run a simulator that was built on this design against the golden model."""
        return self.design.bench(simulator, self.component, values, stalls, progress)

    def vectors(
        self, values: NDArray[Any] | None = None, seed: int = 0
    ) -> Vectors | ProgramVectors:
        """What goes in and what must come out, of a float tensor or of the built-in stimulus."""
        vectors = self.design.vectors(self.component, values, seed)
        if isinstance(vectors, ProgramVectors):
            return vectors
        if self.streams:
            vectors = axi_vectors(self.streams, vectors)
        if self.registers and self.design.bridge is not None:
            host = self.design.bridge(self.component, vectors.ends)
            vectors = replace(vectors, bridge=host)
        return vectors


def _keeps(shell: Shell | None) -> bool:
    """Whether a shell has inputs that may have tkeep."""
    return shell is not None and any(axis.may_be_partial for axis in shell.streams)
