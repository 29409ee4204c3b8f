"""Sums of groups of products that share microexponents.

An operand with microexponents has one bit for each group of neighbouring lanes. Values count in
halves of the element's least magnitude, so that a bit of 0 is a shift by one. Golden answer:
``mxsf.golden.dot.product_sum``. Source: docs/numerics.md section 7.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat
from ..arith.adder import ZERO, add_bits, carry_chain, wire
from ..arith.aligner import Aligner
from ..layouts import Fabric, group_size

__all__ = ["GroupSum", "shared_micro"]


def shared_micro(beat: Any, formats: Sequence[BlockFormat], lanes: int) -> Value:
    """Microexponents of a beat, group after group of products: those of a, those of b.

    Args:
        beat: payload with ``a.micro`` and ``b.micro``, where the formats have them.
        formats: those of a and b.
        lanes: products of the beat.
    """
    bits = []
    for start in range(0, lanes, group_size(formats)):
        for side, format in zip("ab", formats, strict=True):
            if format.micro is not None:
                bits.append(beat[side].micro[start // format.micro[1]])
    return Cat(*bits)


class GroupSum(wiring.Component):
    """Sum of the terms of a group, shifted once by the group's microexponents. Combinational.

    Each term is offset by half its range, and so is the sum. It may be one too low: of the ones
    that make two's complements of one's complements as many are added as there are additions, and
    one is passed on, which the aligner's fill moves to the lowest place.

    Args:
        count: number of terms, a power of two.
        term_bits: width of a term.
        shifts: number of microexponents, 1 or 2.
        fabric: ``"asic"`` adds by a ripple of full adders, else by carry chains.

    Members:
        terms: In, array of terms.
        ones: In, a single one each.
        micro: In, the microexponents of the group.
        term: Out, the sum shifted left by 1 for each microexponent that is 0.
        carry: Out, what is still to be added to it.
    """

    def __init__(self, count: int, term_bits: int, shifts: int, fabric: Fabric = "asic"):
        self.fabric: Fabric = fabric
        self.sum_bits = term_bits + (count - 1).bit_length()
        super().__init__(
            {
                "terms": In(data.ArrayLayout(term_bits, count)),
                "ones": In(count),
                "micro": In(shifts),
                "term": Out(self.sum_bits + shifts),
                "carry": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Add in halves, shift."""
        m = Module()
        ones, terms = list(self.ones), [self.terms[k] for k in range(len(self.ones))]
        while len(terms) > 1:
            pairs = zip(terms[0::2], terms[1::2], strict=True)
            terms = [self._add(m, a, b, ones.pop()) for a, b in pairs]
        shifts = len(self.micro)
        m.submodules.aligner = aligner = Aligner(self.sum_bits - 1, 0, shifts, len(self.term))
        m.d.comb += [
            aligner.product.eq(terms[0][:-1]),
            aligner.sign.eq(~terms[0][-1]),
            aligner.below.eq(ones[0]),
            aligner.place.eq(self._place(m)),
            self.term.eq(aligner.term),
            self.carry.eq(ones[0]),
        ]
        return m

    def _add(self, m: Module, a: Value, b: Value, carry: Value) -> Value:
        if self.fabric == "asic":
            return Cat(*add_bits(m, list(a), list(b), carry))
        return wire(m, carry_chain(a, b, carry), "sum")

    def _place(self, m: Module) -> Value:
        """Number of microexponents that are 0."""
        zeros = [~bit for bit in self.micro]
        return zeros[0] if len(zeros) == 1 else Cat(*add_bits(m, zeros[:1], zeros[1:], ZERO))
