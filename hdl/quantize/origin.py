"""Origin: what the rounders of a block share, and the range of exponents that it describes.

Only some exponents below the largest of a block can give a code above 0. A rounder places its
word among them: with x the biased exponent that the innermost float of the format would give the
scaled word, ``u = x + shift`` is the word's place in a range of ``2**bits`` values.

No lane computes x. It adds to its biased exponent what the block shares: the low bits of the sum
are u, and the carry out says whether the word lies in the range. What depends on the scale alone
(flushing subnormal words, blocks with Inf or NaN) is in the origin and costs a lane next to
nothing. Source: docs/numerics.md section 3.
"""

from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data

from ...golden.formats.element import Binade, ElementFormat

__all__ = [
    "ExponentRange",
    "Segment",
    "exponent_range",
    "find_origin",
    "origin_layout",
    "segments",
]


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


class ExponentRange(NamedTuple):
    """The exponents that can give a code above 0: ``u = x + shift`` is 0 to ``2**bits - 1``.

    Attributes:
        bits: width of u.
        shift: u where x is 0.
        unscaled: u of a word whose biased exponent equals the scale byte.
        most: largest u that occurs.
    """

    bits: int
    shift: int
    unscaled: int
    most: int


@cache
def segments(element: ElementFormat) -> tuple[Segment, ...]:
    """Segments of the normal range, highest first."""
    normal, linear = _ranges(element)
    result = []
    for kept, group in groupby(normal, key=lambda binade: binade.mantissa_bits):
        last = list(group)[-1]
        x = last.exponent - linear + 1
        result.append(Segment(x, (last.first_code >> kept) - x, kept))
    return tuple(result)


@cache
def exponent_range(element: ElementFormat, tail: int = 0) -> ExponentRange:
    """Exponents that matter in a format; with a tail so many more of them downwards.

    Its width is a power of two, which leaves the shift some choice. The one taken has the fewest
    bits to compute: constants to add to u, or to compare it with, ending in many zeros.
    """
    _, linear = _ranges(element)
    depth = segments(element)[-1].kept + tail  # the linear range spans x = 0 .. -depth
    most = 1 - linear + max(element.emax, 0)  # above emax only where the scale byte ends, at 254
    bits = (depth + most).bit_length()

    def cost(shift: int) -> tuple[int, int]:
        adding = (
            _bits_left(part.offset - shift, element.bits - 1 - part.kept)
            for part in segments(element)
        )
        comparing = (_bits_left(part.first + shift, bits) for part in segments(element))
        return sum(adding) + sum(comparing), -shift

    shift = min(range(depth, (1 << bits) - most), key=cost)
    return ExponentRange(bits, shift, 1 - linear + shift, most + shift)


def _ranges(element: ElementFormat) -> tuple[list[Binade], int]:
    """Binades with x >= 1, and the exponent of x = 1: the highest with the least spacing."""
    binades = element.binades
    unit = element.unit_exponent
    linear = max(b.exponent for b in binades if b.exponent - b.mantissa_bits == unit)
    return [b for b in binades if b.exponent >= linear], linear


def _bits_left(constant: int, width: int) -> int:
    """Bits of a constant from its lowest one up, modulo ``2**width``."""
    rest = constant % (1 << width)
    return width - ((rest & -rest).bit_length() - 1) if rest else 0


def origin_layout(element: ElementFormat, tail: int = 0) -> data.StructLayout:
    """What every rounder of a block shares.

    ``addend`` plus a biased exponent has u in its low bits and, above its width, a carry for
    words in the range. ``low``: the range begins below biased exponent 1; every word above
    that is then in the range, and no sum carries. ``clear``: all codes are 0 (Inf or NaN).
    """
    width = max(exponent_range(element, tail).bits, 8)
    return data.StructLayout({"addend": unsigned(width), "low": unsigned(1), "clear": unsigned(1)})


def find_origin(
    m: Module, scale: Value, clear: Value, element: ElementFormat, tail: int = 0
) -> Any:
    """Origin of a block, a View of ``origin_layout(element, tail)``.

    The addend is minus the least biased exponent in the range, modulo its width. With ``clear``
    it is 0, and no sum carries.

    Args:
        m: the module that gets the logic.
        scale: the block's scale byte.
        clear: whether the block holds Inf or NaN.
        element: the element format.
        tail: as in ``exponent_range``.
    """
    origin: Any = Signal(origin_layout(element, tail), name="origin")
    unscaled = exponent_range(element, tail).unscaled
    m.d.comb += [
        origin.clear.eq(clear),
        origin.addend.eq(Mux(clear, 0, unscaled - scale)),
        origin.low.eq(~clear & (scale <= unscaled)),
    ]
    return origin
