"""Element formats: what a code means.

An element format maps a small integer code to a real number. One frozen descriptor serves the
golden model (tables, exact search) and the hardware (the same binades, read by decoder and
rounder). Sources: docs/numerics.md section 1; OCP Microscaling Formats v1.0; OCP OFP8 v1.0;
eXmY arXiv 2405.13938; MX-SAFE arXiv 2605.24391 (byte layout inferred).
"""

import itertools
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .codes import check_codes, code_dtype
from .word import is_float

__all__ = ["Binade", "ElementFormat", "Overflow"]

SpecialCodes = Literal["none", "nan", "ieee"]
Overflow = Literal["saturate", "ovf"]


class Binade(NamedTuple):
    """The codes of one exponent: magnitudes in ``[2**exponent, 2**(exponent + 1))``.

    Attributes:
        exponent: unbiased exponent of every magnitude in the binade.
        first_code: magnitude code of ``2**exponent``.
        mantissa_bits: mantissa bits that a code keeps; the codes are
            ``first_code .. first_code + 2**mantissa_bits - 1``.
    """

    exponent: int
    first_code: int
    mantissa_bits: int


@dataclass(frozen=True)
class ElementFormat:
    """A number format of 2 to 16 bits: eXmY, optionally with a second float nested below it.

    Sign-magnitude: one sign bit above ``exponent_bits`` and ``mantissa_bits``. Magnitude codes
    order as their values do, so that rounding is an increment of the code.
    Two formats are equal when they mean the same numbers; the name is only a label.

    Args:
        name: lower-case label, for example ``"e3m4"``.
        exponent_bits: X, 0 to 8. X = 0 is a scaled integer, ``+-m * 2**-bias``.
        mantissa_bits: Y, 0 to 15; 1 + X + Y is at most 16.
        bias: exponent bias; default ``2**(X-1) - 1``, 0 for X = 0.
        special: ``"none"``, ``"nan"`` (the all-ones magnitude is NaN) or ``"ieee"`` (the all-ones
            exponent is Inf and NaN).
        twos_complement: two's complement integer instead of sign-magnitude; X must be 0.
        subnormal: a format exactly as wide as the mantissa that re-reads the codes of exponent
            field 0. Its own bias is ignored: its top exponent lies one below the least normal one.

    Raises:
        TypeError: a field is of the wrong kind.
        ValueError: the fields describe no format.

    >>> from mxsf.golden import MXSF
    >>> MXSF.bits, MXSF.emax, MXSF.largest, MXSF.least
    (8, 2, 7.875, 0.001953125)
    >>> MXSF.decode([0x7F, 0x20, 0x1F, 0x81]).tolist()
    [7.875, 1.0, 0.875, -0.001953125]
    >>> [hex(code) for code in MXSF.encode([7.9, 1.0, -0.0078125])]
    ['0x7f', '0x20', '0x84']
    """

    name: str = field(compare=False)
    exponent_bits: int
    mantissa_bits: int
    bias: int | None = None
    special: SpecialCodes = "none"
    twos_complement: bool = False
    subnormal: "ElementFormat | None" = None

    def __post_init__(self) -> None:
        for label in ("exponent_bits", "mantissa_bits", "bias"):
            value = getattr(self, label)
            optional = label == "bias" and value is None
            if isinstance(value, bool) or not (optional or isinstance(value, int)):
                raise TypeError(f"{label} must be an integer, not {value!r}")
        x, y = self.exponent_bits, self.mantissa_bits
        if not 0 <= x <= 8:
            raise ValueError(f"exponent_bits must be 0 to 8, not {x!r}")
        if not (y >= 0 and 2 <= 1 + x + y <= 16):
            raise ValueError(f"a format has 2 to 16 bits, not {1 + x + y} (e{x}m{y})")
        if self.special not in ("none", "nan", "ieee"):
            raise ValueError(f"special must be 'none', 'nan' or 'ieee', not {self.special!r}")
        if self.special == "ieee" and (x < 2 or y < 1):
            raise ValueError(f"special='ieee' needs e2m1 or wider, not e{x}m{y}")
        if self.special == "nan" and x + y < 2:
            raise ValueError(f"special='nan' needs two magnitude bits, not e{x}m{y}")
        if self.twos_complement and (x or self.special != "none"):
            raise ValueError("a two's complement format has no exponent and no special codes")
        default = (1 << (x - 1)) - 1 if x else 0
        bias = default if self.bias is None else self.bias
        if not -512 <= bias <= 512:
            raise ValueError(f"bias must be -512 to 512, not {bias!r}")
        object.__setattr__(self, "bias", bias)
        self._check_nested()

    def _check_nested(self) -> None:
        nested = self.subnormal
        if nested is None:
            return
        if not isinstance(nested, ElementFormat):
            raise TypeError(f"subnormal must be an ElementFormat, not {nested!r}")
        if self.exponent_bits == 0:
            raise ValueError("a format without exponent has no subnormal range to nest in")
        if nested.bits - 1 != self.mantissa_bits:
            raise ValueError(
                f"the nested format must have {self.mantissa_bits} magnitude bits, "
                f"not {nested.bits - 1} ({nested.name})"
            )
        if nested.special != "none" or nested.twos_complement:
            raise ValueError(f"the nested format must be a plain float, not {nested.name}")
        object.__setattr__(self, "subnormal", replace(nested, bias=None))

    def __str__(self) -> str:
        return self.name

    @property
    def bits(self) -> int:
        """Width of a code in bits, sign included."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def sign_mask(self) -> int:
        """The sign bit of a code."""
        return 1 << (self.bits - 1)

    @property
    def has_nan(self) -> bool:
        """Whether some code is NaN."""
        return self.special != "none"

    @property
    def has_inf(self) -> bool:
        """Whether some code is an infinity."""
        return self.special == "ieee"

    @property
    def nan_code(self) -> int:
        """Magnitude code of the NaN that this library writes: all ones."""
        if not self.has_nan:
            raise ValueError(f"{self.name} has no NaN code")
        return self.sign_mask - 1

    @property
    def inf_code(self) -> int:
        """Magnitude code of infinity."""
        if not self.has_inf:
            raise ValueError(f"{self.name} has no Inf code")
        return self.largest_code + 1

    @cached_property
    def natural_binades(self) -> tuple[Binade, ...]:
        """Binades of all magnitude codes, descending, special codes read as plain numbers."""
        x, y = self.exponent_bits, self.mantissa_bits
        assert self.bias is not None
        low = 1 - self.bias if x else y - self.bias
        normal = [Binade(e - self.bias, e << y, y) for e in range((1 << x) - 1, 0, -1)]
        if self.subnormal is None:
            return (*normal, *(Binade(low - y + k, 1 << k, k) for k in range(y - 1, -1, -1)))
        nested = self.subnormal.natural_binades
        move = low - 1 - nested[0].exponent
        return (*normal, *(b._replace(exponent=b.exponent + move) for b in nested))

    @cached_property
    def binades(self) -> tuple[Binade, ...]:
        """Binades that hold a finite code, descending: all that rounding hardware needs."""
        return tuple(b for b in self.natural_binades if b.first_code <= self.largest_code)

    @property
    def largest_code(self) -> int:
        """Magnitude code of the largest finite value that encoding produces."""
        top = self.sign_mask - 1
        if self.special == "nan":
            return top - 1
        return top - (1 << self.mantissa_bits) if self.special == "ieee" else top

    @property
    def unit_exponent(self) -> int:
        """Exponent of the least magnitude: every value is an integer times ``2**unit_exponent``."""
        return self.natural_binades[-1].exponent

    @property
    def emax(self) -> int:
        """Exponent of the largest finite magnitude."""
        return self.binades[0].exponent

    @property
    def rounding_bits(self) -> int:
        """Mantissa bits kept in the largest binade: ``mbits`` of the EVEN scale rule."""
        return self.binades[0].mantissa_bits

    @cached_property
    def magnitudes(self) -> tuple[int, ...]:
        """Every magnitude code's value as an integer in units of the least magnitude, exact.

        Special codes are read as plain numbers.
        """
        values = [0] * self.sign_mask
        for exponent, first, kept in self.natural_binades:
            shift = exponent - kept - self.unit_exponent
            for m in range(1 << kept):
                values[first + m] = ((1 << kept) + m) << shift
        return tuple(values)

    @property
    def largest(self) -> float:
        """Largest finite magnitude that encoding produces."""
        return float(np.ldexp(float(self.magnitudes[self.largest_code]), self.unit_exponent))

    @property
    def least(self) -> float:
        """Least magnitude above zero."""
        return float(np.ldexp(1.0, self.unit_exponent))

    @property
    def significand_bits(self) -> int:
        """Width of an unpacked significand (see ``mxsf.golden.dot.decoder``)."""
        widest = max(b.mantissa_bits for b in self.natural_binades) + 1
        return widest + 1 if self.twos_complement else widest

    @property
    def max_shift(self) -> int:
        """Largest shift of an unpacked element, special codes included."""
        exponent, _, kept = max(self.natural_binades, key=lambda b: b.exponent - b.mantissa_bits)
        return exponent - kept - self.unit_exponent

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """The value of every code: shape ``(2**bits,)``, float64, exact."""
        magnitudes = np.array([np.ldexp(float(m), self.unit_exponent) for m in self.magnitudes])
        if self.twos_complement:
            whole = np.ldexp(float(self.sign_mask), self.unit_exponent)
            return np.concatenate([magnitudes, magnitudes - whole])
        if self.has_nan:
            magnitudes[self.largest_code + 1 :] = np.nan
        if self.has_inf:
            magnitudes[self.inf_code] = np.inf
        return np.concatenate([magnitudes, -magnitudes])

    @property
    def code_dtype(self) -> type[np.uint8] | type[np.uint16]:
        """``uint8``, or ``uint16`` above 8 bits."""
        return code_dtype(self.bits)

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Value of each code, exact.

        Args:
            codes: integers in ``[0, 2**bits)``, any shape.

        Returns:
            float64, shape of ``codes``.

        Raises:
            TypeError: codes are not integers.
            ValueError: a code is out of range.
        """
        return self.table[self.check_codes(codes)]

    def check_codes(self, codes: ArrayLike) -> NDArray[Any]:
        """Return ``codes`` as an integer array, or raise where one is no code of this format."""
        return check_codes(f"{self.name} codes", codes, (1 << self.bits) - 1)

    def encode(self, values: ArrayLike, overflow: Overflow = "saturate") -> NDArray[Any]:
        """Nearest code of each value by exact search in the table, ties to the even magnitude code.

        Args:
            values: real numbers, any shape; nothing is flushed.
            overflow: ``"saturate"`` (also for Inf), or ``"ovf"``: what rounds beyond the
                largest value becomes Inf, or NaN in a format without Inf.

        Returns:
            uint8 (uint16 above 8 bits), shape of ``values``. NaN gives the all-ones NaN code
            under the sign of the NaN.

        Raises:
            TypeError: values are complex or no numbers.
            ValueError: NaN in a format that has none; ``"ovf"`` in a format without it.
        """
        limit = self.limit_code(overflow)
        array = np.asarray(values)
        if array.dtype.kind not in "iu" and not is_float(array.dtype):
            raise TypeError(f"values must be real numbers, not {array.dtype}")
        v = array.astype(np.float64)
        if (nan := np.isnan(v)).any() and not self.has_nan:
            raise ValueError(f"{self.name} has no NaN code, but a value is NaN")
        steps = np.array(self.magnitudes[: limit + 1], dtype=object)
        middles = np.array([float(a + b) for a, b in itertools.pairwise(steps)])
        middles = np.ldexp(middles, self.unit_exponent - 1)
        magnitude = np.where(nan, 0.0, np.abs(v))
        codes = np.searchsorted(middles, magnitude, side="left")
        tie = magnitude == middles[np.minimum(codes, limit - 1)]
        codes = np.where(tie & (codes < limit), codes + (codes & 1), codes)
        if self.has_nan:
            codes = np.where(nan, self.nan_code, codes)
        if self.twos_complement:
            codes = np.where(np.signbit(v), -codes, codes) & ((1 << self.bits) - 1)
        else:
            codes = codes | np.where(np.signbit(v), self.sign_mask, 0)
        return codes.astype(self.code_dtype)

    def limit_code(self, overflow: Overflow) -> int:
        """Largest magnitude code that rounding may give: finite, or the first one beyond."""
        if overflow == "saturate":
            return self.largest_code
        if overflow != "ovf":
            raise ValueError(f"overflow must be 'saturate' or 'ovf', not {overflow!r}")
        if self.has_nan:
            return self.largest_code + 1
        raise ValueError(f"overflow='ovf' needs NaN or Inf codes; {self.name} has none")

    def spec(self) -> dict[str, Any]:
        """The descriptor as plain data, for JSON; ``ElementFormat.from_spec`` reads it back."""
        return asdict(self)

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "ElementFormat":
        """Build a format from what ``spec`` returned."""
        nested = spec.get("subnormal")
        return cls(**{**spec, "subnormal": nested and cls.from_spec(nested)})
