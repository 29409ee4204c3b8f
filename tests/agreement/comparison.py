"""What a comparison with a library is, and the words and blocks that all of them are given."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from mxsf.golden import E2M1, E2M3, E3M2, E4M3, E5M2
from numpy.typing import NDArray

ELEMENTS = (E4M3, E5M2, E3M2, E2M3, E2M1)
"""The floating-point elements of OCP MX."""

FLUSHES = "[3](numerics.md#3-encoding): subnormal words are zero; there they count"


class Comparison(NamedTuple):
    """What was compared with a library.

    Attributes:
        library: its name.
        what: what was compared.
        differs: bool, one for each value: whether the two differ there.
        predicted: bool, the same: whether a rule says that they must.
        rules: the rules, empty where they should agree everywhere.
    """

    library: str
    what: str
    differs: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    rules: tuple[str, ...] = ()

    @property
    def unexplained(self) -> int:
        """Values at which they differ without a rule, or agree against one."""
        return int((self.differs != self.predicted).sum())

    def row(self) -> str:
        """A row of the table."""
        by_rule = int((self.differs & self.predicted).sum())
        numbers = [f"{n:,}" for n in (self.differs.size, by_rule, self.unexplained)]
        cells = [self.library, self.what, *numbers, "; ".join(self.rules)]
        return f"| {' | '.join(cells)} |"


def pooled(
    library: str, what: str, parts: Iterable[tuple[Any, Any, Any]], rules: tuple[str, ...] = ()
) -> Comparison:
    """Compare where the rules say not only where the two differ, but what the other one has.

    Args:
        library: its name.
        what: what is compared.
        parts: arrays of our values, of theirs, and of those that theirs should be, for each format.
        rules: the rules by which ours and those that theirs should be differ.

    Returns:
        A comparison of all parts; whatever is not as it should be is unexplained.
    """
    columns = zip(*parts, strict=True)
    ours, theirs, expected = (np.concatenate([np.ravel(a) for a in arrays]) for arrays in columns)
    differs = unlike(ours, theirs)
    return Comparison(library, what, differs, differs ^ unlike(theirs, expected), rules)


def unlike(ours: Any, theirs: Any) -> NDArray[np.bool_]:
    """Whether two arrays of values differ; NaN is NaN, and zeros have signs."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    same = (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))
    return ~same


def unsigned_zeros(values: Any) -> NDArray[np.float64]:
    """Return the values with every zero +0, where the sign of zeros is not compared."""
    return np.asarray(values, np.float64) + 0.0


def none(differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """No difference is predicted."""
    return np.zeros_like(differs)


def bf16_words() -> NDArray[np.float32]:
    """Every finite BF16 word."""
    words = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    return words[np.isfinite(words)]


def magnitudes(largest: float) -> NDArray[np.float32]:
    """Every BF16 magnitude, Inf and NaN among them, and FP32 ones where rules turn.

    Args:
        largest: the largest value of an element format; these are the 17 words around each power of
            two, and around each product of one with ``largest``.
    """
    words = np.arange(1 << 15, dtype=np.uint32) << 16
    significands = np.float32([[1.0], [2 * np.frexp(largest)[0]]])
    turns = np.ldexp(significands, np.arange(-126, 127)).view(np.int32)
    around = turns.reshape(-1, 1) + np.arange(-8, 9, dtype=np.int32)
    return np.concatenate([words, around.astype(np.uint32).ravel()]).view(np.float32)


def blocks(seed: int = 0, count: int = 2000) -> NDArray[np.float32]:
    """Blocks of 32 BF16 words, of all magnitudes, a tenth of them with subnormal words."""
    random = np.random.default_rng(seed)
    exponents = random.integers(-118, 120, (count, 1)) + random.integers(-4, 4, (count, 32))
    exponents[: count // 10] = random.integers(-134, -118, (count // 10, 1))
    values = (random.standard_normal((count, 32)) * 2.0**exponents).astype(ml_dtypes.bfloat16)
    values[-1] = 0
    return values.astype(np.float32)


def turning(seed: int = 1, count: int = 2000) -> NDArray[np.float32]:
    """Blocks of 32 FP32 words with the largest where rules turn.

    It is within 8 last places of a power of two, or of the largest value of a format times one.
    """
    random = np.random.default_rng(seed)
    exponents = random.integers(-100, 120, (count, 1), np.int32)
    values = np.ldexp(random.uniform(-0.9, 0.9, (count, 32)), exponents).astype(np.float32)
    significands = sorted({1.0, *(2 * np.frexp(element.largest)[0] for element in ELEMENTS)})
    turns = np.ldexp(random.choice(np.float32(significands), count), exponents[:, 0])
    turns = turns.view(np.int32) + random.integers(-8, 9, count, np.int32)
    values[:, 7] = turns.view(np.float32)
    return values


def all_blocks() -> NDArray[np.float32]:
    """Blocks of 32: ``blocks`` and ``turning``, 4000 in all."""
    return np.concatenate([blocks(), turning()])


def decoded(
    data: NDArray[np.float32], element: Any, exponents: NDArray[Any], divided_by: NDArray[Any]
) -> NDArray[np.float64]:
    """What blocks become with given scales: every word counts, nearest even, saturating.

    Args:
        data: blocks, a row each.
        element: the element format.
        exponents: of the scales with which the codes are decoded, one for each block.
        divided_by: exponents of the scales by which the words are divided.

    Returns:
        Values as FP32 holds them, without the signs of zeros, the shape of ``data``.
    """
    codes = element.encode(np.ldexp(data.astype(np.float64), -divided_by[:, None]))
    values = np.ldexp(element.decode(codes), exponents[:, None])
    return unsigned_zeros(values.astype(np.float32))
