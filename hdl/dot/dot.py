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
from ..stream.points import Stages, points
from ..stream.register import derive, link, register, skid
from .accumulator import POINTS, Accumulator
from .product_sum import POINTS as SUM_POINTS
from .product_sum import ProductSum

__all__ = ["KNOWN", "ORDER", "STAGES", "Dot"]

KNOWN = (*SUM_POINTS, "skid", *POINTS)
"""Where pipeline registers may stand, in the order of the data path."""

ORDER = (
    *("round", "skid", "product", "add", "normalise"),
    *("exponent", "shift", "sum/2", "align", "count"),
)
"""Points in the order in which a number of stages takes them.

Hard multipliers take whole numbers: their fabric has ``decode`` in place of ``shift``.
"""

STAGES = len(ORDER)
"""Stages by default: 100 MHz on ECP5, speed grade 6, for MXSF and a block of 32."""


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
        stages: pipeline registers: 0 to 10, or names of their places: those of ``ProductSum``
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
        stages: Stages = STAGES,
        fabric: Fabric = "asic",
    ):
        order = ["decode" if fabric == "dsp" and place == "shift" else place for place in ORDER]
        places = points(stages, order, KNOWN)
        self.accumulator = total = Accumulator(
            element,
            block=block,
            lanes=lanes,
            outputs=outputs,
            accumulate=accumulate,
            result=result,
            stages=[place for place in places if place in POINTS],
            fabric=fabric,
        )
        given = {name: field.shape for name, field in total.i.payload.shape()}
        # What passes the product sum by; it carries the marks itself where it has them.
        own = {"sum", "nan", "inf", "inf_sign", *(("first", "last") if total.beats > 1 else ())}
        self._beside = data.StructLayout({n: s for n, s in given.items() if n not in own})
        self.product_sum = ProductSum(
            element,
            block=block,
            lanes=lanes,
            points=tuple(place for place in places if place not in ("skid", *POINTS)),
            fabric=fabric,
            tag=self._beside.size,
        )
        self.element, self.formats, self.pair = total.element, total.formats, total.pair
        self.block, self.lanes, self.outputs = total.block, total.lanes, outputs
        self.accumulate, self.result = accumulate, result
        self.stages, self.points = stages if isinstance(stages, int) else places, places
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
        rest = {n: given[n] for n in ("acc", "output", "first", "last") if n in given}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout({**operands, **rest}))),
                "o": Out(stream.Signature(total.o.payload.shape())),
            }
        )

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a product's last beat to valid of its result."""
        return self.product_sum.latency + ("skid" in self.points) + self.accumulator.latency

    def elaborate(self, platform: Any) -> Module:
        """Codes to the product sum, all else beside it, both to the accumulator."""
        m = Module()
        m.submodules.product_sum = products = self.product_sum
        m.submodules.accumulator = total = self.accumulator
        given = self.i.payload
        codes = derive(m, self.i, products.i.payload.shape(), name="codes")
        beside = data.View(self._beside, codes.payload.tag)
        for side in "ab":
            for name, _ in codes.payload[side].shape():
                m.d.comb += codes.payload[side][name].eq(given[side][name])
        m.d.comb += [
            beside[name].eq(value)
            for name, value in product_values(self.formats, given.a.scale, given.b.scale).items()
        ]
        passed = {name for name, _ in self._beside}
        for name in ("acc", "output", "first", "last"):
            if name in passed:
                m.d.comb += beside[name].eq(given[name])
            elif self.beats > 1 and name in ("first", "last"):
                m.d.comb += codes.payload[name].eq(given[name])
        link(m, codes, products.i)

        found: Any = products.o
        if "skid" in self.points:
            found = register(m, skid(m, found, name="skid"), name="sums")
        sums = derive(m, found, total.i.payload.shape(), name="sums")
        beside = data.View(self._beside, found.payload.tag)
        for name, _ in total.i.payload.shape():
            value = beside[name] if name in passed else found.payload[name]
            m.d.comb += sums.payload[name].eq(value)
        link(m, sums, total.i)
        link(m, total.o, self.o)
        return m
