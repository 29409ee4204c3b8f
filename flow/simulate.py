"""Simulation of a catalogue design on a simulator of choice."""

from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from ..sim.result import NO_STALLS, Result, Stalls
from ..sim.simulator.amaranth import AmaranthSimulator
from ..sim.simulator.cxxrtl import CxxrtlSimulator, compiler
from ..sim.simulator.linked import LinkedSimulator
from ..sim.simulator.simulator import Simulator
from ..sim.simulator.verilog import ICARUS, VERILATOR, run_verilog
from ..sim.simulator.waveform import Port
from .catalogue.catalogue import Variant
from .export.verilog import verilog

__all__ = [
    "SIMULATORS",
    "VERILOG_SIMULATORS",
    "cxxrtl_simulator",
    "default_simulator",
    "make_simulator",
    "simulate_verilog",
]

SIMULATORS = ("amaranth", "cxxrtl")
"""Simulators that run a bench, every cycle compared."""

VERILOG_SIMULATORS = {simulator.name: simulator for simulator in (ICARUS, VERILATOR)}
"""Simulators that run the Verilog that ships in its Verilog testbench, by name."""


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
        raise ValueError(
            f"{variant.top} has no cycle model: simulate it with stream or flat ports, or its "
            f"Verilog under {' or '.join(VERILOG_SIMULATORS)}"
        )
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


def simulate_verilog(
    variant: Variant, name: str, values: NDArray[Any] | None = None, stalls: Stalls = NO_STALLS
) -> Result:
    """Run the Verilog of a design in its testbench.

    Args:
        variant: the design.
        name: of ``VERILOG_SIMULATORS``.
        values: a float tensor to run on; None for the built-in stimulus.
        stalls: how the testbench stalls; its seed is also that of the built-in stimulus.

    Raises:
        RuntimeError: the simulator is not installed or does not accept the Verilog.
    """
    return run_verilog(
        verilog(variant),
        variant.top,
        variant.vectors(values, stalls.seed),
        stalls,
        clocking=variant.clock,
        links=variant.links,
        simulator=VERILOG_SIMULATORS[name],
    )
