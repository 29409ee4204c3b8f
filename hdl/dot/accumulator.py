"""Accumulator: acc plus the scaled sum of a block, one normalisation, one rounding.

Golden answer: ``mxsf.golden.dot.dot``. Source: docs/numerics.md section 4.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.dot.product_sum import Operands, check_formats, check_pair, single
from ...golden.formats.catalogue import MXSF
from ...golden.formats.word import FP32, WordFormat
from ..arith.down_shifter import DownShifter
from ..arith.normaliser import LeadingCount, Normaliser
from ..arith.result_rounder import ResultRounder
from ..checks import OUTPUTS_BOUND, check_block, check_fabric, check_kind, own_block
from ..layouts import Fabric, word_layout
from ..scale import product_fields
from ..stream.pipeline import pipeline
from ..stream.points import Points, Stages
from ..stream.register import derive, link
from .frame import GUARD, SIGNIFICAND, frame
from .gather import Gather
from .loop import AccumulatorLoop
from .placement import Placement
from .specials import add_specials
from .sums import sum_bits, sum_layout

__all__ = ["POINTS", "Accumulator"]

POINTS = Points(
    path=("exponent", "align", "add", "count", "normalise", "round"),
    priority=("round", "align", "normalise", "add", "exponent", "count"),
    default=1,
)
"""Where pipeline registers may stand."""


class Accumulator(wiring.Component):
    """A stream of block sums, scales and accs to a stream of FP32 or BF16 words.

    ``result = round(acc + 2**(scale + offset) * sum)``, nothing lost before (``mxsf.hdl.scale``).

    Without ``outputs`` every block brings its acc and gives a result. With ``outputs`` a product
    runs over many blocks: see ``mxsf.hdl.dot.loop``. Where a block takes several beats, their sums
    are gathered first, which takes a cycle more.

    Args:
        element: format of the codes that were multiplied, or a pair for a and b.
        block: elements that share a scale; default that of a block format, else 32.
        lanes: products in the sum of a beat, a divisor of block; default block.
        outputs: 0, or how many products may be under way at once.
        accumulate: whether there is an acc at all; a product over many blocks then starts at 0.
        result: the word format of the result.
        stages: pipeline registers: 0 to 6, or names of their points: after acc's ``exponent`` is
            compared, after acc is aligned (``align``), after the addition (``add``), after leading
            bits are counted (``count``), after ``normalise`` and after ``round``.
        fabric: ``"asic"``, ``"fpga"`` or ``"dsp"``; the same cycles and bits.

    Members:
        i: In, stream of ``sum``, ``nan``, ``inf``, ``inf_sign`` (as from ``ProductSum``),
            ``scale`` (both exponents added), ``scale_nan`` (one scale is NaN), ``acc`` (FP32),
            these three read on a block's last beat, and ``acc`` with ``outputs`` on that of the
            product's first block; ``output`` where outputs > 1, and, where lanes <
            block or outputs > 0, ``first`` and ``last``, which mark the beats of a product.
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
        self.element, self.formats = single(element), check_formats(element)
        self.pair = check_pair(element)
        block = own_block(element) if block is None else block
        lanes = check_block(block, lanes)
        OUTPUTS_BOUND.check("outputs", outputs)
        check_kind("accumulate", accumulate, bool)
        check_kind("result", result, WordFormat)
        self.block, self.lanes, self.outputs = block, lanes, outputs
        self.accumulate, self.result = accumulate, result
        self.stages, self.points = POINTS.chosen(stages), POINTS.resolve(stages)
        self.fabric: Fabric = check_fabric(fabric)
        self._adds = accumulate or bool(outputs)
        self.frame = frame(self.formats, sum_bits(element, block), self._adds)
        self._marks = {"first": unsigned(1), "last": unsigned(1)}
        self._scaling = product_fields(self.formats)
        if accumulate:
            self._scaling["acc"] = unsigned(FP32.bits)
        self._index = {"output": unsigned((outputs - 1).bit_length())} if outputs > 1 else {}
        marks = self._marks if lanes < block or outputs else {}
        sums = {name: field.shape for name, field in sum_layout(element, lanes)}
        incoming = {**sums, **self._scaling, **self._index, **marks}
        outgoing = {"acc": unsigned(result.bits), **self._index}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout(outgoing))),
            }
        )

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a block's last beat to valid of its result."""
        return len(self.points) + (self.beats > 1)

    def elaborate(self, platform: Any) -> Module:
        """Gather, fetch acc, align, add, normalise, round."""
        m = Module()
        source: Any = self.i
        if self.beats > 1:
            m.submodules.gather = gather = Gather(
                self.i.payload.shape(), self.beats, sum_bits(self.element, self.block)
            )
            link(m, self.i, gather.i)
            source = gather.o
        loop = None
        if self.outputs:
            m.submodules.loop = loop = AccumulatorLoop(
                source.payload.shape(), self.outputs, pipelined=bool(self.points)
            )
            link(m, source, loop.i)
            source = loop.start
        stages = (
            self._exponent,
            self._align,
            self._add,
            self._count,
            self._normalise,
            self._round,
        )
        source = pipeline(m, source, zip(POINTS.path, stages, strict=True), self.points)
        if loop is not None:
            link(m, source, loop.result)
            source = loop.o
        if source.payload.shape() == self.o.payload.shape():
            link(m, source, self.o)
        else:  # the result is the upper half of a word
            out = derive(m, source, self.o.payload.shape(), name="narrowed")
            m.d.comb += out.payload.acc.eq(source.payload.acc[-self.result.bits :])
            if self._index:
                m.d.comb += out.payload.output.eq(source.payload.output)
            link(m, out, self.o)
        return m

    def _stage(self, m: Module, source: Any, fields: dict[str, Any], name: str) -> Any:
        """A stream of some fields, the special flags and what a loop carries along."""
        carried = {f: unsigned(1) for f in ("nan", "inf", "inf_sign")} if name != "round" else {}
        if self.outputs:
            carried |= {"final": unsigned(1), **self._index}
        # The first stage makes the flags.
        copied = [f for f in carried if name != "exponent" or f not in ("nan", "inf", "inf_sign")]
        return derive(m, source, {**fields, **carried}, name=f"{name}_stage", copied=copied)

    def _exponent(self, m: Module, source: Any, name: str) -> Any:
        """How far acc is from the sum, and the exponent of the frame's top bit."""
        before, frame = source.payload, self.frame
        fields: dict[str, Any] = {"sum": before.sum.shape()}
        if not self._adds:
            exponent = Signal(signed(abs(frame.offset + 511).bit_length() + 2), name="exponent")
            m.d.comb += [
                exponent.eq(before.scale + frame.offset),
            ]
            out = self._stage(m, source, {**fields, "exponent": exponent.shape()}, name)
            m.d.comb += [out.payload.sum.eq(before.sum), out.payload.exponent.eq(exponent)]
            add_specials(m, before, None, out.payload)
            return out
        acc: Any = Signal(word_layout(FP32), name="acc")
        m.submodules.placement = place = Placement(frame, self.fabric)
        fields |= {
            "significand": unsigned(SIGNIFICAND),
            "acc_sign": unsigned(1),
            "steps": place.steps.shape(),
            "low": unsigned(1),
            "exponent": place.exponent.shape(),
        }
        out = self._stage(m, source, fields, name)
        normal = acc.biased_exponent.any().replicate(SIGNIFICAND)
        m.d.comb += [
            acc.eq(before.acc),
            place.scale.eq(before.scale),
            place.acc_exponent.eq(acc.biased_exponent),
            place.empty.eq(before.sum == 0),
            out.payload.sum.eq(before.sum),
            out.payload.significand.eq(Cat(acc.mantissa, Const(1, 1)) & normal),
            out.payload.acc_sign.eq(acc.sign),
            out.payload.steps.eq(place.steps),
            out.payload.low.eq(place.low),
            out.payload.exponent.eq(place.exponent),
        ]
        add_specials(m, before, acc, out.payload)
        return out

    def _align(self, m: Module, source: Any, name: str) -> Any:
        """The sum at its place in the frame, acc shifted to its own."""
        before, frame = source.payload, self.frame
        size = frame.bits
        fields = {"sum": signed(size), "exponent": before.exponent.shape()}
        if not self._adds:
            out = self._stage(m, source, fields, name)
            m.d.comb += [out.payload.sum.eq(before.sum), out.payload.exponent.eq(before.exponent)]
            return out
        fields |= {"addend": unsigned(size), "carry": unsigned(1), "inexact": unsigned(1)}
        out = self._stage(m, source, fields, name)
        # Below the sign of the frame; the significand stands at the top where nothing is shifted.
        m.submodules.acc_shifter = shifter = DownShifter(SIGNIFICAND, size - 1, growing=True)
        sign = before.acc_sign
        m.d.comb += [
            shifter.value.eq(before.significand),
            shifter.distance.eq(before.steps),
            out.payload.sum.eq(Mux(before.low, before.sum << GUARD, before.sum)),
            # Minus acc is its inverse plus one, or, where bits were lost, plus less than one.
            out.payload.addend.eq(
                Cat(shifter.result, Const(0, 1)) ^ before.acc_sign.replicate(size)
            ),
            out.payload.carry.eq(sign & ~shifter.lost),
            out.payload.inexact.eq(shifter.lost),
            out.payload.exponent.eq(before.exponent),
        ]
        return out

    def _add(self, m: Module, source: Any, name: str) -> Any:
        before, size = source.payload, self.frame.bits
        fields = {
            "value": signed(size),
            "exponent": before.exponent.shape(),
            "inexact": unsigned(1),
        }
        out = self._stage(m, source, fields, name)
        m.d.comb += out.payload.exponent.eq(before.exponent)
        if self._adds:
            m.d.comb += [
                out.payload.value.eq(before.sum + before.addend + before.carry),
                out.payload.inexact.eq(before.inexact),
            ]
        else:
            m.d.comb += out.payload.value.eq(before.sum)
        return out

    @property
    def _counted(self) -> bool:
        """Whether leading bits are counted before the shift, which is larger and faster."""
        return self.fabric != "asic" or "count" in self.points

    def _count(self, m: Module, source: Any, name: str) -> Any:
        if not self._counted:
            return source
        before = source.payload
        m.submodules.leading_count = count = LeadingCount(self.frame.bits)
        fields = {
            "value": before.value.shape(),
            "leading": count.leading.shape(),
            "exponent": before.exponent.shape(),
            "inexact": unsigned(1),
        }
        out = self._stage(m, source, fields, name)
        m.d.comb += [count.value.eq(before.value), out.payload.leading.eq(count.leading)]
        for name in ("value", "exponent", "inexact"):
            m.d.comb += out.payload[name].eq(before[name])
        return out

    def _normalise(self, m: Module, source: Any, name: str) -> Any:
        before = source.payload
        m.submodules.normaliser = normaliser = Normaliser(
            self.frame.bits, SIGNIFICAND + 1, counted=self._counted
        )
        if self._counted:
            m.d.comb += normaliser.leading.eq(before.leading)
        exponent = before.exponent - normaliser.leading
        fields = {
            "sign": unsigned(1),
            "exponent": exponent.shape(),
            "significand": unsigned(SIGNIFICAND + 1),
            "inexact": unsigned(1),
        }
        out = self._stage(m, source, fields, name)
        m.d.comb += [
            normaliser.value.eq(before.value),
            out.payload.sign.eq(normaliser.sign),
            out.payload.exponent.eq(exponent),
            out.payload.significand.eq(normaliser.significand),
            out.payload.inexact.eq(normaliser.rest | before.inexact),
        ]
        return out

    def _round(self, m: Module, source: Any, name: str) -> Any:
        before = source.payload
        choose = bool(self.outputs) and self.result != FP32
        word = FP32 if choose else self.result
        m.submodules.result_rounder = rounder = ResultRounder(
            len(before.exponent), word, choose=choose, fabric=self.fabric
        )
        out = self._stage(m, source, {"acc": unsigned(word.bits)}, name)
        for name in ("sign", "exponent", "significand", "inexact", "nan", "inf", "inf_sign"):
            m.d.comb += getattr(rounder, name).eq(before[name])
        if choose:
            m.d.comb += rounder.narrow.eq(before.final)
        m.d.comb += out.payload.acc.eq(rounder.word)
        return out
