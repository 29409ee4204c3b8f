"""Simulation of a catalogue design on a simulator of choice."""

from pathlib import Path
from typing import Literal

from ..sim.simulator.amaranth import AmaranthSimulator
from ..sim.simulator.cxxrtl import CxxrtlSimulator, compiler
from ..sim.simulator.linked import LinkedSimulator
from ..sim.simulator.simulator import Simulator
from ..sim.simulator.waveform import Port
from .catalogue.catalogue import Variant

__all__ = ["SIMULATORS", "cxxrtl_simulator", "default_simulator", "make_simulator"]

SIMULATORS = ("amaranth", "cxxrtl")


def default_simulator() -> str:
    """Name of the fastest simulator that this machine can run."""
    return "cxxrtl" if compiler() else "amaranth"


def make_simulator(
    variant: Variant, name: str, vcd: Path | None = None, *, optimise: Literal[1, 2] = 1
) -> Simulator:
    """Build a simulator on a design.

    Args:
        variant: the design.
        name: ``"amaranth"`` or ``"cxxrtl"``.
        vcd: waveform file to write; Amaranth's has all inner signals, CXXRTL's the ports.
        optimise: see ``CxxrtlSimulator``.

    Raises:
        ValueError: no such simulator, or a design whose ports have no cycle model.
        RuntimeError: the simulator needs a compiler that is not there.
    """
    shell = variant.shell
    if shell is not None and not shell.transparent:
        raise ValueError(f"{variant.top} has no cycle model: simulate it with stream or flat ports")
    if name == "amaranth":
        simulator: Simulator = AmaranthSimulator(variant.outside, vcd=vcd)
    elif name == "cxxrtl":
        simulator = cxxrtl_simulator(variant, vcd, optimise=optimise)
    else:
        raise ValueError(f"unknown simulator {name!r}: use {' or '.join(SIMULATORS)}")
    if shell is None:
        return simulator
    return LinkedSimulator(simulator, variant.links, variant.clock)


def cxxrtl_simulator(
    variant: Variant, vcd: Path | None = None, *, optimise: Literal[1, 2] = 1
) -> CxxrtlSimulator:
    """Compile the merged netlist of a design; see ``CxxrtlSimulator`` for ``optimise``."""
    ports = [Port(name, width, is_input) for name, (width, is_input) in variant.ports.items()]
    if variant.shell is not None and variant.clock is not None:
        ports.append(Port(variant.clock.reset, 1, True))
    design = variant.netlist
    return CxxrtlSimulator(
        design.text,
        design.top,
        ports,
        clocked=variant.clocked,
        clock=design.clock,
        vcd=vcd,
        optimise=optimise,
    )
