"""Bench of the dot product: codes, scales and accs in, golden results out, and its cycle model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hdl.dot.dot import POINTS, Dot
from ..design.design import Design, one_stream
from ..design.packet import product_packets
from ..design.parameter import (
    ACCUMULATE,
    BLOCK,
    FABRIC,
    LANES,
    OUTPUTS,
    RESULT,
    registers,
    with_blocks,
)
from ..model.dot import dot_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.products import Products, bench_products
from ..stimulus.schedule import products_stimulus
from ..stimulus.stimulus import Stimulus
from .stream import run_stream

__all__ = ["DESIGNS", "dot_case", "dot_stimulus", "run_dot"]


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
    simulator: Simulator,
    component: Dot,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a dot product with the golden model on a float tensor, or on built-in products."""
    return run_stream(simulator, dot_case(component, values, stalls.seed), stalls, progress)


DESIGNS = (
    Design(
        "dot",
        "block dot product: two blocks and acc to one word, rounded once",
        (
            with_blocks(pairs=True),
            BLOCK,
            LANES,
            OUTPUTS,
            ACCUMULATE,
            RESULT,
            registers(POINTS),
            FABRIC,
        ),
        Dot,
        bench=run_dot,
        vectors=one_stream(dot_case),
        packets=product_packets,
    ),
)
