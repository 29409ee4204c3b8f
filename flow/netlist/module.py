"""One component as one RTLIL module: its declared ports, and instances of what it contains."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from amaranth.back import rtlil
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Const,
    Fragment,
    Instance,
    MemoryInstance,
    ResetInserter,
    ResetSignal,
    Signal,
)
from amaranth.lib import memory, wiring

from ...hdl.ports import port_signals
from .text import ports_of, readable

__all__ = ["Child", "Kind", "Module", "Outline"]

_CHILD = "mxsf.child"  # attribute of the fragment that stands for one


class Kind(NamedTuple):
    """How the registers of a component are reset, beside what it says itself.

    Attributes:
        asynchronous: its reset acts without a clock edge.
        cleared: a parent resets it as well, on the next clock edge, which an asynchronous reset
            cannot carry: it has a port ``sync_rst`` of its own for that.
    """

    asynchronous: bool = False
    cleared: bool = False


class Child(NamedTuple):
    """A component where it stands in its parent.

    Attributes:
        component: the component.
        cell: name of its instance.
        domain: the parent's clock domain in which its registers are.
        reset: a signal of the parent that resets it there.
        controls: statements that set ``reset`` where something beside the domain does.
    """

    component: Any
    cell: str
    domain: str
    reset: Signal
    controls: list[Any]


class Outline(NamedTuple):
    """What a parent must know of a module to hold an instance of it.

    Attributes:
        name: its name.
        clocked: whether it has a clock and a reset in front of the declared ports.
        cleared: whether a port ``sync_rst`` follows them.
    """

    name: str
    clocked: bool
    cleared: bool


class Module:
    """A component, elaborated without the components in it.

    Elaboratables that declare no ports, such as Amaranth's FIFOs and plain modules, become part
    of the component.

    Args:
        component: the component.
        kind: how it is reset.

    Attributes:
        children: the components in it.
        asynchronous: whether the reset inside acts without a clock edge.
        signals: after ``convert``: the signals in it that are no ports, neither its own nor those
            of a child.
    """

    def __init__(self, component: Any, kind: Kind):
        self._component, self._kind = component, kind
        self._clear = Signal(name="sync_rst")
        self._fragment = Fragment()
        self.children: list[Child] = []
        self.signals: list[Signal] = []
        with _children_stand_in(component):
            whole = Fragment.get(component, None)
        if kind.cleared:
            whole = ResetInserter(self._clear)(whole)
        self._fragment.add_domains(*whole.domains.values())
        self._absorb(whole)
        own = whole.domains.get("sync")
        self.asynchronous = kind.asynchronous if own is None else own.async_reset

    def _absorb(self, fragment: Fragment) -> None:
        """Take over statements, memories and children of a fragment."""
        for domain, statements in fragment.statements.items():
            self._fragment.add_statements(domain, *statements)
        for number, (part, name, _) in enumerate(fragment.subfragments):
            child = part.attrs.get(_CHILD)
            if child is not None:
                ((domain, statements),) = part.statements.items()
                cell = name or f"{type(child.component).__name__.lower()}_{number}"
                if not _drives(statements[0], child):
                    raise NotImplementedError(f"{cell} cannot stand in an EnableInserter")
                if cell in _wires(child.component):
                    cell += "_2"  # a port that hides the instance outside, which lint tools mind
                here = child._replace(cell=cell, domain=domain, controls=list(statements[1:]))
                self.children.append(here)
            elif type(part) is not Fragment:
                self._fragment.add_subfragment(part, name)
            elif part.domains:
                raise NotImplementedError(f"{name} has clock domains but declares no ports")
            else:
                self._absorb(part)

    def kind_of(self, child: Child) -> Kind:
        """How a child is reset."""
        return Kind(self.asynchronous, self.asynchronous and bool(child.controls))

    def convert(self, outlines: Sequence[Outline]) -> tuple[str, bool]:
        """Convert it, once.

        Args:
            outlines: of the modules of the children.

        Returns:
            RTLIL from the line after the module's name on; whether it has clock and reset.
        """
        fragment = self._fragment
        clocked = "sync" not in fragment.domains and (
            any(domain != "comb" for domain in fragment.statements)
            or any(isinstance(part, MemoryInstance) for part, *_ in fragment.subfragments)
            or any(outline.clocked for outline in outlines)
        )
        ports: dict[str, Signal] = {}
        if clocked:
            domain = ClockDomain("sync", async_reset=self._kind.asynchronous)
            fragment.add_domains(domain)
            assert domain.rst is not None
            ports = {"clk": domain.clk, "rst": domain.rst}
            if self._kind.cleared:
                ports["sync_rst"] = self._clear
        declared = _wires(self._component)
        if both := ports.keys() & declared.keys():
            raise ValueError(f"{type(self._component).__name__} has a port {both.pop()} of its own")
        ports |= {name: signal for name, (signal, _) in declared.items()}
        for child, outline in zip(self.children, outlines, strict=True):
            fragment.add_subfragment(self._instance(child, outline), child.cell)
        text = self._emit(ports)
        wrong = [
            name
            for name, is_input in ports_of(text).items()
            if name in declared and is_input != declared[name][1]
        ]
        if wrong:  # nothing drives it: its initial value does
            for name in wrong:
                signal, is_input = declared[name]
                if is_input:
                    raise ValueError(f"{type(self._component).__name__} drives its input {name}")
                fragment.add_statements("comb", signal.eq(Const(signal.init, signal.shape())))
            for part, *_ in fragment.subfragments:
                part.domains.clear()  # they got the module's own, which it would rename now
            text = self._emit(ports)
        return readable(text, list(ports)), clocked

    def _instance(self, child: Child, outline: Outline) -> Instance:
        """The instance of a child's module."""
        ends: list[tuple[str, str, Any]] = []
        if outline.clocked:
            reset: Any = ResetSignal(child.domain)
            if child.controls:
                first = 0 if outline.cleared else reset
                self._fragment.add_statements("comb", child.reset.eq(first), *child.controls)
            ends = [("i", "clk", ClockSignal(child.domain))]
            if outline.cleared:
                ends += [("i", "rst", reset), ("i", "sync_rst", child.reset)]
            else:
                ends += [("i", "rst", child.reset if child.controls else reset)]
        for name, (signal, is_input) in _wires(child.component).items():
            ends.append(("i" if is_input else "o", name, signal))
        return Instance(outline.name, *ends)

    def _emit(self, ports: dict[str, Signal]) -> str:
        """RTLIL of the fragment, a child's ports named after its instance."""

        def missing(domain: str) -> None:
            raise ValueError(f"{type(self._component).__name__} has no clock domain {domain}")

        ends = {name: (signal, None) for name, signal in ports.items()}
        design = self._fragment.prepare(ends, hierarchy=("module",), missing_domain=missing)
        outer = {id(signal) for signal in ports.values()}
        wishes = {}
        for child in self.children:
            links = {name: signal for name, (signal, _) in _wires(child.component).items()}
            for name, signal in {"rst": child.reset, **links}.items():
                wishes.setdefault(id(signal), f"{child.cell}_{name}")
        _name(design, ports.keys(), {key: wish for key, wish in wishes.items() if key not in outer})
        outer |= wishes.keys()
        self.signals = [s for s in design.signal_lca if len(s) and id(s) not in outer]
        text, _ = rtlil.convert_fragment(design, name="module", emit_src=False)
        _, _, body = text.partition("module \\module\n")
        if "\nmodule " in body:
            raise NotImplementedError(f"more than a module of {type(self._component).__name__}")
        return body


def _name(design: Any, ports: Collection[str], wishes: dict[int, str]) -> None:
    """Name what is in a prepared module: instances as in the source, signals as they wish.

    Args:
        design: the module.
        ports: names of its ports, which stay.
        wishes: names of signals by their id; the others keep theirs.
    """
    taken = set(ports)
    for part, name, _ in design.fragment.subfragments:
        info = design.fragments[part]
        if name is not None and name not in taken:
            info.name = (*info.name[:-1], name)
        taken.add(info.name[-1])
    names = design.fragments[design.fragment].signal_names
    for signal, name in list(names.items()):
        if name in ports and id(signal) not in wishes:
            continue
        wish = wishes.get(id(signal), name)
        names[signal] = wish if wish not in taken else f"{wish}${len(taken)}"
        taken.add(names[signal])


def _wires(component: Any) -> dict[str, tuple[Signal, bool]]:
    """Ports of a component that have any bits: (signal, whether it is an input)."""
    return {name: end for name, end in port_signals(component).items() if len(end[0])}


def _drives(statement: Any, child: Child) -> bool:
    """Whether a statement is the one of a child's stand-in, and not a condition around it."""
    return getattr(statement, "lhs", None) is child.reset


@contextmanager
def _children_stand_in(whole: Any) -> Iterator[None]:
    """Let Amaranth elaborate a component with a fragment in place of each component in it.

    Such a fragment has one register, so that each ``ResetInserter`` around the component leaves
    its control in the fragment, and each ``DomainRenamer`` its domain.
    """
    get = Fragment.get

    def stand_in(value: Any, platform: Any) -> Fragment:
        inner = isinstance(value, wiring.Component) and not isinstance(value, memory.Memory)
        if value is whole or not inner:
            return get(value, platform)
        fragment, reset = Fragment(), Signal(init=1, name="rst")
        fragment.add_statements("sync", reset.eq(0))
        fragment.attrs[_CHILD] = Child(value, "", "sync", reset, [])
        return fragment

    Fragment.get = staticmethod(stand_in)
    try:
        yield
    finally:
        Fragment.get = staticmethod(get)
