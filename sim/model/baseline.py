"""Cycle model of the BF16 baselines."""

from ...hdl.baseline.baseline import Baseline
from .pipeline import Pipeline, Register

__all__ = ["baseline_model"]


def baseline_model(component: Baseline) -> Pipeline:
    """Build the cycle model of a baseline."""
    return Pipeline(*(Register() for _ in component.points))
