"""The netlist that every simulator and every synthesis reads: RTLIL, a module a component.

Its hierarchy is that of the components, each module with the ports that its component declares,
in that order, behind clock and reset. Names read well in Verilog: no dots, no escapes.
"""

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .hierarchy import Hierarchy

__all__ = ["Netlist", "netlist"]

_PORT = re.compile(r"^  wire .*(?:input|output) \d+  (?:signed )?\\\S+$", re.M)


@dataclass(frozen=True)
class Netlist:
    """RTLIL text of a design.

    Attributes:
        top: name of the top module.
        text: the RTLIL of all modules, children first.
        instances: number of instances of each module below the top, merged modules counted once
            for each place where they stand.
        clock: name of the clock port, where there is one.
        titles: what each module is, from the first line of its component's documentation.
    """

    top: str
    text: str
    instances: dict[str, int]
    clock: str = "clk"
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def clocked(self) -> bool:
        """Whether the design has state, and with it a clock and a reset port."""
        top = self.text[self.text.index(f"module \\{self.top}\n") :]
        return re.search(rf"^  wire .*input \d+  \\{self.clock}$", top, re.M) is not None

    @property
    def only_wires(self) -> bool:
        """Whether the design computes nothing: there is no cell in it, and no choice."""
        return re.search(r"^ +(cell|switch) ", self.text, re.M) is None

    def without(self, concept: str) -> "Netlist":
        """The netlist with modules of a name as black boxes, which count nothing in synthesis.

        Raises:
            ValueError: there is no such module.
        """

        def empty(match: re.Match[str]) -> str:
            ports = "".join(f"{port[0]}\n" for port in _PORT.finditer(match[2]))
            return f"attribute \\blackbox 1\nmodule {match[1]}\n{ports}end"

        name = rf"^module (\\{self.top}__{re.escape(concept)}(?:_\d+)?)\n(.*?)^end$"
        text, count = re.subn(name, empty, self.text, flags=re.M | re.S)
        if not count:
            raise ValueError(f"{self.top} has no module {concept!r}")
        return replace(self, text=text)


def netlist(component: Any, top: str, clock: str = "clk") -> Netlist:
    """Convert a component to RTLIL, each distinct component in it once.

    Args:
        component: the Amaranth component; its ports become those of the top module.
        top: name of the top module.
        clock: name of its clock port, if it has one.
    """
    with _no_collection():
        hierarchy = Hierarchy(component, top)
    parts = [f"module \\{name}\n{body}" for name, body in hierarchy.modules.items()]
    parts[-1] = "attribute \\top 1\n" + parts[-1]
    return Netlist(top, "\n".join(parts), hierarchy.instances, clock, hierarchy.titles)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of objects live until the end: to look for garbage takes a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
