"""Tile re-quantization: square tiles of words to codes, and what it replaces.

With square tiles the transposed operand is the same codes with the same scales. With vector blocks
it has to be decoded and encoded again along the other axis, which rounds a second time. Source:
docs/numerics.md section 5.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import BlockFormat, Rounding
from ..formats.catalogue import MXSF
from ..formats.element import ElementFormat, Overflow
from ..formats.factor import Factor
from ..formats.quotient_rule import QuotientRule
from ..formats.scale_rule import ScaleRule
from .encoder import quantize
from .lfsr import NUMBER_BITS
from .tensor import BlockTensor

__all__ = ["requantize", "requantize_blocks"]


def requantize(
    tiles: ArrayLike,
    element: ElementFormat | BlockFormat = MXSF,
    rule: ScaleRule | QuotientRule | None = None,
    *,
    rounding: Rounding | None = None,
    random: ArrayLike | None = None,
    overflow: Overflow | None = None,
    factor: ArrayLike | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Quantize square tiles, each with one scale.

    Args:
        tiles: floats of shape (..., n, n): FP32 or BF16 words, other dtypes by way of FP32.
        element: the element format; or a block format without microexponents, whose block the
            tile takes the place of.
        rule: the scale rule; None, here and below, as for ``quantize``.
        rounding: how elements are rounded.
        random: for stochastic rounding, integers of 16 bits in the shape of ``tiles``. The
            hardware takes those of row i, column k from lane k (``Lfsr(n).draw``) when row i
            enters, in whatever order it leaves.
        overflow: ``"saturate"`` or ``"ovf"``.
        factor: the factor of the tensor that the tiles are of, where the format has one: a float.

    Returns:
        Codes, uint8 (uint16 above 8 bits) in the shape of ``tiles``, and scales, codes of the
        format's scale (E8M0: uint8) of shape (...). The transposed tile has the transposed codes
        and the same scale.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: the last two axes differ, the format has microexponents (of which
            ``quantize`` returns those of tiles too) or a factor that is not given, or an argument
            is out of range.

    >>> codes, scale = requantize(np.float32([[1, 2], [3, 4]]))
    >>> codes.tolist(), int(scale)
    ([[32, 64], [80, 96]], 127)
    """
    x = np.asarray(tiles)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"tiles must be square in their last two axes, not {x.shape}")
    if isinstance(element, BlockFormat) and element.micro is not None:
        raise ValueError(f"element must have no microexponents, not {element}: use quantize")
    if isinstance(element, BlockFormat) and element.factor is not Factor.NONE and factor is None:
        raise ValueError(f"factor must be given for tiles of {element}")
    blocks = quantize(
        x,
        element,
        (x.shape[-1], x.shape[-1]),
        rule,
        rounding=rounding,
        random=random,
        random_bits=NUMBER_BITS,
        overflow=overflow,
        factor=factor,
    )
    return blocks.codes, blocks.scales[..., 0, 0]


def requantize_blocks(blocks: BlockTensor) -> BlockTensor:
    """Make the transposed operand of a block tensor by decoding and encoding again.

    The values are transposed and quantized in the same format, whose blocks now run along the
    other axis; to nearest even where the format rounds by random numbers. For vector blocks this
    rounds a second time. A tensor in square tiles needs none of it: ``blocks.T``. A factor that
    was given to the whole tensor is given again, others are found again.

    Args:
        blocks: a tensor of two axes or more.

    Raises:
        ValueError: the tensor has one axis, or factors that were given for each row or column.

    >>> q = quantize(np.float32([[4.0, 0.1], [0.1, 0.1]]), MXSF, (1, 2))
    >>> requantize_blocks(q).dequantize().tolist()  # 0.0996 became 0.09375 beside 4.0
    [[4.0, 0.09375], [0.09375, 0.099609375]]
    """
    if blocks.codes.ndim < 2:
        raise ValueError("a tensor of one axis has no transpose")
    values = blocks.dequantize().swapaxes(-1, -2)
    stochastic = blocks.format.rounding is Rounding.STOCHASTIC
    given = blocks.format.factor is Factor.GIVEN
    return quantize(
        values,
        blocks.format,
        rounding=Rounding.NEAREST_EVEN if stochastic else None,
        factor=blocks.factor if given else None,
    )
