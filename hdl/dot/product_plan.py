"""How a lane makes its product: what a pair of formats and a fabric leave of the general path.

    operands -- significands -- multiplier -- (complement) -- aligner -- term
             -- places ------- sum of places ------------------^

A term is the product in units of ``a.least * b.least``. Where it is negative it is a one's
complement: the one that is missing is added in the sum, as a carry. Which structure costs least was
measured (docs/area-dot.md).
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Shape, Value, signed
from amaranth.lib import data

from ...golden.dot.product_sum import Pair
from ..arith.adder import add_bits
from ..layouts import Fabric
from .operand import operand_layout
from .sums import count_bits

__all__ = ["ProductPlan"]

_HARD_BITS = 18  # of a factor of the multipliers that FPGAs have, with its sign


@dataclass(frozen=True)
class ProductPlan:
    """The choices for a pair of formats on a fabric."""

    pair: Pair
    fabric: Fabric

    @property
    def bits(self) -> int:
        """Width of a term."""
        return count_bits(self.pair, 1)

    @property
    def whole(self) -> bool:
        """Whether operands are shifted before they are multiplied.

        Where a hard multiplier has room for whole numbers, nothing is left to shift behind it.
        """
        widest = max(max(f.magnitudes).bit_length() for f in self.pair)
        return self.fabric == "dsp" and widest < _HARD_BITS

    @property
    def places(self) -> tuple[int, int]:
        """Least and largest sum of the places of a product; equal where nothing shifts."""
        shifts = [] if self.whole else [f.max_shift for f in self.pair if f.max_shift]
        return len(shifts), len(shifts) + sum(shifts)

    @property
    def shifts(self) -> bool:
        """Whether products are shifted."""
        return self.places[0] < self.places[1]

    @property
    def negates(self) -> bool:
        """Whether a product has a sign beside its factors, so that it may have to be negated."""
        return not all(f.twos_complement for f in self.pair)

    @property
    def negated_factor(self) -> int | None:
        """Which factor, 0 or 1, is negated in place of the product; None for the product.

        Hard multipliers take signed factors. A factor that is two's complement has its own sign.
        """
        if self.fabric != "dsp" or not self.negates:
            return None
        return int(self.pair[0].twos_complement)

    @property
    def operands(self) -> tuple[data.StructLayout, ...]:
        """Fields of the two factors of a lane."""
        layouts = []
        for side, (own, other) in enumerate(zip(self.pair, self.pair[::-1], strict=True)):
            layout = operand_layout(own, other.has_inf, self.whole)
            if side == self.negated_factor:
                bits = Shape.cast(layout["significand"].shape).width + 1
                layout = data.StructLayout({**layout.members, "significand": signed(bits)})
            layouts.append(layout)
        return tuple(layouts)

    @property
    def complements(self) -> bool:
        """Whether negated products are one's complements; else they are exact."""
        return self.negates and self.negated_factor is None

    @property
    def inverts_late(self) -> bool:
        """Whether negative terms are inverted behind the shift, not in the multiplier.

        In cells that costs more gates, since the word is longer; a LUT of the shifter's last
        stage has an input left for it.
        """
        return self.fabric == "fpga" and self.shifts

    def negative(self, a: Any, b: Any) -> Value:
        """Whether the product of two operands is negative, of the signs beside their factors."""
        signs = [x.sign for x, f in zip((a, b), self.pair, strict=True) if not f.twos_complement]
        return Cat(signs).xor()

    def place(self, m: Module, a: Any, b: Any) -> Value:
        """Place of the product of two operands, where products are shifted."""
        places = [x.place for x, f in zip((a, b), self.pair, strict=True) if f.max_shift]
        if len(places) == 1:
            return places[0]
        if self.fabric == "asic":
            return Cat(*add_bits(m, list(places[0]), list(places[1])))
        return places[0] + places[1]
