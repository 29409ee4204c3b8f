"""Rounder: a word and its block's scale to an element code, nearest even.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md section 3.

With x the biased exponent that the innermost float of the format would give the scaled word:

- ``x >= 1``: the word falls in a normal binade. Binades that keep the same number of mantissa
  bits form a segment; the code is (x + offset of the segment) above the kept mantissa bits.
- ``x <= 0``: the linear range below. The code is the significand shifted right by ``1 - x``.

Both give a code, a guard bit and a sticky bit; rounding increments the code, and the carry
crosses every seam by itself.
"""

from itertools import groupby
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.formats import ElementFormat, Overflow
from ..golden.words import WordFormat
from .formats import word_layout

__all__ = ["Rounder", "origin", "origin_shape"]


class Segment(NamedTuple):
    """Normal binades that keep the same mantissa bits: ``code = (x + offset) << kept | mantissa``.

    Attributes:
        first: least x of the segment.
        offset: what is added to x.
        kept: mantissa bits kept.
    """

    first: int
    offset: int
    kept: int


def origin(element: ElementFormat) -> int:
    """Return what turns the exponent of a scaled element into x."""
    _, linear = _ranges(element)
    return 1 - linear


def origin_shape(element: ElementFormat) -> Shape:
    """Shape of the block-wide ``origin(element) - scale`` that every rounder of a block reads."""
    return signed(Shape.cast(range(origin(element) - 255, origin(element) + 1)).width + 1)


def segments(element: ElementFormat) -> tuple[Segment, ...]:
    """Segments of the normal range, highest first."""
    normal, linear = _ranges(element)
    result = []
    for kept, group in groupby(normal, key=lambda binade: binade.mantissa_bits):
        last = list(group)[-1]
        x = last.exponent - linear + 1
        result.append(Segment(x, (last.first_code >> kept) - x, kept))
    return tuple(result)


def _ranges(element: ElementFormat) -> tuple[Any, int]:
    """Binades with x >= 1, and the exponent of x = 1: the highest with the least spacing."""
    binades = element.binades
    unit = element.unit_exponent
    linear = max(b.exponent for b in binades if b.exponent - b.mantissa_bits == unit)
    return [b for b in binades if b.exponent >= linear], linear


class Rounder(wiring.Component):
    """One word to one code, nearest even. Combinational.

    Args:
        element: the element format.
        source: the word format.
        overflow: ``"saturate"`` or ``"ovf"``.
        overflows: whether a word can round beyond the limit at all under the scale rule in use;
            without it the saturation is not built.

    Members:
        word: In, the word; never Inf or NaN unless ``clear``.
        origin: In, signed: ``origin(element)`` minus the scale byte.
        clear: In, gives code 0 (a block that holds Inf or NaN).
        code: Out, the code.
    """

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        overflow: Overflow = "saturate",
        overflows: bool = True,
    ):
        self.element, self.source = element, source
        self.limit, self.overflows = element.limit_code(overflow), overflows
        super().__init__(
            {
                "word": In(word_layout(source)),
                "origin": In(origin_shape(element)),
                "clear": In(1),
                "code": Out(element.bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Align, then increment."""
        m = Module()
        element = self.element
        word: Any = self.word  # type: ignore[attr-defined]
        clear: Any = self.clear  # type: ignore[attr-defined]
        x = Signal(range(origin(element) - 255, origin(element) + 255))
        m.d.comb += x.eq(word.biased_exponent + self.origin)  # type: ignore[attr-defined]

        # Flushed: subnormal words, blocks without scale, and what lies below half the least code.
        depth = segments(element)[-1].kept  # the linear range spans x = 0 .. -depth
        dead = Signal()
        m.d.comb += dead.eq((x < -depth) | (word.biased_exponent == 0) | clear)

        code = Signal(element.bits - 1)
        guard, sticky = Signal(), Signal()
        normal = self._normal(m, x, word.mantissa)
        linear = self._linear(m, x, word.mantissa, depth)
        with m.If(~dead):
            m.d.comb += Cat(sticky, guard, code).eq(Mux(x < 1, linear, normal))
        self._increment(m, code, guard & (sticky | code[0]), word.sign & ~clear)
        return m

    def _normal(self, m: Module, x: Value, mantissa: Value) -> Signal:
        """Code, guard, sticky (lowest) for x >= 1."""
        result = Signal(self.element.bits + 1, name="normal")
        parts = segments(self.element)
        for segment in reversed(parts):
            above = len(result) - 2 - segment.kept
            field = (x + segment.offset)[:above]
            value = Cat(_cut(mantissa, segment.kept), field)
            if segment is parts[-1]:
                m.d.comb += result.eq(value)
            else:
                with m.If(x >= segment.first):
                    m.d.comb += result.eq(value)
        element = self.element
        if element.emax < 0:  # the scale byte ends at 254, so a word may lie above every binade
            with m.If(x >= origin(element) + element.emax + 1):
                m.d.comb += result.eq(~0)
        return result

    def _linear(self, m: Module, x: Value, mantissa: Value, depth: int) -> Signal:
        """Code, guard, sticky (lowest) for x in 0 .. -depth: the significand shifted by 1 - x."""
        distance = Signal(range(depth + 1), name="distance")
        m.d.comb += distance.eq(-x)
        value: Value = _cut(Cat(mantissa, Const(1, 1)), depth)
        for k in range(len(distance)):
            shifted = Signal(depth + 2, name=f"linear_{k}")
            step = 1 << k
            jam = value[: step + 1].any()
            m.d.comb += shifted.eq(Mux(distance[k], Cat(jam, value[step + 1 :]), value))
            value = shifted
        result = Signal(self.element.bits + 1, name="linear")
        m.d.comb += result.eq(value)
        return result

    def _increment(self, m: Module, code: Signal, up: Value, sign: Value) -> None:
        """Round up, saturate, sign."""
        element, limit = self.element, self.limit
        top = element.binades[0]
        natural = top.first_code + (1 << top.mantissa_bits) - 1  # largest code before rounding
        rises = Signal()
        m.d.comb += rises.eq(up)
        held: Value = code
        if self.overflows and limit <= natural:
            full = Signal()
            m.d.comb += full.eq(code >= limit)
            with m.If(full):
                m.d.comb += rises.eq(0)
            if limit < natural:
                held = Signal(len(code), name="held")
                m.d.comb += held.eq(Mux(full, limit, code))
        out: Any = self.code  # type: ignore[attr-defined]
        if element.twos_complement:
            # -(c + r) = ~c + (1 - r): one incrementer serves rounding and negation.
            m.d.comb += out.eq(Cat(held ^ sign.replicate(len(held)), sign) + (rises ^ sign))
        else:
            m.d.comb += out.eq(Cat((held + rises)[: len(code)], sign))


def _cut(bits: Value, kept: int) -> Value:
    """Keep the highest bits, one guard bit below them, and the rest as one sticky bit."""
    spare = len(bits) - kept - 2
    if spare <= 0:
        return Cat(Const(0, -spare), bits) if spare else bits
    return Cat(bits[: spare + 1].any(), bits[spare + 1 :])
