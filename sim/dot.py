"""Bench of the dot product: codes, scales and accs in, golden results out, and its cycle model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hdl.dot import Dot
from .accumulator import accumulator_stages
from .bench import NO_STALLS, Progress, Result, Stalls, Stimulus, run_stream
from .engine import Engine
from .pipeline import Pipeline, Register, Skid
from .products import Products, bench_products
from .schedule import products_stimulus

__all__ = ["dot_case", "dot_model", "dot_stimulus", "run_dot"]


def dot_model(component: Dot) -> Pipeline:
    """Build the cycle model."""
    products = (Register() for _ in component.product_sum.registers)
    skid = [Skid(), Register()] if "skid" in component.points else []
    return Pipeline(*products, *skid, *accumulator_stages(component.accumulator))


def dot_stimulus(
    component: Dot, products: Products, random: np.random.Generator | None = None
) -> Stimulus:
    """Make the beats of products and the golden results.

    Args:
        component: the design.
        products: the products.
        random: decides the order of outputs; None takes them in turn.
    """
    return products_stimulus(component, products, dict, lambda: dot_model(component), random)


def dot_case(component: Dot, values: NDArray[Any] | None = None, seed: int = 0) -> Stimulus:
    """Make the stimulus of a float tensor, or of built-in products."""
    products = bench_products(component, values, seed)
    return dot_stimulus(component, products, np.random.default_rng(seed))


def run_dot(
    engine: Engine,
    component: Dot,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a dot product with the golden model on a float tensor, or on built-in products."""
    return run_stream(engine, dot_case(component, values, stalls.seed), stalls, progress)
