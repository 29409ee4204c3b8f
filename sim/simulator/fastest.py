"""Simulators that compile the netlist, the faster one first."""

from .compiled import CompiledSimulator
from .cxxrtl import CxxrtlSimulator

__all__ = ["COMPILED", "fastest"]

COMPILED: dict[str, type[CompiledSimulator]] = {CxxrtlSimulator.name: CxxrtlSimulator}
"""Simulators by name. Verilator is none of them: version 5.006 computes wrong sums."""


def fastest() -> type[CompiledSimulator]:
    """The fastest; where none can run, CXXRTL's, which says what it lacks."""
    kinds = (kind for kind in COMPILED.values() if kind.available())
    return next(kinds, CxxrtlSimulator)
