"""Codes of operands to test with: random ones of every kind, and those where sums are hardest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.formats.block import BlockFormat
from ...golden.formats.element import ElementFormat
from ...golden.quantize.encoder import quantize
from ...hdl.dot.product_sum import ProductSum
from .payload import whole_rows

__all__ = ["Codes", "Micro", "adversarial_codes", "random_codes", "random_micro", "tensor_codes"]

Codes = tuple[NDArray[Any], NDArray[Any]]

Micro = dict[str, NDArray[Any]]
"""Microexponents by operand, ``"a"`` and ``"b"`` as far as they have them: (blocks, groups)."""


def random_codes(random: np.random.Generator, component: ProductSum, blocks: int) -> Codes:
    """Codes of a and b, (blocks, block) each: any, of few magnitudes, mostly zero, no specials."""
    operands = []
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
        operands.append(np.where((kind == 3) | (random.random((blocks, 1)) < 0.7), finite, codes))
    return operands[0], operands[1]


def random_micro(
    random: np.random.Generator, formats: Sequence[BlockFormat], blocks: int, block: int
) -> Micro:
    """Microexponents of blocks: each drawn by itself, or all 0, or all 1."""
    micro = {}
    for side, format in zip("ab", formats, strict=True):
        if format.micro is not None:
            bits = random.integers(0, 2, (blocks, block // format.micro[1]))
            kind = random.integers(0, 4, (blocks, 1))
            micro[side] = np.where(kind < 2, kind, bits)
    return micro


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
    codes, micro = [], {}
    for side, format in zip("ab", component.formats, strict=True):
        tensor = quantize(values, replace(format, block=(1, component.block)))
        turn = int(side == "b")
        codes.append(np.roll(whole_rows(tensor.codes, component.block), turn, axis=0))
        if tensor.micro is not None and format.micro is not None:
            rows = whole_rows(tensor.micro, component.block // format.micro[1])
            micro[side] = np.roll(rows, turn, axis=0)
    return (codes[0], codes[1]), micro
