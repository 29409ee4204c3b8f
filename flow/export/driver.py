"""The C driver of the accelerator, from the same descriptions as its registers."""

from ...golden.accelerator.configuration import BASES
from ...golden.accelerator.fault import Fault
from ...golden.accelerator.fields import SIZE, Opcode
from ..catalogue.variant import Variant
from .render import render

__all__ = ["driver_files"]

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
    """Text of ``mxsf_accelerator_driver.h`` and ``.c`` by name; empty for other designs.

    They are the same for every accelerator, and need its register header.
    """
    if variant.design.name != "accelerator":
        return {}
    stem = "mxsf_accelerator_driver"
    context = {
        "header": "mxsf_accelerator_regs.h",
        "driver": stem,
        "size": SIZE,
        "bases": BASES,
        "opcodes": {opcode.name: opcode.value for opcode in Opcode},
        "faults": [_FAULTS[fault] for fault in Fault],
    }
    return {f"{stem}.{end}": render(f"driver.{end}", **context) for end in "hc"}
