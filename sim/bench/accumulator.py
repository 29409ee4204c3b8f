"""Bench of the accumulator: golden sums in, golden results out, and its cycle model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.dot.product_sum import product_sum
from ...hdl.dot.accumulator import POINTS, Accumulator
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
from ..model.accumulator import accumulator_stages
from ..model.pipeline import Pipeline
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.products import Products, bench_products
from ..stimulus.schedule import products_stimulus
from ..stimulus.stimulus import Stimulus
from .stream import run_stream

__all__ = ["DESIGNS", "accumulator_case", "accumulator_stimulus", "run_accumulator"]


def accumulator_stimulus(
    component: Accumulator, products: Products, random: np.random.Generator | None = None
) -> Stimulus:
    """Make the beats of products, their sums by the golden model, and the golden results.

    Args:
        component: the design.
        products: the products.
        random: decides the order of outputs; None takes them in turn.
    """

    def operands(fields: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        codes = {name.replace(".", "_"): values for name, values in fields.items()}
        return product_sum(**codes, element=component.element)._asdict()

    def model() -> Pipeline:
        return Pipeline(*accumulator_stages(component))

    return products_stimulus(component, products, operands, model, random)


def accumulator_case(
    component: Accumulator, values: NDArray[Any] | None = None, seed: int = 0
) -> Stimulus:
    """Make the stimulus of a float tensor, or of built-in products."""
    products = bench_products(component, values, seed)
    return accumulator_stimulus(component, products, np.random.default_rng(seed))


def run_accumulator(
    simulator: Simulator,
    component: Accumulator,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare an accumulator with the golden model on a float tensor, or on built-in products."""
    return run_stream(simulator, accumulator_case(component, values, stalls.seed), stalls, progress)


DESIGNS = (
    Design(
        "accumulator",
        "accumulator: block sum, scales and acc to one word, rounded once",
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
        Accumulator,
        bench=run_accumulator,
        vectors=one_stream(accumulator_case),
        packets=product_packets,
    ),
)
