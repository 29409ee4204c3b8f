"""Bench of the product sum: codes to golden sums and flags, and its cycle model."""

from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.dot.product_sum import product_sum
from ...hdl.dot.product_sum import POINTS, ProductSum
from ..design.design import Design, one_stream
from ..design.packet import MARKS, Packets
from ..design.parameter import BLOCK, FABRIC, LANES, registers, with_blocks
from ..model.product_sum import product_sum_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.codes import Micro, adversarial_codes, random_codes, random_micro, tensor_codes
from ..stimulus.payload import pack
from ..stimulus.stimulus import Stimulus
from .stream import run_stream

__all__ = [
    "DESIGNS",
    "product_sum_case",
    "product_sum_stimulus",
    "run_product_sum",
]


def product_sum_stimulus(
    component: ProductSum,
    a_codes: NDArray[Any],
    b_codes: NDArray[Any],
    beats: NDArray[np.int64] | None = None,
    seed: int = 0,
    micro: Micro | None = None,
) -> Stimulus:
    """Make the beats of blocks of codes and the golden answer of each.

    Args:
        component: the design.
        a_codes: codes of a, shape (blocks, block).
        b_codes: codes of b.
        beats: number of beats of each block, shape (blocks,); default full blocks.
        seed: seed of the tags.
        micro: microexponents, where the formats have them; default random ones.
    """
    count, full = len(a_codes), component.beats
    lengths = np.full(count, full) if beats is None else beats
    kept = np.arange(full)[None, :] < lengths[:, None]  # (blocks, beats)
    a, b = (codes.reshape(count, full, component.lanes)[kept] for codes in (a_codes, b_codes))
    step = np.tile(np.arange(full), (count, 1))
    marks = {"first": (step == 0)[kept], "last": (step == lengths[:, None] - 1)[kept]}
    random = np.random.default_rng(seed)
    data = random.bytes(len(a) * -(-component.tag // 8))
    size = len(data) // len(a)
    tags = [
        int.from_bytes(data[k * size : (k + 1) * size], "little") & ((1 << component.tag) - 1)
        for k in range(len(a))
    ]
    if micro is None:
        micro = random_micro(random, component.formats, count, component.block)
    bits = {side: rows.reshape(count, full, -1)[kept] for side, rows in micro.items()}
    shared = {f"{side}_micro": rows for side, rows in bits.items()}
    golden = product_sum(a, b, component.element, **shared)
    carried = {"tag": np.array(tags, dtype=object), **marks}
    codes = {"a.codes": a, "b.codes": b, **{f"{side}.micro": rows for side, rows in bits.items()}}
    layouts = component.i.payload.shape(), component.o.payload.shape()
    return Stimulus(
        inputs=pack(layouts[0], {**codes, **carried}),
        outputs=pack(layouts[1], {**golden._asdict(), **carried}),
        last=marks["last"],
        blocks=count,
        model=lambda: product_sum_model(component),
        widths=(Shape.cast(layouts[0]).width, Shape.cast(layouts[1]).width),
    )


def product_sum_case(
    component: ProductSum, values: NDArray[Any] | None = None, seed: int = 0
) -> Stimulus:
    """Make the stimulus of a float tensor, quantized, or of adversarial and random codes."""
    if values is not None:
        codes, micro = tensor_codes(component, values)
        return product_sum_stimulus(component, *codes, seed=seed, micro=micro)
    random = np.random.default_rng(seed)
    directed, drawn = adversarial_codes(component), random_codes(random, component, 256)
    a, b = (np.concatenate(parts) for parts in zip(directed, drawn, strict=True))
    beats = random.integers(1, component.beats + 1, len(a))
    return product_sum_stimulus(component, a, b, beats, seed)


def run_product_sum(
    simulator: Simulator,
    component: ProductSum,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run a simulator, built on a product sum, against the golden model.

    Args:
        simulator: the simulator; a design without registers has no clock.
        component: the design.
        values: a float tensor, quantized to the codes; None for adversarial and random codes.
        stalls: how to stall.
        progress: see ``Progress``.
    """
    return run_stream(simulator, product_sum_case(component, values, stalls.seed), stalls, progress)


DESIGNS = (
    Design(
        "product_sum",
        "exact sum of the products of two blocks' elements",
        (with_blocks(pairs=True), BLOCK, LANES, registers(POINTS), FABRIC),
        ProductSum,
        bench=run_product_sum,
        vectors=one_stream(product_sum_case),
        packets=lambda component: Packets(passes=MARKS if component.beats > 1 else ()),
    ),
)
