"""Dot products of BF16 words in a binary tree of FP32 additions: a baseline.

Source: docs/numerics.md section 8.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import BF16, FP32
from ..arith.result_rounder import ResultRounder
from ..layouts import Fabric, word_layout
from ..stream.pipeline import pipeline
from ..stream.points import Points, Stages
from ..stream.register import derive, link
from .bf16_product import Bf16Products, acc_layout, blocks_layout
from .fp32_adder import Fp32Adder, float_layout

__all__ = ["POINTS", "Fp32Tree"]

POINTS = Points(
    path=("product", "sum/k", "sum", "round"), priority=("round", "sum", "product"), default=0
)
"""Where pipeline registers may stand; a level of the tree is a level of additions."""

_PRODUCT = 2 * (BF16.mantissa_bits + 1)


class Fp32Tree(wiring.Component):
    """A stream of pairs of BF16 blocks and accs to a stream of FP32 words, rounded at each node.

    Args:
        block: products in a sum.
        stages, fabric: see ``Baseline``.

    Members:
        i: In, stream of ``blocks_layout``.
        o: Out, stream of ``acc_layout``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, block: int, stages: Stages | None = None, fabric: Fabric = "asic"):
        self.block, self._depth = block, (block - 1).bit_length()
        self.stages = POINTS.chosen(stages)
        self.points = POINTS.resolve(stages, depth=self._depth, term="product")
        self.fabric: Fabric = fabric
        super().__init__(
            {
                "i": In(stream.Signature(blocks_layout(block))),
                "o": Out(stream.Signature(acc_layout())),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Products, one level of additions after the other, acc."""
        m = Module()
        stages = [("product", self._operands)]
        stages += [(f"sum/{level}", self._additions) for level in range(1, self._depth + 1)]
        stages += [("round", self._finish)]
        link(m, pipeline(m, self.i, stages, self.points), self.o)
        return m

    def _operands(self, m: Module, source: Any, name: str) -> Any:
        """Products as floats: out of range is zero or infinite."""
        layout = data.ArrayLayout(float_layout(_PRODUCT - 1), self.block)
        fields = {"terms": layout, "nan": unsigned(1), "acc": unsigned(FP32.bits)}
        out = derive(m, source, fields, name=f"{name}_stage", copied=["acc"])
        nans = Signal(self.block, name="nans")
        m.submodules.products = products = Bf16Products(self.block, True, self.fabric)
        m.d.comb += [products.a.eq(source.payload.a.words), products.b.eq(source.payload.b.words)]
        for k, product in enumerate(products.products):
            term, exponent = out.payload.terms[k], product.exponent
            high = product.significand[-1]
            m.d.comb += [
                # 128 is the exponent of 2**-126, 382 that of 2**128.
                term.normal.eq(product.normal & exponent[7:].any()),
                term.infinite.eq(
                    product.infinite
                    | (product.normal & exponent[8] & (exponent[7] | exponent[1:7].all()))
                ),
                term.exponent.eq(Cat(exponent[:7], exponent[8])),
                term.mantissa.eq(
                    Mux(high, product.significand[:-1], product.significand[:-1] << 1)
                ),
                term.sign.eq(product.sign),
                nans[k].eq(product.nan),
            ]
        m.d.comb += out.payload.nan.eq(nans.any())
        return out

    def _additions(self, m: Module, source: Any, name: str) -> Any:
        """One level of the tree: neighbours in pairs, an odd one passes."""
        before = source.payload
        old = before.terms
        layout = data.ArrayLayout(float_layout(), (len(old) + 1) // 2)
        fields = {"terms": layout, "nan": unsigned(1), "acc": unsigned(FP32.bits)}
        out = derive(m, source, fields, name=f"{name}_stage", copied=["acc"])
        nans = [before.nan]
        for k in range(len(old) // 2):
            node = self._adder(m, old[2 * k], old[2 * k + 1], f"adder_{name}_{k}")
            m.d.comb += out.payload.terms[k].eq(node.sum)
            nans.append(node.nan)
        if len(old) % 2:
            m.d.comb += out.payload.terms[-1].eq(_widened(old[len(old) - 1]))
        m.d.comb += out.payload.nan.eq(Cat(nans).any())
        return out

    def _adder(self, m: Module, a: Any, b: Any, name: str) -> Fp32Adder:
        node = Fp32Adder(len(a.mantissa), fabric=self.fabric)
        m.submodules[name] = node
        m.d.comb += [node.a.eq(a), node.b.eq(b)]
        return node

    def _finish(self, m: Module, source: Any, name: str) -> Any:
        """Acc is the last addend; the rounder has nothing to round and makes the word."""
        before = source.payload
        out = derive(m, source, acc_layout(), name=f"{name}_stage")
        acc: Any = Signal(word_layout(FP32), name="acc")
        start: Any = Signal(float_layout(), name="start")
        m.d.comb += [
            acc.eq(before.acc),
            start.mantissa.eq(acc.mantissa),
            start.exponent.eq(acc.biased_exponent - 1),
            start.normal.eq(acc.biased_exponent.any()),
            start.infinite.eq(acc.biased_exponent.all()),
            start.sign.eq(acc.sign),
        ]
        node = self._adder(m, _widened(before.terms[0]), start, "adder_acc")
        m.submodules.result_rounder = rounder = ResultRounder(10, truncate=True, fabric=self.fabric)
        m.d.comb += [
            rounder.sign.eq(node.sum.sign & ~node.zero),
            rounder.exponent.eq(node.sum.exponent + 1),
            rounder.significand.eq(Cat(Const(0, 1), node.sum.mantissa, node.sum.normal)),
            rounder.nan.eq(before.nan | node.nan | (start.infinite & acc.mantissa.any())),
            rounder.inf.eq(node.sum.infinite),
            rounder.inf_sign.eq(node.sum.sign),
            out.payload.acc.eq(rounder.word),
        ]
        return out


def _widened(term: Any) -> Any:
    """A float with its mantissa extended by zeros."""
    mantissa = Cat(Const(0, FP32.mantissa_bits - len(term.mantissa)), term.mantissa)
    return data.View(float_layout(), Cat(mantissa, term.as_value()[len(term.mantissa) :]))
