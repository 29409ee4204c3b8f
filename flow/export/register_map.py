"""The register map of a design for programs in C and for people, from its one description."""

from ...hdl.register_map import DATA_BITS
from ..catalogue.variant import Variant
from .render import render

__all__ = ["register_files"]


def register_files(variant: Variant) -> dict[str, str]:
    """Text of ``mxsf_<design>_regs.h`` and ``<top>_regs.md`` by name; empty without registers.

    The header is that of every variant of the design, so that one driver serves all of them; the
    page is that of this one.
    """
    if not variant.registers:
        return {}
    version = next(r.constant or 0 for r in variant.registers if r.name == "version")
    stem = f"mxsf_{variant.design.name}"
    header = render(
        "regs.h",
        design=variant.design.name,
        prefix=stem.upper(),
        registers=variant.registers,
        built=[register.name for register in variant.registers if register.built],
        version=f"{version >> 16}.{version & 0xFFFF}",
    )
    page = render(
        "regs.md",
        top=variant.top,
        header=f"{stem}_regs.h",
        registers=variant.registers,
        data_bits=DATA_BITS,
    )
    return {f"{stem}_regs.h": header, f"{variant.top}_regs.md": page}
