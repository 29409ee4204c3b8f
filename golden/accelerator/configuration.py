"""What an accelerator was built as, and how its tensors lie in memory.

Source: docs/accelerator.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, Rounding
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat, Overflow
from ..formats.scale_rule import ScaleRule
from ..formats.word import FP32
from ..quantize.lfsr import LANES

__all__ = ["BASES", "BUS_BITS", "Configuration"]

BUS_BITS = (64, 128, 256, 512)
"""Data bits that the bus may have."""

BASES = 4
"""Base registers."""


@dataclass(frozen=True)
class Configuration:
    """Parameters of an accelerator, and the sizes that follow from them.

    A *plane* is an array of equal records in memory, a tile each. A code plane has the codes of a
    tile row by row as one bit stream, least significant bit first, padded to whole beats of the
    bus; a scale plane a byte; a word plane FP32 words row by row, padded in the same way.

    Attributes:
        element: format of all tiles.
        tile: rows and columns of a tile, a power of two.
        pes: dot products in parallel, a power of two, at most ``tile**2``.
        depth: tiles of each of the two tile memories, a power of two.
        bus: data bits of the bus.
        address: bits of a byte address.
        rule, overflow: of the re-quantizer.
        rounding: nearest even, or stochastic for the products that ask for it.
        requantize: whether there is a re-quantizer.

    Raises:
        ValueError: a parameter is out of range.

    >>> Configuration().code_record, Configuration().word_record
    (64, 256)
    """

    element: ElementFormat = MXSF
    tile: int = 8
    pes: int = 8
    depth: int = 512
    bus: int = 64
    address: int = 32
    rule: ScaleRule = ScaleRule.FLOOR
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = "saturate"
    requantize: bool = True

    def __post_init__(self) -> None:
        if self.bus not in BUS_BITS:
            raise ValueError(f"bus must be {', '.join(map(str, BUS_BITS))}, not {self.bus!r}")
        if not 32 <= self.address <= 64:
            raise ValueError(f"address must be 32 to 64, not {self.address!r}")
        if not 2 <= self.depth <= 1 << 15 or self.depth & (self.depth - 1):
            raise ValueError(f"depth must be a power of two, 2 to 32768, not {self.depth!r}")
        if not 2 <= self.tile <= LANES or self.tile & (self.tile - 1):
            raise ValueError(f"tile must be a power of two, 2 to {LANES}, not {self.tile!r}")
        if not 1 <= self.pes <= self.tile**2 or self.pes & (self.pes - 1):
            raise ValueError(f"pes must be a power of two, 1 to {self.tile**2}, not {self.pes!r}")
        _ = self.format  # checks the rest
        if self.rounding is Rounding.HALF_AWAY:
            raise ValueError(
                f"rounding must be nearest_even or stochastic, not {self.rounding.value}"
            )

    @property
    def format(self) -> BlockFormat:
        """Block format of the tiles."""
        return BlockFormat(
            self.element, (self.tile, self.tile), self.rule, self.rounding, self.overflow
        )

    @property
    def beat(self) -> int:
        """Bytes of a beat of the bus."""
        return self.bus // 8

    @property
    def code_record(self) -> int:
        """Bytes of a tile in a code plane."""
        return self._whole_beats(self.tile**2 * self.element.bits)

    @property
    def word_record(self) -> int:
        """Bytes of a tile in a word plane."""
        return self._whole_beats(self.tile**2 * FP32.bits)

    @property
    def row_record(self) -> int:
        """Bytes that are read of a word plane's record for its first row."""
        return self._whole_beats(self.tile * FP32.bits)

    @property
    def steps(self) -> int:
        """Steps of the array in a tile product."""
        return self.tile**2 // self.pes

    def _whole_beats(self, bits: int) -> int:
        return -(-bits // self.bus) * self.beat

    def pack(self, codes: ArrayLike) -> NDArray[np.uint8]:
        """Records of a code plane.

        Args:
            codes: of shape (..., tile, tile).

        Returns:
            uint8 of shape (..., ``code_record``).
        """
        flat = np.asarray(codes).reshape(*np.shape(codes)[:-2], -1)
        bits = flat[..., None] >> np.arange(self.element.bits, dtype=flat.dtype) & 1
        packed = np.packbits(bits.reshape(*flat.shape[:-1], -1), axis=-1, bitorder="little")
        return _padded(packed, self.code_record)

    def unpack(self, records: NDArray[np.uint8]) -> NDArray[np.integer]:
        """Undo ``pack``: codes of shape (..., tile, tile) from bytes (..., ``code_record``).

        >>> small = Configuration(tile=4)
        >>> codes = np.arange(16, dtype=np.uint8).reshape(4, 4)
        >>> bool((small.unpack(small.pack(codes)) == codes).all())
        True
        """
        count, width = self.tile**2, self.element.bits
        bits = np.unpackbits(records, axis=-1, count=count * width, bitorder="little")
        bits = bits.reshape(*records.shape[:-1], self.tile, self.tile, width)
        weights = 1 << np.arange(width, dtype=np.uint16)
        return (bits @ weights).astype(self.element.code_dtype)

    def pack_words(self, words: ArrayLike) -> NDArray[np.uint8]:
        """Records of a word plane: uint8 (..., ``word_record``) of float32 (..., tile, tile)."""
        bits = FP32.words(words).astype("<u4")
        flat = np.ascontiguousarray(bits.reshape(*bits.shape[:-2], -1))
        return _padded(flat.view(np.uint8), self.word_record)

    def unpack_words(self, records: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Undo ``pack_words``: float32 (..., tile, tile)."""
        data = np.ascontiguousarray(records[..., : self.tile**2 * FP32.bits // 8])
        words = data.view("<f4").astype(np.float32)
        return words.reshape(*records.shape[:-1], self.tile, self.tile)


def _padded(records: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Records filled up with zeros to a size in bytes."""
    missing = [(0, 0)] * (records.ndim - 1) + [(0, size - records.shape[-1])]
    return np.pad(records, missing)
