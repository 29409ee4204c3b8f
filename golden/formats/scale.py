"""Scale formats: what the scale of a block means.

A scale is an unsigned float without a sign bit: significand times a power of two. One frozen
descriptor serves the golden model and the hardware. Source: docs/numerics.md section 2; OCP
Microscaling Formats v1.0 section 5.4 (E8M0).
"""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .codes import check_codes, code_dtype

__all__ = ["E8M0", "SCALE_FORMATS", "UE4M3", "UE5M3", "ScaleFormat", "ScaleParts"]


class ScaleParts(NamedTuple):
    """Scales taken apart: value = significand * 2**(exponent + offset of the format).

    Attributes:
        significand: integer, int64; 0 for a zero.
        exponent: the exponent field, at least 0, int64; a subnormal code counts as field 1.
    """

    significand: NDArray[np.int64]
    exponent: NDArray[np.int64]


@dataclass(frozen=True)
class ScaleFormat:
    """An unsigned float of at most 16 bits, whose codes order as their values do.

    Two formats are equal when they mean the same numbers; the name is only a label.

    Args:
        name: lower-case label, for example ``"e8m0"``.
        exponent_bits: X, 1 to 8.
        mantissa_bits: Y, 0 to 8. Exponent field e and mantissa m are
            ``2**(e - bias) * (1 + m / 2**Y)``.
        bias: exponent bias, 0 to 127.
        bits: bits that a code is stored and carried in, X + Y to 16; those above are 0.
        nan_code: the code that makes every element of its block NaN. It lies above all others.
        subnormals: whether exponent field 0 holds zero and subnormals,
            ``2**(1 - bias) * m / 2**Y``; else it is a binade like all others.

    Raises:
        TypeError: a field is of the wrong kind.
        ValueError: the fields describe no format.

    >>> E8M0.decode([126, 127, 130, 255]).tolist()
    [0.5, 1.0, 8.0, nan]
    >>> UE4M3.decode([0, 1, 0x38, 0x7E]).tolist(), UE4M3.offset
    ([0.0, 0.001953125, 1.0, 448.0], -10)
    """

    name: str = field(compare=False)
    exponent_bits: int
    mantissa_bits: int
    bias: int
    bits: int = field(default=8, kw_only=True)
    nan_code: int = field(kw_only=True)
    subnormals: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        for label in ("exponent_bits", "mantissa_bits", "bias", "bits", "nan_code"):
            value = getattr(self, label)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{label} must be an integer, not {value!r}")
        if not isinstance(self.subnormals, bool):
            raise TypeError(f"subnormals must be True or False, not {self.subnormals!r}")
        x, y = self.exponent_bits, self.mantissa_bits
        if not 1 <= x <= 8:
            raise ValueError(f"exponent_bits must be 1 to 8, not {x!r}")
        if not 0 <= y <= 8:
            raise ValueError(f"mantissa_bits must be 0 to 8, not {y!r}")
        if not 0 <= self.bias <= 127:
            raise ValueError(f"bias must be 0 to 127, not {self.bias!r}")
        if not x + y <= self.bits <= 16:
            raise ValueError(f"bits must be {x + y} to 16, not {self.bits!r}")
        if not 2 <= self.nan_code < 1 << (x + y):
            raise ValueError(f"nan_code must be 2 to {(1 << (x + y)) - 1}, not {self.nan_code!r}")

    def __str__(self) -> str:
        return self.name

    @property
    def significand_bits(self) -> int:
        """Width of a significand, the leading one included."""
        return self.mantissa_bits + 1

    @property
    def offset(self) -> int:
        """What the exponent field lacks: value = significand * 2**(exponent + offset)."""
        return -self.bias - self.mantissa_bits

    @property
    def power_of_two(self) -> bool:
        """Whether every scale is a power of two, so that a product by it is a shift."""
        return self.mantissa_bits == 0 and not self.subnormals

    @property
    def largest_code(self) -> int:
        """Code of the largest scale; all codes below are scales too."""
        return self.nan_code - 1

    @property
    def largest(self) -> float:
        """The largest scale."""
        return float(self.table[self.largest_code])

    @property
    def code_dtype(self) -> type[np.uint8] | type[np.uint16]:
        """``uint8``, or ``uint16`` above 8 bits."""
        return code_dtype(self.bits)

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """The value of every code, the NaN code last: shape ``(nan_code + 1,)``, float64, exact."""
        significand, exponent = self.parts(np.arange(self.nan_code + 1))
        values = np.ldexp(significand.astype(np.float64), exponent + self.offset)
        values[self.nan_code] = np.nan
        return values

    def parts(self, codes: ArrayLike) -> ScaleParts:
        """Take codes apart, the NaN code as the number that its bits would be; any shape.

        Raises:
            TypeError: codes are not integers.
            ValueError: a code is out of range.
        """
        code = self.check_codes(codes).astype(np.int64)
        hidden = 1 << self.mantissa_bits
        exponent, mantissa = code >> self.mantissa_bits, code & (hidden - 1)
        if not self.subnormals:
            return ScaleParts(mantissa + hidden, exponent)
        return ScaleParts(mantissa + hidden * (exponent > 0), np.maximum(exponent, 1))

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Value of each code, exact; float64, any shape.

        Raises:
            TypeError: codes are not integers.
            ValueError: a code is out of range.
        """
        return self.table[self.check_codes(codes)]

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        """Whether codes are the NaN code; bool, any shape."""
        return np.asarray(codes) == self.nan_code

    def check_codes(self, codes: ArrayLike) -> NDArray[Any]:
        """Return ``codes`` as an integer array, or raise where one is no code of this format."""
        return check_codes(f"{self.name} scales", codes, self.nan_code)

    def spec(self) -> dict[str, Any]:
        """The descriptor as plain data, for JSON; ``ScaleFormat(**spec)`` is the format again."""
        return asdict(self)


E8M0 = ScaleFormat("e8m0", 8, 0, 127, nan_code=0xFF, subnormals=False)
"""OCP's power of two: value 2**(code - 127), 0xFF is NaN; no zero."""

UE4M3 = ScaleFormat("ue4m3", 4, 3, 7, nan_code=0x7F, subnormals=True)
"""NVFP4's scale: E4M3 without its sign, 0 and 2**-9 to 448; bit 7 of its byte is 0."""

UE5M3 = ScaleFormat("ue5m3", 5, 3, 15, nan_code=0xFF, subnormals=True)
"""One exponent bit more in the same byte: 0 and 2**-17 to 114688."""

SCALE_FORMATS: dict[str, ScaleFormat] = {f.name: f for f in (E8M0, UE4M3, UE5M3)}
