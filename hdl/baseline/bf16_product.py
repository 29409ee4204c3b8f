"""Product of two BF16 words, exact and not normalised. Source: docs/numerics.md section 8."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import BF16, FP32
from ..arith.multiplier import Multiplier
from ..arith.ripple import add
from ..layouts import Fabric, word_layout

__all__ = ["Bf16Product", "Bf16Products", "acc_layout", "blocks_layout", "product_layout"]

_SIGNIFICAND = BF16.mantissa_bits + 1


def blocks_layout(block: int) -> data.StructLayout:
    """Fields of a beat in: ``a.words``, ``b.words``, arrays of BF16 words, and ``acc``, FP32."""
    words = data.StructLayout({"words": data.ArrayLayout(unsigned(BF16.bits), block)})
    return data.StructLayout({"a": words, "b": words, "acc": unsigned(FP32.bits)})


def acc_layout() -> data.StructLayout:
    """Fields of a beat out: ``acc``, an FP32 word."""
    return data.StructLayout({"acc": unsigned(FP32.bits)})


def product_layout() -> data.StructLayout:
    """Fields of a product: (-1)**sign * significand * 2**(exponent - 254 - 14), where not zero.

    ``significand`` and ``exponent`` mean something only where ``normal``: both words are finite
    and not zero. ``infinite`` and ``nan`` are what IEEE arithmetic gives.
    """
    return data.StructLayout(
        {
            "significand": unsigned(2 * _SIGNIFICAND),
            "exponent": unsigned(9),
            "normal": unsigned(1),
            "infinite": unsigned(1),
            "nan": unsigned(1),
            "sign": unsigned(1),
        }
    )


class Bf16Product(wiring.Component):
    """Multiply significands, add exponents, sort out special words. Combinational.

    Args:
        normalised: add one to ``exponent`` where the significand's top bit is 1, so that it is
            the exponent of the leading bit; without, it is the sum of the words' exponents.
        fabric: ``"asic"`` is a chain of gates, ``"fpga"`` and ``"dsp"`` what the target has.

    Members:
        a, b: In, BF16 words; subnormal ones count as zero.
        product: Out, ``product_layout()``.
    """

    def __init__(self, *, normalised: bool, fabric: Fabric = "asic"):
        self.normalised = normalised
        self.fabric: Fabric = fabric
        super().__init__(
            {
                "a": In(word_layout(BF16)),
                "b": In(word_layout(BF16)),
                "product": Out(product_layout()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Nothing is cleared: a word that is not normal only has its flag."""
        m = Module()
        a, b, made = self.a, self.b, self.product
        significands = [Cat(x.mantissa, Const(1, 1)) for x in (a, b)]
        some, wild, nan = (Signal(2, name=name) for name in ("some", "wild", "nan"))
        for i, x in enumerate((a, b)):
            m.d.comb += [
                some[i].eq(x.biased_exponent.any()),
                wild[i].eq(x.biased_exponent.all()),
                nan[i].eq(wild[i] & x.mantissa.any()),
            ]
        shape = unsigned(_SIGNIFICAND)
        m.submodules.multiplier = multiplier = Multiplier(shape, shape, self.fabric)
        m.d.comb += [
            multiplier.a.eq(significands[0]),
            multiplier.b.eq(significands[1]),
            made.significand.eq(multiplier.product),
        ]
        carry: Value = made.significand[-1] if self.normalised else Const(0, 1)
        exponents = (a.biased_exponent, b.biased_exponent)
        m.d.comb += [
            made.exponent.eq(add(m, *exponents, carry, self.fabric, name="exponent")),
            made.normal.eq(some.all()),
            made.nan.eq(nan.any() | (wild.any() & ~some.all())),
            made.infinite.eq(wild.any()),
            made.sign.eq(a.sign ^ b.sign),
        ]
        return m


class Bf16Products(wiring.Component):
    """Products of two blocks, word by word. Combinational.

    Args:
        block: words of a block.
        normalised: see ``Bf16Product``.
        fabric: see ``Bf16Product``.

    Members:
        a, b: In, arrays of BF16 words.
        products: Out, array of ``product_layout()``.
    """

    def __init__(self, block: int, normalised: bool, fabric: Fabric = "asic"):
        self.block, self.normalised = block, normalised
        self.fabric: Fabric = fabric
        words = data.ArrayLayout(unsigned(BF16.bits), block)
        products = data.ArrayLayout(product_layout(), block)
        super().__init__({"a": In(words), "b": In(words), "products": Out(products)})

    def elaborate(self, platform: Any) -> Module:
        """One product a lane."""
        m = Module()
        for k in range(self.block):
            lane = Bf16Product(normalised=self.normalised, fabric=self.fabric)
            m.submodules[f"product_{k}"] = lane
            m.d.comb += [
                lane.a.eq(self.a[k]),
                lane.b.eq(self.b[k]),
                self.products[k].eq(lane.product),
            ]
        return m
