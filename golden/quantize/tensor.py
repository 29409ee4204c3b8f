"""Block tensors: codes and one scale per rectangle of the last two axes.

Source: docs/numerics.md sections 2, 3, 5 and 10.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import packed, read_archive, unpacked, write_archive
from ..formats.block import BlockFormat
from ..formats.element import ElementFormat
from ..formats.factor import Factor
from ..slabs import Scratch, block_counts, fit, matrices, slabs, spread, whole_blocks
from .factor import check_factor, factors_in, factors_of_slab
from .micro import weights

__all__ = ["BlockTensor"]


@dataclass(frozen=True, eq=False)
class BlockTensor:
    """A quantized tensor.

    Attributes:
        codes: element codes, uint8 (uint16 above 8 bits), the shape of the tensor.
        scales: codes of the format's scale (E8M0: uint8), shape
            ``(..., ceil(rows / block[0]), ceil(columns / block[1]))``; ``(ceil(n / block[1]),)``
            for one axis.
        format: element, block and rules.
        micro: microexponents, uint8 0 or 1, of the shape of scales for blocks of ``format.micro``;
            None where the format has none.
        factor: float32 that multiplies all values, of shape (), or (..., rows, 1) or
            (..., 1, columns) where each row or column has one; None where the format has none.

    >>> from mxsf.golden import MXSF, quantize
    >>> q = quantize(np.float32([[1, 2], [3, 4]]), MXSF, (2, 2))
    >>> q.codes.tolist(), q.scales.tolist(), q.T.dequantize().tolist()
    ([[32, 64], [80, 96]], [[127]], [[1.0, 3.0], [2.0, 4.0]])
    """

    codes: NDArray[Any]
    scales: NDArray[Any]
    format: BlockFormat
    micro: NDArray[np.uint8] | None = None
    factor: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        element, codes = self.format.element, self.element.check_codes(self.codes)
        if codes.dtype != element.code_dtype:
            raise TypeError(f"{element} codes must be {element.code_dtype.__name__}: {codes.dtype}")
        if codes.size == 0 or codes.ndim == 0:
            raise ValueError(f"codes must have axes and elements, their shape is {codes.shape}")
        dtype = self.format.scale.code_dtype
        if self.scales.dtype != dtype:
            raise TypeError(f"scales must be {dtype.__name__}, not {self.scales.dtype}")
        self.format.scale.check_codes(self.scales)
        expected = block_counts(codes.shape, self.format.block)
        if self.scales.shape != expected:
            raise ValueError(
                f"codes {codes.shape} in blocks {self.format.block} need scales {expected}, "
                f"not {self.scales.shape}"
            )
        if (self.micro is None) != (self.format.micro is None):
            raise ValueError("microexponents belong to formats that have them, and to no others")
        if self.micro is not None and self.format.micro is not None:
            if self.micro.dtype != np.uint8 or (self.micro > 1).any():
                raise ValueError("microexponents must be uint8, 0 or 1")
            weights(self.micro, self.format.micro, codes.shape)  # raises where the shape is wrong
        check_factor(self.factor, self.format, codes.shape)

    def __eq__(self, other: object) -> bool:
        """Whether codes, scales, all that stands beside them and format are the same."""
        if not isinstance(other, BlockTensor):
            return NotImplemented
        names = ["codes", "scales"]
        names += [name for name in ("micro", "factor") if getattr(self, name) is not None]
        same = (np.array_equal(getattr(self, name), getattr(other, name)) for name in names)
        return self.format == other.format and all(same)

    __hash__ = None  # type: ignore[assignment] - arrays can change

    @property
    def element(self) -> ElementFormat:
        """The element format."""
        return self.format.element

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of a block."""
        return self.format.block

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.codes.shape

    @property
    def T(self) -> "BlockTensor":  # noqa: N802 - NumPy's name
        """The transpose: the last two axes of codes, scales and block exchanged, no rounding.

        Factors of rows become factors of columns.

        Raises:
            ValueError: the tensor has one axis.
        """
        if self.codes.ndim < 2:
            raise ValueError("a tensor of one axis has no transpose")
        return BlockTensor(
            _swapped(self.codes),
            _swapped(self.scales),
            self.format.transposed,
            None if self.micro is None else _swapped(self.micro),
            None if self.factor is None else _swapped(self.factor),
        )

    def dequantize(self) -> NDArray[np.float32]:
        """Values: float32, shape of the codes; what FP32 cannot hold is Inf, NaN is 0x7FC00000.

        Code times scale times factor is rounded once.
        """
        element, scale = self.element, self.format.scale
        result = np.empty(self.shape, np.float32)
        codes, scales, out = (matrices(a) for a in (self.codes, self.scales, result))
        wide = element.largest >= 2.0**128 or element.least < 2.0**-126  # beyond FP32
        factors = factors_in(self.factor)
        dtype = np.float64 if wide or factors is not None else np.float32
        values, multipliers = element.table.astype(dtype), scale.table.astype(dtype)
        block, scratch = fit(self.block, codes.shape), Scratch()
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for place, scale_place in slabs(codes.shape, block):
                index = whole_blocks(codes[place], block, np.intp, scratch)
                slab = scratch("values", index.shape, dtype)
                # Every index is in range; of NumPy's modes "wrap" is the fast one.
                np.take(values, index, mode="wrap", out=slab)
                slab *= spread(multipliers[scales[scale_place]], block[1])
                if element.has_nan or scale.is_nan(scales[scale_place]).any():
                    slab[np.isnan(slab)] = np.nan
                if factors is not None:
                    slab *= factors_of_slab(factors, place)[:, :, None]
                n, h, w = out[place].shape
                out[place] = slab.reshape(n, -1, slab.shape[-1])[:, :h, :w]
        if self.micro is not None and self.format.micro is not None:
            result *= weights(self.micro, self.format.micro, self.shape)  # exact
        return result

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write codes and microexponents as bit planes, and the rest, to an ``.npz`` file.

        It is written whole or not at all. ``mxsf.golden.files`` says what is in it.
        """
        micro = {} if self.micro is None else packed("micro", self.micro, 1)
        factor = {} if self.factor is None else {"factor": self.factor}
        members = {
            "format": json.dumps(self.format.spec()),
            **packed("codes", self.codes, self.element.bits),
            "scales": self.scales,
            **micro,
            **factor,
        }
        write_archive(path, members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BlockTensor":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file holds no block tensor.
            OSError: it cannot be read.
        """
        with read_archive(path, "block tensor") as members:
            spec = BlockFormat.from_spec(json.loads(str(members["format"])))
            codes = unpacked("codes", members, spec.element.bits)
            micro = None if spec.micro is None else unpacked("micro", members, 1)
            factor = None if spec.factor is Factor.NONE else members["factor"]
            return cls(codes, members["scales"], spec, micro, factor)


def _swapped(array: NDArray[Any]) -> NDArray[Any]:
    """The last two axes exchanged, where there are any."""
    return array if array.ndim == 0 else np.ascontiguousarray(array.swapaxes(-1, -2))
