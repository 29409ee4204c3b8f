"""Words: the floats that come in and go out, BF16 and FP32, and the dtypes they may come from.

Source: docs/numerics.md section 3.
"""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BF16", "FP32", "WORDS", "WordFormat", "float_array", "is_float"]

_ML_FLOATS = frozenset(
    np.dtype(getattr(ml_dtypes, name))
    for name in dir(ml_dtypes)
    if name.startswith(("bfloat", "float"))
)


@dataclass(frozen=True)
class WordFormat:
    """A source or result word, an IEEE-like float with 8 exponent bits: BF16 or FP32.

    Args:
        name: lower-case label.
        mantissa_bits: 7 for BF16, 23 for FP32.
    """

    name: str
    mantissa_bits: int
    exponent_bits: int = 8

    def __str__(self) -> str:
        return self.name

    @property
    def bits(self) -> int:
        """Width of a word in bits."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def bias(self) -> int:
        """Exponent bias: the biased exponent of 1."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def special_exponent(self) -> int:
        """Biased exponent of Inf and NaN."""
        return (1 << self.exponent_bits) - 1

    def words(self, values: ArrayLike) -> NDArray[np.uint32]:
        """Bit patterns of values, rounded to nearest even; any shape, uint32."""
        x = float_array(values)
        if self.mantissa_bits == 23:
            return x.view(np.uint32)
        return x.astype(ml_dtypes.bfloat16).view(np.uint16).astype(np.uint32)

    def array(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Values of this format in its own dtype, float32 or ``ml_dtypes.bfloat16``."""
        return values if self.mantissa_bits == 23 else values.astype(ml_dtypes.bfloat16)

    def values(self, words: ArrayLike) -> NDArray[np.float32]:
        """Values of bit patterns, exact; any shape, float32."""
        u = np.asarray(words).astype(np.uint32)
        return (u << np.uint32(23 - self.mantissa_bits)).view(np.float32)


BF16 = WordFormat("bf16", 7)
FP32 = WordFormat("fp32", 23)
WORDS: dict[str, WordFormat] = {f.name: f for f in (BF16, FP32)}


def is_float(dtype: np.dtype) -> bool:
    """Whether a dtype is a real floating type, NumPy's or one of ml_dtypes'."""
    return dtype.kind == "f" or dtype in _ML_FLOATS


def float_array(x: ArrayLike) -> NDArray[np.float32]:
    """Return a float array as float32, rounded to nearest even; what overflows is Inf.

    Raises:
        TypeError: integers, booleans, complex numbers and anything else that is no float.
    """
    array = np.asarray(x)
    if not is_float(array.dtype):
        raise TypeError(f"a float array is needed, not {array.dtype}")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(array, dtype=np.float32)
