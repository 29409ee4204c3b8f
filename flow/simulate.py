"""Simulation of a catalogue design on an engine of choice."""

from pathlib import Path
from typing import Literal

from ..hdl.axi import AxiShell
from ..sim.cxxrtl import CxxrtlEngine, compiler
from ..sim.engine import AmaranthEngine, Engine
from ..sim.linked import LinkedEngine
from ..sim.waveform import Port
from .catalogue import Variant

__all__ = ["ENGINES", "cxxrtl_engine", "default_engine", "make_engine"]

ENGINES = ("amaranth", "cxxrtl")


def default_engine() -> str:
    """Name of the fastest engine that this machine can run."""
    return "cxxrtl" if compiler() else "amaranth"


def make_engine(
    variant: Variant, name: str, vcd: Path | None = None, *, optimise: Literal[0, 1, 2] = 1
) -> Engine:
    """Build an engine on a design.

    Args:
        variant: the design.
        name: ``"amaranth"`` or ``"cxxrtl"``.
        vcd: waveform file to write; Amaranth's has all inner signals, CXXRTL's the ports.
        optimise: see ``CxxrtlEngine``.

    Raises:
        ValueError: no such engine, or a design whose ports have no cycle model.
        RuntimeError: the engine needs a compiler that is not there.
    """
    if isinstance(variant.outside, AxiShell):
        raise ValueError(f"{variant.top} has no cycle model: simulate it with stream or flat ports")
    if name == "amaranth":
        engine: Engine = AmaranthEngine(variant.outside, clocked=variant.clocked, vcd=vcd)
    elif name == "cxxrtl":
        engine = cxxrtl_engine(variant, vcd, optimise=optimise)
    else:
        raise ValueError(f"unknown engine {name!r}: use {' or '.join(ENGINES)}")
    if variant.outside is variant.component:
        return engine
    return LinkedEngine(engine, variant.links, variant.clock)


def cxxrtl_engine(
    variant: Variant, vcd: Path | None = None, *, optimise: Literal[0, 1, 2] = 1
) -> CxxrtlEngine:
    """Compile the merged netlist of a design; see ``CxxrtlEngine`` for ``optimise``."""
    ports = [Port(name, width, is_input) for name, (width, is_input) in variant.ports.items()]
    if variant.outside is not variant.component and variant.clock is not None:
        ports.append(Port(variant.clock.reset, 1, True))
    design = variant.netlist
    return CxxrtlEngine(
        design.text,
        design.top,
        ports,
        clocked=variant.clocked,
        clock=design.clock,
        vcd=vcd,
        optimise=optimise,
    )
