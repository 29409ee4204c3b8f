"""Digest: all that rounding needs to know of a word, in fewer bits, before the scale is known.

The element that a word becomes is some bits of its significand, and one bit more: whether it rounds
up. Which bits depends on the scale, but there are few choices (``choices``).

- Nearest even: the bits below those that any choice keeps become one, their OR. MXSF needs 7
  mantissa bits of an FP32 word: five kept, one guard, one sticky. The digest is a word again, of a
  narrower format.
- Half away: the guard alone decides, one bit fewer.
- Stochastic: for each choice the carry of the bits below it plus the random number. A word that
  lies so far below that its element is 0 or the least one rounds up where its distance is at most
  ``reach``. The number itself is used up: a word has one, whatever it is read for later. The same
  digest says nearest even of a word that has no number; where the code's lowest bit is not a
  mantissa bit, a ``tie`` stays open.

So what waits for the scale is 16 bits a word (MXSF, nearest even) or 23 (stochastic) instead of 32
and a random number. Source: docs/numerics.md section 3.
"""

from functools import cache
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import WordFormat
from ...golden.quantize.lfsr import NUMBER_BITS
from ..layouts import Fabric, word_layout
from .origin import segments

__all__ = ["Choice", "Digest", "Draw", "choices", "digest_layout", "tail"]

_REACH = NUMBER_BITS.bit_length()  # bits that hold 0 to NUMBER_BITS


class Choice(NamedTuple):
    """One way to take a code from a significand.

    Attributes:
        drop: significand bits below the code's lowest; negative where the code has more bits.
        kept: significand bits taken, from bit ``drop`` up.
        distance: places below the normal range, 1 and more; 0 for a segment of it.
    """

    drop: int
    kept: int
    distance: int


@cache
def choices(
    element: ElementFormat, mantissa_bits: int, rounding: Rounding = Rounding.NEAREST_EVEN
) -> tuple[Choice, ...]:
    """Choices for words of some mantissa bits: the segments, then the linear range downwards.

    Stochastic rounding has no choice that keeps nothing: that is what ``reach`` is for.
    """
    ways = [Choice(mantissa_bits - s.kept, s.kept, 0) for s in segments(element)]
    depth = segments(element)[-1].kept
    last = depth if rounding is Rounding.STOCHASTIC else depth + 1
    for distance in range(1, last + 1):
        ways.append(Choice(mantissa_bits - depth + distance, depth + 1 - distance, distance))
    return tuple(ways)


def tail(rounding: Rounding) -> int:
    """Exponents by which the reach goes further down: a small word may round up to the least."""
    return NUMBER_BITS - 1 if rounding is Rounding.STOCHASTIC else 0


def digest_layout(
    element: ElementFormat, source: WordFormat, rounding: Rounding
) -> data.StructLayout:
    """Fields of a digest.

    To nearest: those of a word with the mantissa bits that a choice may keep, the guard and, for
    nearest even, the sticky bit. Stochastic: the mantissa bits that a choice may keep, ``up`` (one
    bit for each choice that drops any), ``reach``, exponent, sign; ``tie`` where a segment keeps
    no mantissa bit.
    """
    most = max(s.kept for s in segments(element))
    below = {Rounding.NEAREST_EVEN: 2, Rounding.HALF_AWAY: 1, Rounding.STOCHASTIC: 0}[rounding]
    drawn = {}
    if rounding is Rounding.STOCHASTIC:
        dropping = [c for c in choices(element, source.mantissa_bits, rounding) if c.drop > 0]
        drawn = {"up": unsigned(len(dropping)), "reach": unsigned(_REACH)}
        if any(c.kept == 0 for c in dropping):
            drawn["tie"] = unsigned(1)
    return data.StructLayout(
        {
            "mantissa": unsigned(min(source.mantissa_bits, most + below)),
            **drawn,
            "biased_exponent": unsigned(source.exponent_bits),
            "sign": unsigned(1),
        }
    )


class Draw(wiring.Component):
    """A random number, and what ``Digest`` needs of it beside. Combinational.

    Members:
        number: In, the number, 16 bits.
        draw: Out: ``number``; ``ones``, how many of its highest bits are ones; ``rest``, the bits
            below the highest zero, moved up to the top of 15.
    """

    layout = data.StructLayout(
        {"number": NUMBER_BITS, "ones": unsigned(_REACH), "rest": NUMBER_BITS - 1}
    )

    def __init__(self) -> None:
        super().__init__({"number": In(NUMBER_BITS), "draw": Out(self.layout)})

    def elaborate(self, platform: Any) -> Module:
        """Count and shift, by halves."""
        m = Module()
        draw: Any = self.draw
        rest: Value = self.number
        ones: list[Value] = []
        for k in reversed(range(_REACH)):
            if 1 << k > NUMBER_BITS:
                continue
            full, moved = Signal(name=f"full_{k}"), Signal(NUMBER_BITS, name=f"moved_{k}")
            top = rest[NUMBER_BITS - (1 << k) :]
            m.d.comb += [full.eq(top.all()), moved.eq(Mux(full, rest << (1 << k), rest))]
            ones.insert(0, full)
            rest = moved
        # The highest bit is the zero that ended the ones, or all are gone.
        m.d.comb += [
            draw.number.eq(self.number),
            draw.ones.eq(Cat(*ones)),
            draw.rest.eq(rest[: NUMBER_BITS - 1]),
        ]
        return m


class Digest(wiring.Component):
    """A word to its digest. Combinational.

    Args:
        element: the element format.
        source: the word format.
        rounding: nearest even, half away, or stochastic with nearest even for words without a
            number.
        fabric: ``"asic"`` takes carries through a chain of gates, ``"fpga"`` from adders.

    Members:
        word: In, the word.
        draw: In, ``Draw.layout``, and stochastic: In, whether to use it; stochastic only.
        digest: Out, ``digest_layout``.
    """

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        rounding: Rounding,
        fabric: Fabric = "asic",
    ):
        self.element, self.source, self.rounding = element, source, rounding
        self.fabric: Fabric = fabric
        drawn = (
            {"draw": In(Draw.layout), "stochastic": In(1)}
            if rounding is Rounding.STOCHASTIC
            else {}
        )
        layout = digest_layout(element, source, rounding)
        super().__init__({"word": In(word_layout(source)), **drawn, "digest": Out(layout)})

    def elaborate(self, platform: Any) -> Module:
        """Keep the upper mantissa bits, decide about the lower ones."""
        m = Module()
        word: Any = self.word
        digest: Any = self.digest
        below = len(word.mantissa) - len(digest.mantissa)
        kept = word.mantissa[below:]
        if self.rounding is Rounding.NEAREST_EVEN and below:
            kept = Cat(word.mantissa[: below + 1].any(), kept[1:])
        m.d.comb += [
            digest.mantissa.eq(kept),
            digest.biased_exponent.eq(word.biased_exponent),
            digest.sign.eq(word.sign),
        ]
        if self.rounding is not Rounding.STOCHASTIC:
            return m
        draw: Any = self.draw
        ups = []
        significand = Cat(word.mantissa, Const(1, 1))
        for drop, kept, _ in choices(self.element, self.source.mantissa_bits, self.rounding):
            if drop > 0:
                carry = self._carry(m, significand[:drop], draw.number, f"up_{len(ups)}")
                half, more = significand[drop - 1], significand[: drop - 1].any()
                odd = significand[drop] if kept else Const(0, 1)
                ups.append(Mux(self.stochastic, carry, half & (more | odd)))
                if not kept:
                    m.d.comb += digest.tie.eq(~self.stochastic & half & ~more)
        # Without a number: the element is the least one for more than half of it.
        beyond = draw.ones + self._carry(m, word.mantissa, draw.rest, "more")
        m.d.comb += [
            digest.up.eq(Cat(*ups)),
            digest.reach.eq(Mux(self.stochastic, beyond, word.mantissa.any())),
        ]
        return m

    def _carry(self, m: Module, dropped: Value, number: Value, name: str) -> Signal:
        """Carry of two fractions; bits below those of the number never matter."""
        lower = max(len(dropped) - len(number), 0)
        fraction = Cat(Const(0, len(number) + lower - len(dropped)), dropped[lower:])
        carry = Signal(name=name)
        if self.fabric == "fpga":
            total = Signal(len(number) + 1, name=f"{name}_total")
            m.d.comb += [total.eq(fraction + number), carry.eq(total[-1])]
            return carry
        running: Value = Const(0, 1)
        for i, (a, b) in enumerate(zip(fraction, number, strict=True)):
            above = Signal(name=f"{name}_{i}")
            m.d.comb += above.eq((a & b) | (running & (a | b)))
            running = above
        m.d.comb += carry.eq(running)
        return carry
