"""Which of the simulators that compile a netlist this machine can run, the faster one first."""

from .compiled import CompiledSimulator
from .cxxrtl import CxxrtlSimulator
from .verilated import VerilatedSimulator

__all__ = ["COMPILED", "fastest"]

COMPILED: dict[str, type[CompiledSimulator]] = {
    simulator.name: simulator for simulator in (VerilatedSimulator, CxxrtlSimulator)
}
"""Simulators by name: Verilator's compiles engines in two thirds of the time, and runs faster."""


def fastest() -> type[CompiledSimulator]:
    """The fastest; where none can run, CXXRTL's, which says what it lacks."""
    kinds = (kind for kind in COMPILED.values() if kind.available())
    return next(kinds, CxxrtlSimulator)
