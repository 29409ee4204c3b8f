"""Names that people give to modules: identifiers that every tool takes.

Source: IEEE 1800, section 5.6 (identifiers) and annex B (keywords).
"""

import re
from importlib.resources import files

__all__ = ["KEYWORDS", "LONGEST", "check_name", "check_prefix"]

LONGEST = 63
"""Characters of a given name: the least of what synthesis and FPGA tools are known to take."""

KEYWORDS = frozenset(
    (files(__package__ or "") / "data" / "keywords.txt").read_text("utf-8").split()
)
"""Words of SystemVerilog that are no identifiers."""


def check_name(name: str) -> None:
    """Raise ValueError where a name can be none of a module in Verilog and SystemVerilog."""
    if len(name) > LONGEST:
        raise ValueError(
            f"name must have at most {LONGEST} characters, not {len(name)}: {name[:80]!r}"
        )
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(
            f"name must be letters, digits and underscores, no digit first, not {name!r}"
        )
    if name in KEYWORDS:
        raise ValueError(f"name must not be {name!r}, a keyword of SystemVerilog")


def check_prefix(prefix: str) -> None:
    """Raise ValueError where text cannot stand in front of a module's name."""
    if len(prefix) > LONGEST:
        raise ValueError(f"prefix must have at most {LONGEST} characters, not {len(prefix)}")
    if not re.fullmatch(r"([A-Za-z_]\w*)?", prefix, re.ASCII):
        raise ValueError(f"prefix must be letters, digits and underscores, not {prefix!r}")
