"""Accelerators in a system that Verilator compiled, once a process."""

from functools import cache

from designs import exported
from mxsf.sim.interface.system import System


@cache
def compiled_system(**options):
    """An accelerator, and its Verilog with a memory and a host."""
    design, text = exported("accelerator", **options)
    return design.component, System(text, design.component, design.top, design.clock)
