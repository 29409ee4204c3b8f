"""Cycle model of the dot product."""

from ...hdl.dot.dot import Dot
from .accumulator import accumulator_stages
from .pipeline import Pipeline, Register, Skid

__all__ = ["dot_model"]


def dot_model(component: Dot) -> Pipeline:
    """Build the cycle model."""
    products = (Register() for _ in component.product_sum.points)
    skid = [Skid(), Register()] if "skid" in component.points else []
    return Pipeline(*products, *skid, *accumulator_stages(component.accumulator))
