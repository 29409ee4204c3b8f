"""Block formats of the shared-microexponents family, and of its forerunner MSFP.

MX9, MX6 and MX4 are two-level blocks: 16 elements share an exponent, each pair a microexponent.
Source: docs/numerics.md section 7; Darvish Rouhani et al., ISCA 2023 (arXiv 2302.08007). MSFP:
Darvish Rouhani et al., NeurIPS 2020.
"""

from .block import BlockFormat, Rounding
from .catalogue import parse
from .element import ElementFormat

__all__ = ["BLOCK_FORMATS", "MSFP12", "MSFP16", "MX4", "MX6", "MX9", "parse_format"]


def _format(name: str, bits: int, micro: tuple[int, int] | None) -> BlockFormat:
    """Blocks of 16 sign-magnitude integers of some magnitude bits, the largest just below 2."""
    element = ElementFormat(f"e0m{bits}", 0, bits, bias=bits - 1)
    return BlockFormat(element, (1, 16), rounding=Rounding.HALF_AWAY, micro=micro, name=name)


MX9, MX6, MX4 = (_format(f"mx{bits + 2}", bits, (1, 2)) for bits in (7, 4, 2))
MSFP16, MSFP12 = (_format(f"msfp{bits + 9}", bits, None) for bits in (7, 3))

BLOCK_FORMATS: dict[str, BlockFormat] = {f.name: f for f in (MX9, MX6, MX4, MSFP16, MSFP12)}


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
