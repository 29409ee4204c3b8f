"""C for the accelerator: its driver, networks on it, an example.

All are from the same descriptions as its registers.
"""

from ...golden.accelerator.configuration import BASES
from ...golden.accelerator.fault import Fault
from ...golden.accelerator.fields import SIZE, Opcode
from ..catalogue.variant import Variant
from .render import render

__all__ = ["driver_files"]

_TEMPLATES = ("driver.h", "driver.c", "network.h", "network.c", "example.c")

_FAULTS = {
    Fault.NONE: "no fault",
    Fault.OPCODE: "no such opcode, or start of sums",
    Fault.RESERVED: "a reserved bit of the descriptor is set",
    Fault.SIZE: "a size or a run is 0, or a LOAD has more tiles than the memory",
    Fault.OUTPUT: "no output, or one that this accelerator was made without",
    Fault.ALIGNMENT: "a plane of codes or words does not begin at a multiple of the bus",
    Fault.WINDOW: "a plane reaches out of the window",
    Fault.FETCH: "the bus refused to read a descriptor",
    Fault.READ: "the bus refused to read",
    Fault.WRITE: "the bus refused to write",
}


def driver_files(variant: Variant) -> dict[str, str]:
    """Text of C files by name; empty for other designs than the accelerator.

    ``mxsf_accelerator_driver.h`` and ``.c``; ``mxsf_accelerator_network.h`` and ``.c``, which run
    what ``mxsf embed`` writes; ``mxsf_accelerator_example.c``, a program that does so. They are the
    same for every accelerator, and need its register header.
    """
    if variant.design.name != "accelerator":
        return {}
    prefix = "mxsf_accelerator"
    context = {
        "header": f"{prefix}_regs.h",
        "driver": f"{prefix}_driver",
        "network": f"{prefix}_network",
        "size": SIZE,
        "bases": BASES,
        "opcodes": {opcode.name: opcode.value for opcode in Opcode},
        "faults": [_FAULTS[fault] for fault in Fault],
    }
    return {f"{prefix}_{name}": render(name, **context) for name in _TEMPLATES}
