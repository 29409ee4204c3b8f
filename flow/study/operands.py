"""Operands as a PE sees them: the matrix products of a training step, block after block.

The products are those of the shipped tensors: both layers forward, the gradient through the second,
and both weight gradients. A PE takes the blocks of an output along K, its acc the sum before, and
then the next output.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.baseline import Method, dot_bf16
from ...golden.dot.dot import dot
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import BF16
from ...golden.quantize.encoder import quantize
from ...sim.bench.baseline import Blocks
from ...sim.stimulus.products import Products
from ..catalogue.catalogue import tensors

__all__ = ["PRODUCTS", "tensor_blocks", "tensor_pairs"]

PRODUCTS = ("x w1", "h w2", "dz2 w2.T", "x.T dh", "h.T dz2")
"""Names of the tensors that are multiplied."""

LANES = 8
"""Products of a block, and the side of its tile."""


class _Outputs(NamedTuple):
    """Outputs of one product: where their operands are.

    Attributes:
        a, b: the matrices, float32 (M, K) and (K, N), K whole blocks.
        row, column: of each output.
    """

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


def tensor_pairs(element: ElementFormat, count: int) -> Products:
    """Block pairs of 8 elements of a format, in 8x8 tiles, each with its acc.

    Args:
        element: format of both operands.
        count: how many.
    """
    parts: list[list[NDArray[Any]]] = []
    for outputs in _outputs(count):
        a, b = (quantize(m, element, (LANES, LANES)) for m in (outputs.a, outputs.b))
        row, column = outputs.row, outputs.column
        a_codes, b_codes = _split(a.codes[row]), _split(b.codes.T[column])
        a_scale, b_scale = a.scales[row // LANES], b.scales.T[column // LANES]
        acc = np.zeros(len(row), np.float32)
        accs = []
        for k in range(a_codes.shape[1]):
            accs.append(acc)
            acc = dot(a_codes[:, k], a_scale[:, k], b_codes[:, k], b_scale[:, k], acc, element)
        parts.append([a_codes, a_scale, b_codes, b_scale, np.stack(accs, axis=1)])
    a_codes, a_scale, b_codes, b_scale, acc = _joined(parts, count)
    return Products(
        a_codes[:, None].astype(np.int64),
        a_scale[:, None].astype(np.int64),
        b_codes[:, None].astype(np.int64),
        b_scale[:, None].astype(np.int64),
        acc.view(np.uint32),
        np.ones(count, np.int64),
        np.zeros(count, np.int64),
    )


def tensor_blocks(method: Method, count: int) -> Blocks:
    """The same block pairs as BF16 words.

    Args:
        method: of the baseline, which decides the accs.
        count: how many.
    """
    parts: list[list[NDArray[Any]]] = []
    for outputs in _outputs(count):
        a, b = _split(outputs.a[outputs.row]), _split(outputs.b.T[outputs.column])
        acc = np.zeros(len(a), np.float32)
        accs = []
        for k in range(a.shape[1]):
            accs.append(acc)
            acc = dot_bf16(a[:, k], b[:, k], acc, method)
        parts.append([BF16.words(a), BF16.words(b), np.stack(accs, axis=1)])
    a, b, acc = _joined(parts, count)
    return Blocks(a, b, acc.view(np.uint32))


def _outputs(count: int) -> list[_Outputs]:
    """As many outputs of each product, spread over it, as make at least ``count`` blocks."""
    values = tensors()
    outputs = []
    for product in PRODUCTS:
        a, b = (values[n.removesuffix(".T")].T if ".T" in n else values[n] for n in product.split())
        pad = -a.shape[1] % LANES
        a, b = np.pad(a, ((0, 0), (0, pad))), np.pad(b, ((0, pad), (0, 0)))
        wanted = -(-count // (len(PRODUCTS) * (a.shape[1] // LANES)))
        every = np.linspace(0, a.shape[0] * b.shape[1], wanted, endpoint=False).astype(np.int64)
        outputs.append(_Outputs(a, b, *np.divmod(every, b.shape[1])))
    return outputs


def _split(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows to blocks: (n, K) to (n, K / LANES, LANES)."""
    return rows.reshape(len(rows), -1, LANES)


def _joined(parts: list[list[NDArray[Any]]], count: int) -> list[NDArray[Any]]:
    """Blocks of all products one after the other: (outputs, blocks, ...) to (count, ...)."""
    flat = [[a.reshape(-1, *a.shape[2:]) for a in arrays] for arrays in parts]
    share = -(-count // len(parts))
    return [
        np.concatenate([a[:share] for a in arrays])[:count] for arrays in zip(*flat, strict=True)
    ]
