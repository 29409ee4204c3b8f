"""The shipped hierarchy is the source's: every module has the ports that its component declares."""

import re
from typing import NamedTuple

import pytest
from amaranth.hdl import Fragment, MemoryInstance
from amaranth.lib import memory, wiring
from designs import SMALL, exported
from heads import Port, ports
from mxsf.flow.catalogue.catalogue import CATALOGUE, Variant, variant
from mxsf.flow.export.verilog import verilog
from mxsf.flow.netlist import module
from mxsf.hdl.ports import port_signals

OTHERS = [
    ("decoder", {"element": "e2m3+e2m1"}),
    ("encoder", {"block": 8}),
    ("encoder", {"block": 8, "lanes": 2, "stages": 4, "fabric": "fpga"}),
    ("encoder", {"block": 4, "reset": "async", "polarity": "low"}),
    ("product_sum", {"block": 4, "element": "int8"}),
    ("product_sum", {"block": 4, "element": "mx9", "fabric": "fpga"}),
    ("accumulator", {"block": 4, "fabric": "fpga", "interface": "axi"}),
    ("dot", {"block": 4, "lanes": 2, "outputs": 3, "fabric": "fpga", "element": "e5m2"}),
    ("dot", {"block": 4, "element": "mxsf,e4m3", "interface": "flat"}),
    ("requantizer", {"tile": 4, "rounding": "stochastic", "both": True, "fabric": "fpga"}),
    ("baseline", {"block": 4}),
    ("baseline", {"block": 4, "method": "window", "fabric": "fpga"}),
    ("matmul", {"tile": 4, "pes": 8, "depth": 8, "element": "e2m1", "fabric": "fpga"}),
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "element": "e2m1", "interface": "axi"}),
]


LONG = [pytest.param(*other, marks=pytest.mark.long) for other in OTHERS]


class Head(NamedTuple):
    """A module in Verilog: its ports in order, and its instances: (module, cell)."""

    ports: list[Port]
    cells: list[tuple[str, str]]


def heads(text: str) -> dict[str, Head]:
    """Every module of a Verilog file."""
    bodies = dict(re.findall(r"^module (\w+) \(\n(.*?)^endmodule", text, re.M | re.S))
    return {
        name: Head(declared, re.findall(r"^  (\w+) (\w+) \($", bodies[name], re.M))
        for name, declared in ports(text).items()
    }


class Source(NamedTuple):
    """A component as Amaranth elaborates it.

    Attributes:
        component: None for what declares no ports.
        stateful: whether it or what it contains has registers or memories.
        clocked: whether its clock comes from outside.
        inner: the components in it by their names.
    """

    component: wiring.Component | None
    stateful: bool
    clocked: bool
    inner: dict[str, "Source"]


def source(fragment: Fragment) -> Source:
    """The components of an elaborated design."""
    inner, stateful = {}, any(domain != "comb" for domain in fragment.statements)
    for part, name, _ in fragment.subfragments:
        below = source(part)
        stateful |= below.stateful or isinstance(part, MemoryInstance)
        more = below.inner if below.component is None else {name: below}
        assert not inner.keys() & more.keys()
        inner |= more
    components = [
        origin
        for origin in fragment.origins or ()
        if isinstance(origin, wiring.Component) and not isinstance(origin, memory.Memory)
    ]
    clocked = stateful and "sync" not in fragment.domains
    return Source(components[0] if components else None, stateful, clocked, inner)


def declared(part: Source) -> list[tuple[str, str, int]]:
    """Ports that a component's module must have: name, direction and width, in order.

    A port without bits is none in Verilog.
    """
    clock = [("clk", "input", 1), ("rst", "input", 1)] if part.clocked else []
    return clock + [
        (name, "input" if is_input else "output", len(signal))
        for name, (signal, is_input) in port_signals(part.component).items()
        if len(signal)
    ]


def differences(chosen: Variant, text: str) -> list[str]:
    """Modules of a design, by their places, that differ from their components."""
    modules = heads(text)
    seen, wrong = set(), []

    def compare(module: str, part: Source, path: str) -> None:
        seen.add(module)
        if modules[module].ports != declared(part):
            wrong.append(f"{path}: {modules[module].ports}")
        cells = {
            cell if cell in part.inner else cell.removesuffix("_2"): kind  # was a port's name too
            for kind, cell in modules[module].cells
            if kind in modules
        }
        if cells.keys() != part.inner.keys():
            wrong.append(f"{path} holds {sorted(cells.keys() ^ part.inner.keys())}")
        for cell in cells.keys() & part.inner.keys():
            compare(cells[cell], part.inner[cell], f"{path}.{cell}")

    compare(chosen.top, source(Fragment.get(chosen.outside, None)), chosen.top)
    assert seen == modules.keys()
    return wrong


def test_every_design_is_here():
    assert {name for name, _ in SMALL} == set(CATALOGUE)


@pytest.mark.parametrize(("name", "options"), [*SMALL, *LONG], ids=str)
def test_modules_have_the_ports_of_their_components(name, options):
    assert not differences(*exported(name, **options))


def test_catches_ports_in_another_order(monkeypatch):
    right = module.readable
    monkeypatch.setattr(module, "readable", lambda body, ports: right(body, ports[::-1]))
    design = variant("encoder", block=4, lanes=2)
    assert differences(design, verilog(design))


def test_catches_a_port_of_another_name(monkeypatch):
    wires = module._wires

    def renamed(component):
        return {f"{name}_0": end for name, end in wires(component).items()}

    monkeypatch.setattr(module, "_wires", renamed)
    design = variant("decoder")
    assert differences(design, verilog(design))
