"""Cycle model of the tile re-quantizer."""

from ...hdl.quantize.lanes import LANE_POINTS
from ...hdl.quantize.requantizer import Requantizer
from .outputs import Fork, Model, Straight
from .pipeline import Pipeline, Register, Skid, TileBanks

__all__ = ["requantizer_model"]


def requantizer_model(requantizer: Requantizer) -> Model:
    """Build the cycle model."""
    places = requantizer.points
    before = [Register() for point in places if point not in LANE_POINTS]
    banks = TileBanks(requantizer.tile, requantizer.storage == "memory", len(requantizer.readers))
    after = {
        reader: [Skid() if p == "skid" else Register() for p in places if p in LANE_POINTS]
        for reader in requantizer.readers
    }
    if not requantizer.both:
        return Straight(Pipeline(*before, banks, *after["o"]))
    return Fork(Pipeline(*before), banks, {r: Pipeline(*stages) for r, stages in after.items()})
