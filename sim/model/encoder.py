"""Cycle model of the encoder."""

from ...hdl.quantize.encoder import Encoder
from .pipeline import BankPair, Pipeline
from .quantizer import lane_stages, search_stages

__all__ = ["encoder_model"]


def encoder_model(encoder: Encoder) -> Pipeline:
    """Build the cycle model of an encoder."""
    held = BankPair(encoder.beats, registered=encoder.storage == "memory")
    banks = [held] if encoder.beats > 1 else []
    return Pipeline(*search_stages(encoder.points), *banks, *lane_stages(encoder.points))
