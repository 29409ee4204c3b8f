"""Words to test with: random ones of every kind, and the edges where mistakes live."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.formats.block import BlockFormat, vector_format
from ...golden.formats.element import ElementFormat
from ...golden.formats.scale_rule import ScaleRule, comparator
from ...golden.formats.word import WordFormat

__all__ = ["EDGES", "directed_words", "random_words"]

EDGES = 114
"""Number of blocks at the front of ``directed_words`` that no test should leave out."""


def random_words(
    random: np.random.Generator, blocks: int, block: int, source: WordFormat
) -> NDArray[np.uint32]:
    """Blocks of words: any bits; one wide range; few mantissa bits (ties); tiny; huge; rare NaN.

    Returns:
        uint32 of shape (blocks, block).
    """
    shape = (blocks, block)
    bits = random.integers(0, 1 << 32, shape, dtype=np.uint64).astype(np.uint32)
    top = random.integers(0, 255, (blocks, 1))
    kind = random.integers(0, 6, blocks)
    top[kind == 3] = random.integers(0, 20, (blocks, 1))[kind == 3]
    top[kind == 4] = random.integers(240, 255, (blocks, 1))[kind == 4]
    spread = random.integers(1, 24, (blocks, 1))
    exponent = np.clip(top - random.integers(0, spread, shape), 0, 254).astype(np.uint32)
    kept = random.integers(0, 10, (blocks, 1)).astype(np.uint32)
    rough = np.uint32(0xFFFFFFFF) << (np.uint32(23) - kept)
    mantissa = bits & np.uint32(0x7FFFFF)
    mantissa = np.where((kind % 2 == 0)[:, None], mantissa & rough, mantissa)
    words = (bits & np.uint32(0x80000000)) | exponent << np.uint32(23) | mantissa
    words[kind == 5] = bits[kind == 5]  # any bits at all, Inf and NaN included
    words[random.random(shape) < 0.05] &= np.uint32(0x80000000)
    return words >> np.uint32(32 - source.bits)


def directed_words(
    format: ElementFormat | BlockFormat, block: int, source: WordFormat
) -> NDArray[np.uint32]:
    """Blocks at the edges: zeros, Inf, NaN, subnormals, powers of two, every tie of the element.

    The ``EDGES`` first ones are the sharpest: ends of the range, and the words on either side of
    each scale rule's threshold.

    Returns:
        uint32 of shape (blocks, block).
    """
    element, halved = vector_format(format).element, vector_format(format).micro is not None
    mantissa = source.mantissa_bits
    one = 127 << mantissa
    least, top, sign = 1 << mantissa, 254 << mantissa, 1 << (source.bits - 1)
    full = (1 << mantissa) - 1
    edge = [0, sign, 1, full, sign | full, least, least | full, top, top | full, one, one - 1]
    infinite = [255 << mantissa, 255 << mantissa | 1, sign | 255 << mantissa]
    rows: list[list[int]] = []
    for word in [*edge, *infinite]:
        rows.append([word])
        rows.append([word, one, one - 1, sign | (one - 1)])
        rows.append([one] * (block - 1) + [word])
    drop = 23 - mantissa
    for rule in ScaleRule:
        turn = comparator(element, rule)
        for exponent in (turn.emax, turn.emax + 1, 254):
            for word in (turn.threshold >> drop, turn.threshold_low >> drop):
                near = (min(max(exponent, 1), 254) << mantissa) + min(word, full)
                rows += [[near + step, sign | near] for step in (-1, 0, 1)]
    assert len(rows) == EDGES
    for exponent in range(256):  # a power of two, just below the next, and small company
        word = exponent << mantissa
        rows.append([word, max(word - 1, 0), sign | word >> 1])
        rows.append([word | full, sign | word])
    ties = _ties(element)
    # Half a tie is one where a microexponent is 1.
    for base, below in product((0, -60, 60), (0, 1) if halved else (0,)):
        words = source.words(_float32(np.ldexp(ties, base - below))).tolist()
        largest = int(source.words(_float32(np.ldexp(element.largest, base))))
        for start in range(0, len(words), max(1, block - 1)):
            around = words[start : start + max(1, block - 1)]
            rows.append([largest, *around][:block])
            rows.append([w | sign for w in around][:block])
    result = np.zeros((len(rows), block), np.uint32)
    for row, words in zip(result, rows, strict=True):
        row[: min(len(words), block)] = words[:block]
    return result


def _float32(values: Any) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def _ties(element: ElementFormat) -> NDArray[np.float64]:
    """Every value halfway between neighbouring codes (at most 512 of them), and its neighbours."""
    magnitudes = np.array(element.magnitudes[: element.largest_code + 1], dtype=np.float64)
    middles = np.ldexp((magnitudes[1:] + magnitudes[:-1]) / 2, element.unit_exponent)
    middles = middles[:: max(1, len(middles) // 512)]
    middles = middles[np.abs(np.frexp(middles)[1]) < 60]
    steps = np.ldexp(middles, -7)
    return np.concatenate([middles, middles + steps, middles - steps])
