"""Scale: the E8M0 byte of a block from the largest key of its words.

Every rule is one comparator (``mxsf.golden.formats.scale_rule``): with E and M of the block's
largest word, ``byte = clamp(E - emax + (M > T), 0, 254)``. Since (E, M > T) orders as (E, M)
does, the maximum is taken over the key (E, M > T) alone: 9 bits a word, 8 for FLOOR.
Source: docs/numerics.md section 2.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.scale import E8M0
from ...golden.formats.scale_rule import ScaleRule, comparator
from ...golden.formats.word import FP32, WordFormat
from ..layouts import Fabric
from ..scale import scale_shape

__all__ = ["LargestKey", "key_bits", "overflows", "scale_byte", "word_key"]


def key_bits(rule: ScaleRule) -> int:
    """Width of a key: the biased exponent above one bit for ``M > T``, which FLOOR never needs."""
    return 8 if rule is ScaleRule.FLOOR else 9


class LargestKey(wiring.Component):
    """The largest of several unsigned keys. Combinational.

    In standard cells bit by bit from the top: a key that lacks a bit which a living one has is
    out. In LUTs a tree of compare and select, whose comparators are carry chains. Either takes
    about half of what the other takes there (docs/area-encoder.md).

    Args:
        count: number of keys.
        bits: width of a key.
        fabric: ``"asic"`` or ``"fpga"``.

    Members:
        keys: In, array of ``count`` keys.
        largest: Out, the largest.
    """

    def __init__(self, count: int, bits: int, fabric: Fabric = "asic"):
        self.count, self.bits, self.fabric = count, bits, fabric
        super().__init__({"keys": In(data.ArrayLayout(bits, count)), "largest": Out(bits)})

    def elaborate(self, platform: Any) -> Module:
        """Build the structure of the fabric."""
        m = Module()
        keys: Any = self.keys
        build = self._tree if self.fabric == "fpga" else self._elimination
        m.d.comb += self.largest.eq(build(m, keys))
        return m

    def _tree(self, m: Module, keys: Any) -> Value:
        """Halve the keys, level by level."""
        level = [keys[i] for i in range(self.count)]
        while len(level) > 1:
            above = level[len(level) & ~1 :]
            for a, b in zip(level[0::2], level[1::2], strict=False):
                larger = Signal(self.bits, name="larger")
                m.d.comb += larger.eq(Mux(a > b, a, b))
                above.append(larger)
            level = above
        return level[0]

    def _elimination(self, m: Module, keys: Any) -> Value:
        """Walk the bits from the highest down."""
        alive = [None] * self.count
        bits: list[Value] = []
        for bit in reversed(range(self.bits)):
            votes = Signal(self.count, name=f"votes_{bit}")
            any_vote = Signal(name=f"any_{bit}")
            m.d.comb += any_vote.eq(votes.any())
            for i in range(self.count):
                has = keys[i][bit]
                m.d.comb += votes[i].eq(has if alive[i] is None else has & alive[i])
                if bit:
                    living = Signal(name=f"alive_{bit}_{i}")
                    before = Const(1, 1) if alive[i] is None else alive[i]
                    m.d.comb += living.eq(Mux(any_vote, votes[i], before))
                    alive[i] = living
            bits.insert(0, any_vote)
        return Cat(*bits)


def word_key(word: Any, element: ElementFormat, source: WordFormat, rule: ScaleRule) -> Value:
    """Key of a word, a View of ``word_layout(source)``: its upper 8 bits are its exponent."""
    if rule is ScaleRule.FLOOR:
        return word.biased_exponent
    emax, threshold, threshold_low = comparator(element, rule)
    drop = 23 - source.mantissa_bits
    above = word.mantissa > (threshold >> drop)
    if threshold_low >> drop != threshold >> drop:
        low = word.mantissa > (threshold_low >> drop)
        above = Mux(word.biased_exponent == emax, low, above)
    return Cat(above, word.biased_exponent)


def scale_byte(m: Module, key: Value, element: ElementFormat, rule: ScaleRule) -> Signal:
    """Scale byte of a block from its largest key; 0xFF where a word is Inf or NaN.

    A zero block has exponent 0 and so byte 0: where emax is not positive, the clamp alone would
    not see to that.
    """
    exponent = key[-8:]
    up = key[0] if key_bits(rule) == 9 else 0
    # At most 254 + 1 - emax, at least -emax: two bits more than a byte hold it with its sign.
    raw = Signal(signed(10), name="raw_scale")
    byte = Signal(scale_shape(E8M0), name="scale")
    m.d.comb += [raw.eq(exponent - element.emax + up), byte.eq(raw[:8])]
    with m.If((raw < 0) | (exponent == 0)):
        m.d.comb += byte.eq(0)
    if (rule is not ScaleRule.FLOOR) > element.emax:  # a finite word may reach beyond
        with m.Elif(raw > E8M0.largest_code):
            m.d.comb += byte.eq(E8M0.largest_code)
    with m.If(exponent == FP32.special_exponent):
        m.d.comb += byte.eq(E8M0.nan_code)
    return byte


def overflows(
    element: ElementFormat, rule: ScaleRule, rounding: Rounding = Rounding.NEAREST_EVEN
) -> bool:
    """Whether rounding can pass the largest value under a scale rule.

    Read from the rule's threshold: the largest word that does not raise the scale decides.
    """
    emax, threshold, threshold_low = comparator(element, rule)
    if emax <= 0:  # the scale byte ends at 254, where the rule would ask for more
        return True
    top = element.binades[0]
    mantissa = min(max(threshold, threshold_low), (1 << 23) - 1)
    highest = 2.0**emax * (1 + mantissa * 2.0**-23)
    if rounding is Rounding.STOCHASTIC:
        return highest > element.largest
    return highest >= element.largest + 2.0 ** (emax - top.mantissa_bits - 1)
