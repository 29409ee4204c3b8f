"""All modules of a design: each distinct component is elaborated and converted once."""

import inspect
import re
from collections import Counter
from collections.abc import Hashable
from typing import Any

from amaranth.hdl import Elaboratable, Fragment

from ...hdl.ports import port_signals
from .module import Kind, Module, Outline
from .state import State

__all__ = ["Hierarchy"]


class Hierarchy:
    """The modules of a design.

    Components of equal state share a module, and so do those whose modules have equal text.

    Args:
        component: the top.
        top: name of its module. The others are called ``<top>__<concept>`` after their instances,
            numbered where different modules share a concept.

    Attributes:
        modules: RTLIL of each module after its name, children first.
        instances: number of instances of each module below the top.
        titles: first line of the documentation of each module's component.

    Raises:
        ValueError: a component uses a signal of another one that is no port of it.
    """

    def __init__(self, component: Any, top: str):
        self._top = top
        self._by_state: dict[Hashable, Outline] = {}
        self._by_text: dict[str, str] = {}
        self._taken: Counter[str] = Counter()
        self._within: dict[str, Counter[str]] = {}  # the instances in each module
        self._alive: list[Any] = []  # what is known by its id
        self._homes: dict[int, Any] = {}  # of signals that are no ports: the component
        self._ports: set[int] = set()
        self.modules: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self._outline(component, None, Kind())
        strays = self._ports & self._homes.keys()
        if strays:
            home = self._homes[strays.pop()]
            raise ValueError(f"{type(home).__name__} uses a port of what it does not contain")
        self.instances = dict(self._count(top))

    def _outline(self, component: Any, concept: str | None, kind: Kind) -> Outline:
        """The module of a component, converted where there is none yet."""
        state = State(component)
        self._alive.append(state)
        self._ports |= {id(signal) for signal, _ in port_signals(component).values()}
        key = (state.key, kind)
        if key in self._by_state:
            for part in state.parts:
                _mark_used(part)
        else:
            self._by_state[key] = self._convert(component, concept, kind)
        return self._by_state[key]

    def _convert(self, component: Any, concept: str | None, kind: Kind) -> Outline:
        module = Module(component, kind)
        outlines = [
            self._outline(child.component, _concept(child.cell), module.kind_of(child))
            for child in module.children
        ]
        text, clocked = module.convert(outlines)
        self._settle_signals(module, component)
        name = self._top if concept is None else self._by_text.get(text)
        if name is None:
            self._taken[str(concept)] += 1
            number = self._taken[str(concept)]
            name = f"{self._top}__{concept}" + (f"_{number}" if number > 1 else "")
            self._by_text[text] = name
        if name not in self.modules:
            self.modules[name] = text
            self.titles[name] = _title(component)
            self._within[name] = Counter(outline.name for outline in outlines)
        return Outline(name, clocked, clocked and kind.cleared)

    def _settle_signals(self, module: Module, component: Any) -> None:
        """Note where signals are, each in one component."""
        self._alive.append(module)
        for signal in module.signals:
            home = self._homes.setdefault(id(signal), component)
            if home is not component:
                users = " and ".join(type(user).__name__ for user in (home, component))
                raise ValueError(f"{users} share the signal {signal.name}, which is no port")

    def _count(self, name: str) -> Counter[str]:
        """Instances of each module below one."""
        counts: Counter[str] = Counter()
        for child, times in self._within[name].items():
            counts[child] += times
            for inner, number in self._count(child).items():
                counts[inner] += times * number
        return counts


def _concept(cell: str) -> str:
    """What an instance is, without its number and what Verilog would escape."""
    return re.sub(r"\W+", "_", re.sub(r"_\d+$", "", cell), flags=re.ASCII)


def _title(component: Any) -> str:
    """First line of a component's documentation as plain text."""
    line = (inspect.getdoc(type(component)) or "").partition("\n")[0]
    return line.replace("``", "")


def _mark_used(part: Elaboratable) -> None:
    """Tell Amaranth that a component has its use although it is not elaborated."""
    vars(part)["elaborate"] = lambda platform: Fragment()
    try:
        Fragment.get(part, None)
    finally:
        del vars(part)["elaborate"]
