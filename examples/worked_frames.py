"""The worked examples of docs/frames.md: from codes to a rounded result, as the hardware goes.

Geometry comes from the hardware (``Accumulator.frame``), sums and results from the golden model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from mxsf.golden import E2M1, MXSF, ElementFormat, dot
from mxsf.golden.dot.product_sum import product_sum
from mxsf.hdl.dot.accumulator import Accumulator
from mxsf.hdl.dot.frame import GUARD, SIGNIFICAND, Frame

__all__ = ["EXAMPLES", "Example", "word"]


@dataclass(frozen=True)
class Example:
    """A block dot product; its properties follow the bits to the result as the hardware does.

    Attributes:
        name: what it shows.
        note: what to look at.
        element: format of both operands.
        a: codes of one operand.
        b: codes of the other.
        acc: what is added; both scale bytes are 127, so that scales are 1.
    """

    name: str
    note: str
    element: ElementFormat
    a: Sequence[int]
    b: Sequence[int]
    acc: float

    @cached_property
    def frame(self) -> Frame:
        """Geometry, as the hardware has it."""
        return Accumulator(self.element, block=len(self.a)).frame

    @cached_property
    def sum(self) -> int:
        """Exact sum of products, in units of the product of both least magnitudes."""
        return int(product_sum(self.a, self.b, self.element).sum)

    @cached_property
    def result(self) -> np.float32:
        """The golden model's result."""
        return np.float32(dot(self.a, 127, self.b, 127, self.acc, self.element))

    @property
    def acc_exponent(self) -> int:
        """Biased exponent of acc."""
        return word(self.acc) >> 23 & 255

    @property
    def significand(self) -> int:
        """Significand of acc with its hidden bit; acc is not subnormal here."""
        return word(self.acc) & 0x7FFFFF | 0x800000

    @property
    def distance(self) -> int:
        """Places from the bit below the sign down to acc's top bit, in a high frame."""
        return 2 * 127 + self.frame.offset - self.acc_exponent

    @property
    def follows(self) -> bool:
        """Whether the frame follows acc, which stands at its top."""
        return self.sum == 0 or self.distance < 0

    @property
    def low(self) -> bool:
        """Whether the frame is low."""
        return not self.follows and self.distance >= self.frame.turn

    @property
    def exponent(self) -> int:
        """Biased exponent of the bit below the sign."""
        high = 2 * 127 + self.frame.offset
        return self.acc_exponent if self.follows else high - GUARD * self.low

    @property
    def steps(self) -> int:
        """Places that acc stands below the top."""
        return 0 if self.follows else self.distance - GUARD * self.low

    @property
    def sum_row(self) -> int:
        """The sum at its place in the frame."""
        return self.sum << GUARD * self.low

    @property
    def acc_row(self) -> int:
        """Acc at its place, rounded towards minus infinity."""
        top = self.significand << self.frame.bits - 1 - SIGNIFICAND
        return (-top if self.acc < 0 else top) >> self.steps

    @property
    def inexact(self) -> bool:
        """Whether bits of acc were lost below the frame."""
        top = self.significand << self.frame.bits - 1 - SIGNIFICAND
        return top % (1 << self.steps) != 0

    @property
    def total(self) -> int:
        """What the one addition gives."""
        return self.sum_row + self.acc_row

    @property
    def magnitude(self) -> int:
        """Bits of the total without sign: a lost rest makes a negative one less by one."""
        return -self.total - self.inexact if self.total < 0 else self.total

    @property
    def top(self) -> int:
        """Bit of the leading one."""
        return self.magnitude.bit_length() - 1

    @property
    def dropped(self) -> int:
        """Bits of the total below those that the result keeps."""
        return max(self.top + 1 - SIGNIFICAND, 0)

    @property
    def guard(self) -> bool:
        """The highest of the dropped bits."""
        return bool(self.magnitude << 1 >> self.dropped & 1) and self.dropped > 0

    @property
    def rest(self) -> bool:
        """Whether anything is left below the guard bit."""
        below = self.magnitude % (1 << max(self.dropped - 1, 0))
        return bool(below) or self.inexact

    @property
    def up(self) -> bool:
        """Whether the magnitude is rounded up: to nearest, ties to even."""
        odd = bool(self.magnitude >> self.dropped & 1)
        return self.guard and (self.rest or odd)

    @property
    def value(self) -> float:
        """What the bits lead to, which must be the golden result."""
        kept = (self.magnitude >> self.dropped) + self.up
        weight = self.exponent - 127 - (self.frame.bits - 2) + self.dropped
        return float(np.ldexp(float(-kept if self.total < 0 else kept), weight))


def word(value: float | np.float32) -> int:
    """FP32 word of a value."""
    return int(np.float32(value).view(np.uint32))


def codes(values: Sequence[float]) -> tuple[int, ...]:
    """E2M1 codes of values."""
    return tuple(int(c) for c in E2M1.encode(np.array(values)))


_A, _B = codes([6, 4, -1.5, 0.5]), codes([6, 3, 2, 1])
_LONG_A = tuple((37 * i + 11) % 256 for i in range(32))
_LONG_B = tuple((91 * i + 70) % 256 for i in range(32))
EXAMPLES = (
    Example(
        "High: acc above the sum",
        "The sum is 45.5, 182 quarters, in the lowest bits. Acc's lowest bit counts 1, "
        "which is bit 2. The exact total lies half way between two FP32 values: the even one is "
        "taken.",
        E2M1,
        _A,
        _B,
        12345678,
    ),
    Example(
        "Low: acc below the sum",
        "The same sum stands 25 bits up, and acc, shifted down from the top, below it. "
        "The total keeps all bits of both that fit; those of acc that fall out of the frame "
        "only say that there is a rest.",
        E2M1,
        _A,
        _B,
        0.03,
    ),
    Example(
        "Low: nothing of acc in the frame",
        "The least sum there is, one quarter, less a billionth. Acc is rounded towards minus "
        "infinity, here to minus one in the lowest bit, so that the total is all ones from bit 24 "
        "down, with a rest above it. It rounds up to the quarter again: what is lost is less "
        "than a quarter of the result's last place.",
        E2M1,
        codes([0.5, 0, 0, 0]),
        codes([0.5, 0, 0, 0]),
        -1e-9,
    ),
    Example(
        "Clamped: acc far above the sum",
        "Acc would stand 13 places above the top. It is put at the top, and the frame counts in "
        "its exponent; the sum is then shown larger than it is, but is still at most a quarter "
        "of acc's last place, and rounds away.",
        E2M1,
        _A,
        codes([-6, -3, -2, -1]),
        2.0**60,
    ),
    Example(
        "Sum 0",
        "A sum of zero has no weight that acc could be far from: the frame follows acc, which "
        "comes out as it went in, whatever the scales are.",
        E2M1,
        codes([6, 4, 6, 0.5]),
        codes([6, -3, -4, 0]),
        0.1,
    ),
    Example(
        "MXSF, high",
        "32 products with the codes 11, 48, 85, ... (by 37, modulo 256) and 70, 161, 252, ... (by "
        "91), in units of 2^-18.",
        MXSF,
        _LONG_A,
        _LONG_B,
        1000.1,
    ),
    Example(
        "MXSF, low",
        "The same block. The sum moves up, and acc's lowest bits fall out below the frame.",
        MXSF,
        _LONG_A,
        _LONG_B,
        -3.1e-7,
    ),
)
