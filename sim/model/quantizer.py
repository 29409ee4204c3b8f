"""Registers of the parts that encoder and re-quantizer have in common."""

from collections.abc import Sequence

from ...hdl.quantize.lanes import LANE_POINTS
from ...hdl.quantize.search import SEARCH_POINTS
from .pipeline import Register, Skid, Stage

__all__ = ["lane_stages", "search_stages"]


def search_stages(points: Sequence[str]) -> list[Stage]:
    """Registers and skid buffers before the block is held."""
    return [_stage(point) for point in points if point in SEARCH_POINTS]


def lane_stages(points: Sequence[str]) -> list[Stage]:
    """Those after it."""
    return [_stage(point) for point in points if point in LANE_POINTS]


def _stage(point: str) -> Stage:
    return Skid() if point.endswith("skid") else Register()
