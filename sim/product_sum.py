"""Bench of the product sum: codes to golden sums and flags, and its cycle model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ..golden.block import BlockFormat
from ..golden.encoder import quantize
from ..golden.formats import ElementFormat
from ..golden.product_sum import product_sum
from ..hdl.product_sum import ProductSum
from .bench import NO_STALLS, Progress, Result, Stalls, Stimulus, run_stream
from .engine import Engine
from .payload import pack, whole_rows
from .pipeline import Pipeline, Register

__all__ = [
    "Micro",
    "adversarial_codes",
    "product_sum_case",
    "product_sum_model",
    "product_sum_stimulus",
    "random_codes",
    "random_micro",
    "run_product_sum",
    "tensor_codes",
]

Codes = tuple[NDArray[Any], NDArray[Any]]

Micro = dict[str, NDArray[Any]]
"""Microexponents by operand, ``"a"`` and ``"b"`` as far as they have them: (blocks, groups)."""


def product_sum_model(component: ProductSum) -> Pipeline:
    """Build the cycle model of a product sum."""
    return Pipeline(*(Register() for _ in component.registers))


def random_codes(random: np.random.Generator, component: ProductSum, blocks: int) -> Codes:
    """Codes of a and b, (blocks, block) each: any, of few magnitudes, mostly zero, no specials."""
    found = []
    for element in component.pair:
        shape = (blocks, component.block)
        codes = random.integers(0, 1 << element.bits, shape)
        kind = random.integers(0, 4, (blocks, 1))
        spread = random.integers(1, element.sign_mask + 1, (blocks, 1))
        near = codes % spread | codes & element.sign_mask
        codes = np.where(kind == 1, near, codes)
        codes = np.where(
            (kind == 2) & (random.random(shape) < 0.8), codes & element.sign_mask, codes
        )
        finite = np.where(np.isfinite(element.table)[codes], codes, codes & element.sign_mask)
        found.append(np.where((kind == 3) | (random.random((blocks, 1)) < 0.7), finite, codes))
    return found[0], found[1]


def random_micro(
    random: np.random.Generator, formats: Sequence[BlockFormat], blocks: int, block: int
) -> Micro:
    """Microexponents of blocks: each drawn by itself, or all 0, or all 1."""
    found = {}
    for side, format in zip("ab", formats, strict=True):
        if format.micro is not None:
            bits = random.integers(0, 2, (blocks, block // format.micro[1]))
            kind = random.integers(0, 4, (blocks, 1))
            found[side] = np.where(kind < 2, kind, bits)
    return found


def adversarial_codes(component: ProductSum) -> Codes:
    """Codes of a and b, (n, block) each, where sums of products go wrong.

    Sums at both ends of the range, full cancellation, one huge product and many tiny ones, one
    mode or binade only, single products of the edges, and special codes in every company.
    """
    block = component.block
    a_edges, b_edges = (_edges(f) for f in component.pair)
    rows: list[tuple[Any, Any]] = []
    for x in a_edges:
        for y in b_edges:
            rows.append(([x] * block, [y] * block))
            rows.append(([x] + [a_edges[0]] * (block - 1), [y] + [b_edges[0]] * (block - 1)))
            rows.append(([x] + [a_edges[1]] * (block - 1), [y] + [b_edges[1]] * (block - 1)))
            rows.append(([a_edges[1]] * (block - 1) + [x], [b_edges[2]] * (block - 1) + [y]))
            alternate = [y, _negated(component.pair[1], y)] * block
            rows.append(([x] * block, alternate[:block]))
    for element, side in zip(component.pair, (0, 1), strict=True):
        other = component.pair[1 - side]
        for binade in element.natural_binades:
            codes = binade.first_code + np.arange(block) % (1 << binade.mantissa_bits)
            signs = np.arange(block) // 3 % 2 * element.sign_mask
            partner = np.full(block, _edges(other)[3])
            row = [codes ^ signs, partner]
            rows.append((row[side], row[1 - side]))
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


def _edges(element: ElementFormat) -> list[int]:
    """Zero, least, its negative, largest, its negative, every mode's ends, special codes."""
    sign, top = element.sign_mask, element.largest_code
    codes = [0, 1, _negated(element, 1), top, _negated(element, top), sign, sign | (sign - 1)]
    first = element.binades[0].first_code
    codes += [first, sign - 1, max(first - 1, 0)]
    if element.subnormal is not None:
        seam = 1 << element.mantissa_bits
        codes += [seam, seam - 1, sign | seam, sign | (seam - 1)]
    if element.has_inf:
        codes += [element.inf_code, sign | element.inf_code]
    return list(dict.fromkeys(codes))


def _negated(element: ElementFormat, code: int) -> int:
    if element.twos_complement:
        return -code % (1 << element.bits)
    return code ^ element.sign_mask


def tensor_codes(component: ProductSum, values: NDArray[Any]) -> tuple[Codes, Micro]:
    """Quantize a tensor; its blocks are a and, rolled by one block, b: (blocks, block) each."""
    found, micro = [], {}
    for side, format in zip("ab", component.formats, strict=True):
        tensor = quantize(values, replace(format, block=(1, component.block)))
        turn = int(side == "b")
        found.append(np.roll(whole_rows(tensor.codes, component.block), turn, axis=0))
        if tensor.micro is not None and format.micro is not None:
            rows = whole_rows(tensor.micro, component.block // format.micro[1])
            micro[side] = np.roll(rows, turn, axis=0)
    return (found[0], found[1]), micro


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
    engine: Engine,
    component: ProductSum,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run an engine, built on a product sum, against the golden model.

    Args:
        engine: the engine; a design without registers has no clock.
        component: the design.
        values: a float tensor, quantized to the codes; None for adversarial and random codes.
        stalls: how to stall.
        progress: called with the number of beats received, now and then.
    """
    return run_stream(engine, product_sum_case(component, values, stalls.seed), stalls, progress)
