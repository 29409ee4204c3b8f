"""The digits network with its matrix products on the engine: the golden model, or the hardware.

`formats_table` trains with quantized 8x8 tiles, exactly as the engine computes them, and compares
formats. `hardware_step` runs one training step through the simulated hardware, bit for bit.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.simulate import default_simulator, make_simulator
from mxsf.golden import E2M5, E4M3, MXSF, ElementFormat, matmul, quantize
from mxsf.sim.bench.engine import run_scripts
from mxsf.sim.result import Result
from mxsf.sim.stimulus.training import DEPTH, training_step
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MatMul = Callable[[Floats, Floats], Floats]

TILE = 8
PES = 8


class Row(NamedTuple):
    """A number format: final test accuracies (fraction in 0..1) and losses (steps,), by seed."""

    name: str
    accuracies: list[float]
    losses: list[list[float]]


def bf16_matmul(a: Floats, b: Floats) -> Floats:
    """Return the product of BF16 operands, summed in float32."""
    left, right = (x.astype(ml_dtypes.bfloat16).astype(np.float32) for x in (a, b))
    return left @ right


def tile_matmul(element: ElementFormat) -> MatMul:
    """Return the engine's product: both operands quantized in 8x8 tiles, exact accumulation.

    A transposed operand has the codes of the stored one: `quantize(x.T)` equals `quantize(x).T`.
    """

    def product(a: Floats, b: Floats) -> Floats:
        block = (TILE, TILE)
        return matmul(quantize(a, element, block), quantize(b, element, block))

    return product


PRODUCTS: dict[str, MatMul] = {
    "fp32": lambda a, b: a @ b,
    "bf16": bf16_matmul,
    "mxsf 8x8": tile_matmul(MXSF),
    "e2m5 8x8": tile_matmul(E2M5),
    "e4m3 8x8": tile_matmul(E4M3),
}
"""Matrix products by the name of their number format."""


def formats_table(
    train: Callable[[int, MatMul, list[float]], float], seeds: int, report: Callable[[str], None]
) -> list[Row]:
    """Train with every format from every seed, and report mean and deviation of the accuracy.

    Args:
        train: trains from a seed with a product, adds its losses to a list, returns the accuracy.
        seeds: how many.
        report: called with each line.
    """
    rows = []
    for name, product in PRODUCTS.items():
        losses: list[list[float]] = [[] for _ in range(seeds)]
        found = [train(seed, product, losses[seed]) for seed in range(seeds)]
        rows.append(Row(name, found, losses))
        percent = 100 * np.array(found)
        spread = percent.std(ddof=1) if seeds > 1 else 0.0
        report(f"{name:9s} {percent.mean():6.2f} % +- {spread:.2f} ({seeds} seeds)")
    return rows


def hardware_step(
    x: Floats, w1: Floats, w2: Floats, gradient: Callable[[Floats], Floats]
) -> Result:
    """Run one step on the simulated engine, every beat compared with the golden model."""
    one = variant("matmul", tile=TILE, pes=PES, depth=DEPTH)
    component: Any = one.component
    step = training_step(component, x, w1, w2, gradient)
    return run_scripts(make_simulator(one, default_simulator()), component, step.scripts)


def plot(rows: list[Row], path: Path) -> None:
    """Draw the loss of each format, the mean of the seeds, smoothed over 22 steps (an epoch)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        mean = np.mean(row.losses, axis=0)
        smooth = np.convolve(mean, np.ones(22) / 22, mode="valid")
        axes.plot(np.arange(len(smooth)) + 22, smooth, label=row.name, linewidth=1)
    axes.set(xlabel="step", ylabel="training loss", yscale="log")
    axes.legend()
    figure.savefig(path)
