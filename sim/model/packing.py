"""Cycle model of packing."""

from ...hdl.packing import Pack, Unpack
from .pipeline import Pipeline, Register

__all__ = ["packing_model"]


def packing_model(component: Pack | Unpack) -> Pipeline:
    """Build the cycle model."""
    return Pipeline(*(Register() for _ in component.points))
