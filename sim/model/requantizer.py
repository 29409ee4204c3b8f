"""Cycle model of the tile re-quantizer."""

from ...hdl.quantize.requantizer import Requantizer
from .outputs import Fork, Model, Straight
from .pipeline import BankPair, Pipeline
from .quantizer import lane_stages, search_stages

__all__ = ["requantizer_model"]


def requantizer_model(requantizer: Requantizer) -> Model:
    """Build the cycle model."""
    points, readers = requantizer.points, requantizer.readers
    registered = requantizer.storage == "memory"
    banks = BankPair(requantizer.tile, registered=registered, readers=len(readers), tile=True)
    before = search_stages(points)
    if not requantizer.both:
        return Straight(Pipeline(*before, banks, *lane_stages(points)))
    after = {reader: Pipeline(*lane_stages(points)) for reader in readers}
    return Fork(Pipeline(*before), banks, after)
