"""Cycle model of the product sum."""

from ...hdl.dot.product_sum import ProductSum
from .pipeline import Pipeline, Register

__all__ = ["product_sum_model"]


def product_sum_model(component: ProductSum) -> Pipeline:
    """Build the cycle model of a product sum."""
    return Pipeline(*(Register() for _ in component.points))
