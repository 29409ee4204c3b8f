"""Tile memories and product of an accelerator: the numbers of its descriptors.

Source: docs/accelerator.md; docs/numerics.md sections 5, 6 and 9.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dot.matmul import matmul
from ..engine.machine import Tiles, join, split
from ..formats.block import Rounding
from ..quantize.lfsr import Lfsr
from ..quantize.requantizer import requantize
from ..quantize.tensor import BlockTensor
from .configuration import Configuration
from .descriptor import Load, Multiply
from .epilogue import is_zero, relu, scale
from .fields import Opcode

__all__ = ["Core"]

_SIDES = {Opcode.LOAD_A: "a", Opcode.LOAD_B: "b"}


class Core:
    """What LOAD and MULTIPLY compute, apart from memory.

    Args:
        built: the accelerator.

    Attributes:
        tiles: the tile memories by ``"a"`` and ``"b"``; zeros at first.
    """

    def __init__(self, built: Configuration):
        self.built = built
        tile, depth = built.tile, built.depth
        self.tiles = {
            side: Tiles(
                np.zeros((depth, tile, tile), built.element.code_dtype),
                np.zeros(depth, built.format.scale.code_dtype),
            )
            for side in "ab"
        }
        self.reset()

    def reset(self) -> None:
        """Start the random numbers again."""
        self._lfsr = Lfsr(self.built.tile)

    def written(self, load: Load) -> tuple[str, NDArray[np.int64]]:
        """Tile memory and addresses that a load writes, row by row of its tiles."""
        addresses = load.base + np.arange(load.rows * load.columns, dtype=np.int64)
        return _SIDES[load.opcode], addresses % self.built.depth

    def read(self, product: Multiply) -> dict[str, NDArray[np.int64]]:
        """Addresses of the tiles of op(A), shape (m, k), and op(B), (k, n), in the memories."""
        m, n, k = product.m, product.n, product.k
        found = {}
        for side, rows, columns in (("a", m, k), ("b", k, n)):
            view, base = getattr(product, f"{side}_view"), getattr(product, f"{side}_base")
            if getattr(product, f"{side}_transposed"):
                indices = view.indices(columns, rows).T
            else:
                indices = view.indices(rows, columns)
            found[side] = (base + indices) % self.built.depth
        return found

    def load(self, load: Load, tiles: Tiles) -> None:
        """Write tiles, in the order of the view's rows, into a tile memory."""
        side, addresses = self.written(load)
        self.tiles[side].codes[addresses] = tiles.codes
        self.tiles[side].scales[addresses] = tiles.scales

    def multiply(
        self, product: Multiply, init: NDArray[np.float32] | None, mask: NDArray[Any] | None
    ) -> tuple[NDArray[np.float32], Tiles | None]:
        """Multiply stored matrices.

        Args:
            product: sizes, operands and epilogue.
            init: where the sums start, float32 (m * n, tile, tile), row by row of tiles; None: 0.
            mask: codes of the mask, of the same shape; None for no mask.

        Returns:
            The tiles of C row by row of tiles: float32 of shape (m * n, tile, tile), and
            re-quantized, None where they do not leave.
        """
        places = self.read(product)
        a = self._matrix("a", places["a"], product.a_transposed)
        b = self._matrix("b", places["b"], product.b_transposed)
        start = None if init is None else join(init, product.m, product.n)
        words = split(matmul(a, b, start), self.built.tile)
        words = scale(words, product.shift, product.negate)
        if product.relu:
            words = relu(words)
        if mask is not None:
            words = np.where(is_zero(mask, self.built.element), np.float32(0), words)
        if product.codes is None:
            return words, None
        rounding, random = Rounding.NEAREST_EVEN, None
        if product.stochastic:
            rounding = Rounding.STOCHASTIC
            random = self._lfsr.draw(len(words) * self.built.tile).reshape(words.shape)
        quantized = requantize(words, self.built.format, rounding=rounding, random=random)
        return words, Tiles(*quantized)

    def _matrix(self, side: str, places: NDArray[np.int64], transposed: bool) -> BlockTensor:
        """Tiles of a memory put together, each of them transposed or not."""
        memory = self.tiles[side]
        codes = memory.codes[places.reshape(-1)]
        codes = join(codes.swapaxes(1, 2) if transposed else codes, *places.shape)
        return BlockTensor(codes, memory.scales[places], self.built.format)
