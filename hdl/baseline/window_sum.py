"""Dot products of BF16 words aligned to the largest exponent in a window of bits: a baseline.

Source: docs/numerics.md section 8.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import FP32
from ..arith.down_shifter import DownShifter
from ..arith.normaliser import LeadingCount, Normaliser
from ..arith.result_rounder import ResultRounder
from ..arith.ripple import add, add_signed, increment
from ..layouts import Fabric, word_layout
from ..quantize.scale_finder import LargestKey
from ..stream.pipeline import pipeline
from ..stream.points import Points, Stages
from ..stream.register import derive, link
from .bf16_product import Bf16Products, acc_layout, blocks_layout, product_layout

__all__ = ["POINTS", "WindowSum"]

POINTS = Points(
    path=("product", "largest", "align", "sum/k", "sum", "add", "normalise", "round"),
    priority=("round", "align", "sum", "product", "normalise", "largest", "add"),
    default=0,
)
"""Where pipeline registers may stand."""

_BIAS = 127
_KEY = 9  # bits of the sum of two biased exponents
_SPECIALS = {"nan": unsigned(1), "inf": unsigned(1), "inf_sign": unsigned(1)}
_LANE = data.StructLayout(
    {n: f.shape for n, f in product_layout() if n in ("significand", "exponent", "normal", "sign")}
)


class WindowSum(wiring.Component):
    """A stream of pairs of BF16 blocks and accs to a stream of FP32 words, truncated.

    Args:
        block: products in a sum.
        window: bits of the window.
        stages, fabric: see ``Baseline``.

    Members:
        i: In, stream of ``blocks_layout``.
        o: Out, stream of ``acc_layout``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        block: int,
        window: int,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        self.block, self.window, self._depth = block, window, (block - 1).bit_length()
        self.stages = POINTS.chosen(stages)
        self.points = POINTS.resolve(stages, depth=self._depth, term="align")
        self.fabric: Fabric = fabric
        super().__init__(
            {
                "i": In(stream.Signature(blocks_layout(block))),
                "o": Out(stream.Signature(acc_layout())),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The stages, a register after each that has one."""
        m = Module()
        stages = [("product", self._products), ("largest", self._largest), ("align", self._align)]
        stages += [(f"sum/{level}", self._sums) for level in range(1, self._depth + 1)]
        stages += [("add", self._add), ("normalise", self._normalise), ("round", self._round)]
        link(m, pipeline(m, self.i, stages, self.points), self.o)
        return m

    def _products(self, m: Module, source: Any, name: str) -> Any:
        """Products as they are, and what special words come to."""
        layout = data.ArrayLayout(_LANE, self.block)
        fields = {"lanes": layout, "acc": word_layout(FP32), **_SPECIALS}
        out = derive(m, source, fields, name=f"{name}_stage")
        nans, pluses, minuses = ([] for _ in range(3))
        m.submodules.products = products = Bf16Products(self.block, False, self.fabric)
        m.d.comb += [products.a.eq(source.payload.a.words), products.b.eq(source.payload.b.words)]
        for lane, product in zip(out.payload.lanes, products.products, strict=True):
            m.d.comb += [lane[field].eq(product[field]) for field, _ in _LANE]
            nans.append(product.nan)
            pluses.append(product.infinite & ~product.sign)
            minuses.append(product.infinite & product.sign)
        acc: Any = Signal(word_layout(FP32), name="acc")
        wild, plus, minus = (Signal(name=name) for name in ("acc_wild", "any_plus", "any_minus"))
        m.d.comb += [
            acc.eq(source.payload.acc),
            out.payload.acc.eq(acc),
            wild.eq(acc.biased_exponent.all()),
            plus.eq(Cat(pluses).any() | (wild & ~acc.sign)),
            minus.eq(Cat(minuses).any() | (wild & acc.sign)),
            out.payload.nan.eq(Cat(nans).any() | (plus & minus) | (wild & acc.mantissa.any())),
            out.payload.inf.eq(plus | minus),
            out.payload.inf_sign.eq(minus),
        ]
        return out

    def _largest(self, m: Module, source: Any, name: str) -> Any:
        """The largest exponent of what is not zero; acc's bias is 127, a product's twice that."""
        before = source.payload
        m.submodules.largest = largest = LargestKey(self.block + 1, _KEY + 1, self.fabric)
        fields = _others(before)
        for k, lane in enumerate(before.lanes):
            m.d.comb += largest.keys[k].eq(Cat(lane.exponent, lane.normal))
        key = Cat(self._acc_key(m, before.acc), before.acc.biased_exponent.any())
        m.d.comb += largest.keys[self.block].eq(key)
        layout = {**fields, "largest": _KEY}
        out = derive(m, source, layout, name=f"{name}_stage", copied=fields)
        m.d.comb += out.payload.largest.eq(largest.largest[:_KEY])
        return out

    def _acc_key(self, m: Module, acc: Any) -> Value:
        bias = Const(_BIAS, 8)
        return add(m, acc.biased_exponent, bias, Const(0, 1), self.fabric, name="acc_key")

    def _align(self, m: Module, source: Any, name: str) -> Any:
        """Terms on the common grid; of a negative one the inverse, and one still to be added."""
        before, field = source.payload, self.window + 1  # a product may be 2 or more
        terms = data.ArrayLayout(signed(field + 1), self.block)
        fields = {
            "terms": terms,
            "carries": data.ArrayLayout(1, self.block),
            "acc": signed(field),
            "largest": unsigned(_KEY),
            **_SPECIALS,
        }
        out = derive(m, source, fields, name=f"{name}_stage", copied=["largest", *_SPECIALS])
        for k, lane in enumerate(before.lanes):
            term = self._aligned(m, lane.significand, field, lane, before.largest, f"{k}")
            m.d.comb += [
                out.payload.terms[k].eq(Cat(term ^ lane.sign.replicate(field), lane.sign)),
                out.payload.carries[k].eq(lane.sign),
            ]
        acc = before.acc
        key = {"exponent": self._acc_key(m, acc), "normal": acc.biased_exponent.any()}
        significand = Cat(acc.mantissa, Const(1, 1))
        term = self._aligned(m, significand, field - 1, key, before.largest, "acc")
        inverse = term ^ acc.sign.replicate(field - 1)
        negated, _ = increment(m, inverse, {0: acc.sign}, self.fabric, name="acc_term")
        m.d.comb += out.payload.acc.eq(Cat(negated[:-1], acc.sign & ~negated[-1]))
        return out

    def _aligned(
        self, m: Module, value: Value, field: int, key: Any, largest: Value, name: str
    ) -> Signal:
        """Value at its place below the largest exponent, bits below the window dropped."""
        m.submodules[f"shifter_{name}"] = shifter = DownShifter(len(value), field, growing=True)
        inverse, carry = ~key["exponent"], Const(1, 1)
        distance = add(m, largest, inverse, carry, self.fabric, name=f"distance_{name}")
        reach, gone = len(shifter.distance), Signal(name=f"gone_{name}")
        m.d.comb += [
            gone.eq(distance[reach:_KEY].any() | ~key["normal"]),
            shifter.value.eq(value),
            shifter.distance.eq(distance[:reach] | gone.replicate(reach)),
        ]
        return shifter.result

    def _sums(self, m: Module, source: Any, name: str) -> Any:
        """One level of the tree. Each sum takes up one of the ones still to be added."""
        before = source.payload
        old, carries = before.terms, before.carries
        bits, count = len(old[0]) + 1, (len(old) + 1) // 2
        fields = {
            **_others(before),
            "terms": data.ArrayLayout(signed(bits), count),
            "carries": data.ArrayLayout(1, count),
        }
        copied = ["acc", "largest", *_SPECIALS]
        out = derive(m, source, fields, name=f"{name}_stage", copied=copied)
        for k in range(count):
            total: Value = old[2 * k]
            if 2 * k + 1 < len(old):
                total = add_signed(
                    m, old[2 * k], old[2 * k + 1], carries[2 * k], self.fabric, name=f"{name}_{k}"
                )
            m.d.comb += [
                out.payload.terms[k].eq(total),
                out.payload.carries[k].eq(carries[min(2 * k + 1, len(old) - 1)]),
            ]
        return out

    def _add(self, m: Module, source: Any, name: str) -> Any:
        before = source.payload
        total = add_signed(
            m, before.terms[0], before.acc, before.carries[0], self.fabric, name="total"
        )
        fields = {"value": total.shape(), "largest": unsigned(_KEY), **_SPECIALS}
        out = derive(m, source, fields, name=f"{name}_stage", copied=["largest", *_SPECIALS])
        m.d.comb += out.payload.value.eq(total)
        return out

    def _normalise(self, m: Module, source: Any, name: str) -> Any:
        before, bits = source.payload, len(source.payload.value)
        m.submodules.normaliser = normaliser = Normaliser(
            bits, FP32.mantissa_bits + 2, counted=self.fabric != "asic"
        )
        if self.fabric != "asic":
            m.submodules.leading_count = count = LeadingCount(bits)
            m.d.comb += [count.value.eq(before.value), normaliser.leading.eq(count.leading)]
        # Bit 0 of the value weighs 2**(largest - 254 - (window - 1)).
        offset = (bits - 2) - 254 - (self.window - 1) + _BIAS
        fields = {
            "sign": unsigned(1),
            "exponent": signed(_KEY + 1),
            "significand": unsigned(FP32.mantissa_bits + 2),
            "inexact": unsigned(1),
            **_SPECIALS,
        }
        out = derive(m, source, fields, name=f"{name}_stage", copied=_SPECIALS)
        m.d.comb += [
            normaliser.value.eq(before.value),
            out.payload.sign.eq(normaliser.sign),
            out.payload.exponent.eq(before.largest + offset - normaliser.leading),
            out.payload.significand.eq(normaliser.significand),
            out.payload.inexact.eq(normaliser.rest),
        ]
        return out

    def _round(self, m: Module, source: Any, name: str) -> Any:
        """Towards zero; the rounder still adds what is missing to a negative value's inverse."""
        before = source.payload
        m.submodules.result_rounder = rounder = ResultRounder(
            len(before.exponent), truncate=True, fabric=self.fabric
        )
        out = derive(m, source, acc_layout(), name=f"{name}_stage")
        for field, _ in before.shape():
            m.d.comb += getattr(rounder, field).eq(before[field])
        m.d.comb += out.payload.acc.eq(rounder.word)
        return out


def _others(before: Any) -> dict[str, Any]:
    """Fields of a payload with their shapes."""
    return {name: field.shape for name, field in before.shape()}
