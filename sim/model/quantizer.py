"""Registers of the parts that encoder and re-quantizer have in common."""

from collections.abc import Sequence

from ...hdl.quantize.lanes import LANE_POINTS
from ...hdl.quantize.search import SEARCH_POINTS
from .pipeline import Register, Skid, Stage

__all__ = ["lane_stages", "search_stages"]


def search_stages(points: Sequence[str]) -> list[Stage]:
    """Registers before the block is held."""
    return [Register() for point in points if point in SEARCH_POINTS]


def lane_stages(points: Sequence[str]) -> list[Stage]:
    """Registers after it, and perhaps a skid buffer."""
    return [Skid() if point == "skid" else Register() for point in points if point in LANE_POINTS]
