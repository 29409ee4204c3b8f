"""Simulation of a catalogue design on an engine of choice."""

from pathlib import Path
from typing import Literal

from ..sim.cxxrtl import CxxrtlEngine, compiler
from ..sim.engine import AmaranthEngine, Engine
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
        ValueError: no such engine.
        RuntimeError: the engine needs a compiler that is not there.
    """
    if name == "amaranth":
        return AmaranthEngine(variant.component, clocked=variant.clocked, vcd=vcd)
    if name == "cxxrtl":
        return cxxrtl_engine(variant, vcd, optimise=optimise)
    raise ValueError(f"unknown engine {name!r}: use {' or '.join(ENGINES)}")


def cxxrtl_engine(
    variant: Variant, vcd: Path | None = None, *, optimise: Literal[0, 1, 2] = 1
) -> CxxrtlEngine:
    """Compile the merged netlist of a design; see ``CxxrtlEngine`` for ``optimise``.

    The reset is a port where it is active low: such a design starts in reset.
    """
    ports = [Port(name, width, is_input) for name, (width, is_input) in variant.ports.items()]
    design, clocking = variant.netlist, variant.clocking
    if clocking.active_low and variant.clocked:
        ports.append(Port(clocking.reset, 1, True))
    return CxxrtlEngine(
        design.text,
        design.top,
        ports,
        clocked=variant.clocked,
        clock=clocking.clock,
        vcd=vcd,
        optimise=optimise,
    )
