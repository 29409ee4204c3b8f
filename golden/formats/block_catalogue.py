"""The named block formats: shared microexponents and their forerunner MSFP, OCP's, and NVFP4.

MX9, MX6 and MX4 are two-level blocks: 16 elements share an exponent, each pair a microexponent.
Source: docs/numerics.md section 7; Darvish Rouhani et al., ISCA 2023 (arXiv 2302.08007). MSFP:
Darvish Rouhani et al., NeurIPS 2020. OCP Microscaling Formats v1.0 section 5.3: 32 elements, E8M0.
NVFP4: docs/numerics.md section 10.
"""

from .block import BlockFormat, Rounding
from .catalogue import E2M1, E2M3, E3M2, E4M3, E5M2, INT8, parse
from .element import ElementFormat
from .factor import Factor
from .quotient_rule import QuotientRule
from .scale import UE4M3

__all__ = [
    "BLOCK_FORMATS",
    "MSFP12",
    "MSFP16",
    "MX4",
    "MX6",
    "MX9",
    "MXFP4",
    "MXFP6_E2M3",
    "MXFP6_E3M2",
    "MXFP8_E4M3",
    "MXFP8_E5M2",
    "MXINT8",
    "NVFP4",
    "parse_format",
]


def _format(name: str, bits: int, micro: tuple[int, int] | None) -> BlockFormat:
    """Blocks of 16 sign-magnitude integers of some magnitude bits, the largest just below 2."""
    element = ElementFormat(f"e0m{bits}", 0, bits, bias=bits - 1)
    return BlockFormat(element, (1, 16), rounding=Rounding.HALF_AWAY, micro=micro, name=name)


MX9, MX6, MX4 = (_format(f"mx{bits + 2}", bits, (1, 2)) for bits in (7, 4, 2))
MSFP16, MSFP12 = (_format(f"msfp{bits + 9}", bits, None) for bits in (7, 3))

MXFP8_E4M3 = BlockFormat(E4M3, name="mxfp8_e4m3")
MXFP8_E5M2 = BlockFormat(E5M2, name="mxfp8_e5m2")
MXFP6_E3M2 = BlockFormat(E3M2, name="mxfp6_e3m2")
MXFP6_E2M3 = BlockFormat(E2M3, name="mxfp6_e2m3")
MXFP4 = BlockFormat(E2M1, name="mxfp4")
MXINT8 = BlockFormat(INT8, name="mxint8")
NVFP4 = BlockFormat(
    E2M1, (1, 16), QuotientRule.NEAREST, scale=UE4M3, factor=Factor.AMAX, name="nvfp4"
)

BLOCK_FORMATS: dict[str, BlockFormat] = {
    f.name: f
    for f in (
        *(MX9, MX6, MX4, MSFP16, MSFP12),
        *(MXFP8_E4M3, MXFP8_E5M2, MXFP6_E3M2, MXFP6_E2M3, MXFP4, MXINT8, NVFP4),
    )
}


def parse_format(name: str) -> ElementFormat | BlockFormat:
    """Return the block format of that name, or else the element format (``catalogue.parse``).

    Raises:
        TypeError: the name is no string.
        ValueError: no such format.

    >>> parse_format("mx9") is MX9
    True
    """
    known = BLOCK_FORMATS.get(name.strip().lower()) if isinstance(name, str) else None
    return parse(name) if known is None else known
