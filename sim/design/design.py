"""A design: what the catalogue and the command line know of it. Each lives beside its bench."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...hdl.interface.axi import AxiShell
from ...hdl.interface.shell import Shell
from ..result import Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.program_vectors import ProgramVectors
from ..stimulus.stimulus import Stimulus
from ..stimulus.vectors import Bridge, Vectors, stream_vectors
from .packet import Packets
from .parameter import Parameter

__all__ = ["BEAT", "BLOCK_OF_BEATS", "Bench", "Design", "LatencyWords", "one_stream"]

Bench = Callable[[Simulator, Any, NDArray[Any] | None, Stalls, Progress | None], Result]
"""Runs a simulator that was built on a component against the golden model.

It takes the simulator, the component, the values of a tensor or None for the built-in stimulus,
how to stall, and what to call with the number of beats received.
"""

LatencyWords = tuple[str, str]
"""What a latency counts: two lines after "cycles from the transfer"."""

BLOCK_OF_BEATS: LatencyWords = (
    "of a block's last input beat to",
    "valid of its first output beat; one beat a cycle. A block takes {beats}.",
)
"""The latency of designs that take blocks."""

BEAT: LatencyWords = (
    "of a beat to valid of the",
    "beat that comes of it; one beat a cycle.",
)
"""The latency of designs in which each beat stands for itself."""


@dataclass(frozen=True)
class Design:
    """A design.

    Its component has each parameter as an attribute, with the value that it was built with, and,
    where it has streams, its ``latency`` in cycles; where a block takes several beats, ``beats``.

    Args:
        name: what the command line calls it.
        title: one line for people.
        parameters: in the order in which they appear in names.
        build: makes the component; takes the parameters as keywords.
        bench: see ``Bench``.
        vectors: what goes in and what must come out: (component, values of a tensor or None, seed).
        latency: what its latency counts; None for a design with state that has no such number.
        packets: what becomes of its beats, where it has streams: (component).
        axi: makes the shell with AXI ports: (component, name of its module, clock and reset), and
            ``keep``, whether inputs with arrays have tkeep.
        bridge: the host that a testbench needs where the AXI shell has registers: (component,
            outputs that the testbench looks at).
        idle: parameters that have no effect on a component, each with the reason: (component).
        interfaces: names of the interfaces that it can have, the default first.
        reference: the golden answer of a combinational design, as the text of a Verilog module
            ``golden`` with its ports, for a proof: (component).
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]
    bench: Bench
    vectors: Callable[[Any, NDArray[Any] | None, int], Vectors | ProgramVectors]
    latency: LatencyWords | None = BLOCK_OF_BEATS
    packets: Callable[[Any], Packets] | None = None
    axi: Callable[..., Shell] = AxiShell
    bridge: Callable[[Any, Collection[str]], Bridge] | None = None
    reference: Callable[[Any], str] | None = None
    idle: Callable[[Any], Mapping[str, str]] = lambda component: {}
    interfaces: tuple[str, ...] = ("stream", "flat", "axi")

    def takes(self, name: str) -> bool:
        """Whether there is a parameter of a name."""
        return any(parameter.name == name for parameter in self.parameters)


def one_stream(
    case: Callable[[Any, NDArray[Any] | None, int], Stimulus],
) -> Callable[[Any, NDArray[Any] | None, int], Vectors]:
    """Vectors of a design whose only output is ``o``, from its stimulus."""
    return lambda component, values, seed: stream_vectors({"o": case(component, values, seed)})
