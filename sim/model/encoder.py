"""Cycle model of the encoder."""

from ...hdl.quantize.encoder import Encoder
from .pipeline import BankPair, Pipeline, Register

__all__ = ["encoder_model"]


def encoder_model(encoder: Encoder) -> Pipeline:
    """Build the cycle model of an encoder."""
    before = [Register() for point in encoder.points if point != "output"]
    banks = [BankPair(encoder.beats)] if encoder.beats > 1 else []
    return Pipeline(*before, *banks, Register())
