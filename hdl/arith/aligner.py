"""Aligner: a complemented product to its place on the exact grid. Combinational."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .adder import wire

__all__ = ["Aligner"]


class Aligner(wiring.Component):
    """Shift a product left, fill above with its sign, below with what complemented it.

    That fill makes a one's complement of the shifted product out of a one's complement of the
    product. A logarithmic shifter, the least shift first, since its words are the shortest.
    Combinational.

    Args:
        product_bits: width of the product.
        least: least value of ``place``, where the product stands at bit 0.
        most: largest value of ``place``.
        bits: width of the term; the caller knows that the product fits.

    Members:
        product: In, the product, complemented where it counts negatively.
        below: In, 1 where it is complemented.
        sign: In, its sign, which differs from ``below`` only where a factor is signed.
        invert: In, 1 to invert the whole term; in place of ``below``.
        place: In, shift + least.
        term: Out, offset by half its range: the sign bit is inverted.
    """

    def __init__(self, product_bits: int, least: int, most: int, bits: int):
        self.least, self.most = least, most
        super().__init__(
            {
                "product": In(product_bits),
                "below": In(1),
                "sign": In(1),
                "invert": In(1),
                "place": In(most.bit_length()),
                "term": Out(bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Stages of multiplexers; a bit outside the word is a fill."""
        m = Module()
        top = len(self.term) - 1
        word: dict[int, Value] = {i - self.least: bit for i, bit in enumerate(self.product)}
        for stage, select in enumerate(self.place):
            step = 1 << stage
            rest = (self.most >> (stage + 1)) << (stage + 1)  # how far later stages reach
            shifted: dict[int, Value] = {}
            low, high = min(word), max(word)
            for bit in range(-self.least, min(top, high + step + 1)):
                if bit + rest < 0 or bit < low:  # never reaches the term; still a fill
                    continue
                here = word.get(bit, self.sign)
                moved = word.get(bit - step, self.below if bit - step < low else self.sign)
                shifted[bit] = wire(m, Mux(select, moved, here), f"by_{step}")
            word = shifted
        low = min(word)
        term = [word.get(bit, self.below if bit < low else self.sign) for bit in range(top)]
        m.d.comb += self.term.eq(Cat(*term, ~self.sign) ^ self.invert.replicate(top + 1))
        return m
