"""Block dot product: codes, scales and acc in, one FP32 or BF16 word out, rounded once.

``ProductSum`` and ``Accumulator`` in a row. Golden answer: ``mxsf.golden.dot.dot``.
Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.dot.product_sum import Operands
from ...golden.formats.catalogue import MXSF
from ...golden.formats.word import FP32, WordFormat
from ..layouts import Fabric, micro_fields
from ..scale import product_values, scale_shape
from ..stream.pipeline import pipeline
from ..stream.points import Points, Stages
from ..stream.register import derive, link, skid
from .accumulator import POINTS as ACCUMULATOR_POINTS
from .accumulator import Accumulator
from .product_sum import POINTS as PRODUCT_SUM_POINTS
from .product_sum import ProductSum, tree_depth

__all__ = ["POINTS", "Dot", "points_of"]

POINTS = Points(
    path=(*PRODUCT_SUM_POINTS.path, "skid", *ACCUMULATOR_POINTS.path),
    priority=(
        *("round", "skid", "product", "add", "normalise"),
        *("exponent", "shift", "sum/2", "align", "count"),
    ),
    default=10,
)
"""Where pipeline registers may stand; all ten by default: 100 MHz on ECP5, speed grade 6, for MXSF
and a block of 32."""


def points_of(fabric: Fabric) -> Points:
    """Points of a dot product on a fabric.

    Hard multipliers take whole numbers: their fabric has ``decode`` in place of ``shift``.
    """
    return POINTS.prefer("decode", over="shift") if fabric == "dsp" else POINTS


class Dot(wiring.Component):
    """A stream of block pairs to a stream of dot products.

    ``result = round(acc + a.scale * b.scale * sum(a * b))``, nothing lost before. With
    ``lanes == block`` a beat is a block pair; with fewer lanes a block pair takes ``block / lanes``
    beats, its scales and acc are read on the last of them, and a beat with ``last`` ends it early,
    as if zero-padded.

    With ``outputs`` a product runs over many blocks, and ``first`` and ``last`` mark the first and
    the last beat of a product instead; only its last block may end early. The block pairs of up to
    ``outputs`` products may be interleaved in any order; within a product they are added in the
    order in which they come, and acc is read with its first block. See ``mxsf.hdl.dot.loop``.

    Args:
        element: format of the codes, or a pair for a and b; at most 5 exponent bits. A block format
            brings microexponents.
        block: elements that share a scale, at least 1; default that of a block format, else 32.
        lanes: products a beat, a divisor of block; default block.
        outputs: 0, or how many products may be under way at once.
        accumulate: whether there is an acc at all; without, a product starts at 0.
        result: the word format of the result, FP32 or BF16; rounded once either way.
        stages: pipeline registers: 0 to 10, or names of their points: those of ``ProductSum``
            (``decode``, ``product``, ``shift``, ``sum/k``, ``sum``) and of ``Accumulator``
            (``exponent``, ``align``, ``add``, ``count``, ``normalise``, ``round``), and ``skid``
            between them: a register behind a skid buffer, where the path of ready ends.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs, ``"dsp"`` for
            few LUTs beside one hard multiplier a lane; the same cycles and bits.

    Members:
        i: In, stream of ``a.codes`` (array of lanes), ``a.micro`` (in a format that has
            microexponents: an array, a bit for each group of lanes), ``a.scale``, the same of b,
            ``acc`` (FP32), ``output`` where outputs > 1, and ``first`` and ``last`` where
            lanes < block or outputs > 0.
        o: Out, stream of ``acc`` and, where outputs > 1, ``output``.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: Operands = MXSF,
        *,
        block: int | None = None,
        lanes: int | None = None,
        outputs: int = 0,
        accumulate: bool = True,
        result: WordFormat = FP32,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        points = points_of(fabric)
        names = points.resolve(stages)
        self.accumulator = total = Accumulator(
            element,
            block=block,
            lanes=lanes,
            outputs=outputs,
            accumulate=accumulate,
            result=result,
            stages=ACCUMULATOR_POINTS.among(names),
            fabric=fabric,
        )
        summed = {name: field.shape for name, field in total.i.payload.shape()}
        # What passes the product sum by; it carries the marks itself where it has them.
        own = {"sum", "nan", "inf", "inf_sign", *(("first", "last") if total.beats > 1 else ())}
        self._beside = data.StructLayout({n: s for n, s in summed.items() if n not in own})
        self.stages = points.chosen(stages)
        self.product_sum = ProductSum(
            element,
            block=block,
            lanes=lanes,
            stages=self._summing(names, total),
            fabric=fabric,
            tag=self._beside.size,
        )
        self.element, self.formats, self.pair = total.element, total.formats, total.pair
        self.block, self.lanes, self.outputs = total.block, total.lanes, outputs
        self.accumulate, self.result = accumulate, result
        self._between = ("skid",) if "skid" in names else ()
        self.points = (*self.product_sum.points, *self._between, *total.points)
        self.fabric: Fabric = fabric
        operands = {
            side: data.StructLayout(
                {
                    "codes": data.ArrayLayout(unsigned(f.element.bits), self.lanes),
                    **micro_fields(f, self.lanes),
                    "scale": scale_shape(f.scale),
                }
            )
            for side, f in zip("ab", self.formats, strict=True)
        }
        rest = {n: summed[n] for n in ("acc", "output", "first", "last") if n in summed}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout({**operands, **rest}))),
                "o": Out(stream.Signature(total.o.payload.shape())),
            }
        )

    def _summing(self, names: tuple[str, ...], total: Accumulator) -> tuple[str, ...]:
        """The names of the product sum; a number of stages skips levels that its tree has not."""
        summing = PRODUCT_SUM_POINTS.among(names)
        if not isinstance(self.stages, int):
            return summing
        return PRODUCT_SUM_POINTS.within(summing, tree_depth(total.formats, total.lanes))

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a product's last beat to valid of its result."""
        return self.product_sum.latency + len(self._between) + self.accumulator.latency

    def elaborate(self, platform: Any) -> Module:
        """Codes to the product sum, all else beside it, both to the accumulator."""
        m = Module()
        m.submodules.product_sum = products = self.product_sum
        m.submodules.accumulator = total = self.accumulator
        beat = self.i.payload
        codes = derive(m, self.i, products.i.payload.shape(), name="codes")
        beside = data.View(self._beside, codes.payload.tag)
        for side in "ab":
            for name, _ in codes.payload[side].shape():
                m.d.comb += codes.payload[side][name].eq(beat[side][name])
        m.d.comb += [
            beside[name].eq(value)
            for name, value in product_values(self.formats, beat.a.scale, beat.b.scale).items()
        ]
        passed = {name for name, _ in self._beside}
        for name in ("acc", "output", "first", "last"):
            if name in passed:
                m.d.comb += beside[name].eq(beat[name])
            elif self.beats > 1 and name in ("first", "last"):
                m.d.comb += codes.payload[name].eq(beat[name])
        link(m, codes, products.i)

        buffers = [(point, _buffer) for point in self._between]
        tagged = pipeline(m, products.o, buffers, self._between)
        sums = derive(m, tagged, total.i.payload.shape(), name="sums")
        beside = data.View(self._beside, tagged.payload.tag)
        for name, _ in total.i.payload.shape():
            value = beside[name] if name in passed else tagged.payload[name]
            m.d.comb += sums.payload[name].eq(value)
        link(m, sums, total.i)
        link(m, total.o, self.o)
        return m


def _buffer(m: Module, source: Any, name: str) -> Any:
    """A skid buffer; behind it stands the register of its point."""
    return skid(m, source, name=f"{name}_buffer")
