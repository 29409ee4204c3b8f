"""Block formats of the shared-microexponents family, and of its forerunner MSFP.

MX9, MX6 and MX4 are two-level blocks: 16 elements share an exponent, each pair a microexponent.
Source: docs/numerics.md section 7; Darvish Rouhani et al., ISCA 2023 (arXiv 2302.08007). MSFP:
Darvish Rouhani et al., NeurIPS 2020.
"""

from .block import BlockFormat, Rounding
from .formats import ElementFormat

__all__ = ["BLOCK_FORMATS", "MSFP12", "MSFP16", "MX4", "MX6", "MX9"]


def _format(bits: int, micro: tuple[int, int] | None) -> BlockFormat:
    """Blocks of 16 sign-magnitude integers of some magnitude bits, the largest just below 2."""
    element = ElementFormat(f"e0m{bits}", 0, bits, bias=bits - 1)
    return BlockFormat(element, (1, 16), rounding=Rounding.HALF_AWAY, micro=micro)


MX9, MX6, MX4 = (_format(bits, (1, 2)) for bits in (7, 4, 2))
MSFP16, MSFP12 = (_format(bits, None) for bits in (7, 3))

BLOCK_FORMATS: dict[str, BlockFormat] = {
    "mx9": MX9,
    "mx6": MX6,
    "mx4": MX4,
    "msfp16": MSFP16,
    "msfp12": MSFP12,
}
