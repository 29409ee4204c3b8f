"""The register map of a design for programs in C and for people, from its one description."""

from ...hdl.register_map import DATA_BITS
from ..catalogue.variant import Variant
from .render import render

__all__ = ["register_files"]


def register_files(variant: Variant) -> dict[str, str]:
    """Text of ``<top>_regs.h`` and ``<top>_regs.md`` by name; empty without registers."""
    if not variant.registers:
        return {}
    top = variant.top
    context = {"top": top, "registers": variant.registers, "data_bits": DATA_BITS}
    return {
        f"{top}_regs.h": render(
            "regs.h", **context, prefix=top.upper(), guard=f"{top.upper()}_REGS_H"
        ),
        f"{top}_regs.md": render("regs.md", **context),
    }
