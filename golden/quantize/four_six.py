"""4/6: a block of E2M1 scaled so that its largest magnitude comes to 4 or to 6.

Whichever leaves the smaller sum of squared errors, exactly; a tie goes to 6. Source:
docs/numerics.md section 10; arXiv 2512.02010.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.block import BlockFormat
from ..formats.quotient_rule import QuotientRule, quotient_codes
from ..slabs import Scratch, spread
from .magnitude import counted
from .rounding import round_nearest

__all__ = ["four_or_six"]

_ERROR = 2.0**-52  # relative error of one rounding of float64, twice over


def four_or_six(
    words: NDArray[np.float32],
    largest: NDArray[np.uint32],
    fmt: BlockFormat,
    factor: NDArray[np.float64] | None,
    scratch: Scratch,
) -> NDArray[Any]:
    """Scale codes of whole blocks.

    Args:
        words: (matrices, block rows, rows of a block, columns), whole blocks.
        largest: FP32 bits of each block's largest magnitude, (matrices, block rows, blocks).
        fmt: the block format.
        factor: factors that broadcast over (matrices, rows, columns); None for none.
        scratch: buffers.
    """
    unit = np.ones((1, 1, 1)) if factor is None else factor
    live = words * counted(words)
    live[~np.isfinite(live)] = 0  # their block is NaN whatever is chosen
    scales, seen, sums = [], [], []
    for target in (6.0, 4.0):
        codes = quotient_codes(largest, target * unit, QuotientRule.NEAREST, fmt.scale, fmt.least)
        exact = _values(words, codes, fmt, unit, scratch)
        squares = (live.astype(np.float64) - exact) ** 2
        scales.append(codes)
        seen.append(exact)
        sums.append(_by_block(squares, codes.shape[-1]).sum(axis=-1))
    six, four = sums
    # A difference and a product have one rounding each, a sum of positive numbers one an addition.
    doubt = (_by_block(live, six.shape[-1]).shape[-1] + 8) * _ERROR * np.maximum(six, four)
    better = four < six
    blocks = [_by_block(array, six.shape[-1]) for array in (live, *seen)]
    for place in np.argwhere((np.abs(six - four) <= doubt) & (scales[0] != scales[1])):
        exact, at_six, at_four = (block[tuple(place)] for block in blocks)
        better[tuple(place)] = _squares(exact, at_four) < _squares(exact, at_six)
    return np.where(better, scales[1], scales[0])


def _values(
    words: NDArray[np.float32],
    scales: NDArray[Any],
    fmt: BlockFormat,
    factor: NDArray[np.float64],
    scratch: Scratch,
) -> NDArray[np.float64]:
    """What words decode to under these scales, exact."""
    codes = round_nearest(words, scales, fmt, scratch, factor).astype(np.intp)
    columns = words.shape[-1] // scales.shape[-1]
    scale = np.nan_to_num(fmt.scale.table, nan=0.0)[scales]
    return fmt.element.table[codes] * spread(scale, columns) * factor[:, :, None]


def _by_block(items: NDArray[Any], blocks: int) -> NDArray[Any]:
    """Elements of each block along the last axis: (matrices, block rows, blocks, elements)."""
    n, across, rows, _ = items.shape
    cut = items.reshape(n, across, rows, blocks, -1).swapaxes(2, 3)
    return cut.reshape(n, across, blocks, -1)


def _squares(exact: NDArray[Any], seen: NDArray[Any]) -> Fraction:
    """Sum of squared differences."""
    pairs = zip(exact.tolist(), seen.tolist(), strict=True)
    return sum(((Fraction(x) - Fraction(y)) ** 2 for x, y in pairs), Fraction(0))
