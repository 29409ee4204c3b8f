"""Outputs: rows of C to the planes of words and of re-quantized tiles in memory."""

from typing import Any

from amaranth.hdl import Module, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ...golden.formats.block import Rounding
from ...golden.formats.word import FP32
from ..quantize.requantizer import Requantizer
from ..stream.fork import fork, where
from ..stream.regear import Regear
from ..stream.register import derive, link
from .epilogue import row_layout
from .planes import PlaneBursts, plane_layout, without_marks
from .ports import burst_layout
from .scales import ScaleWriter
from .writes import write_layout

__all__ = ["Outputs"]


class Outputs(wiring.Component):
    """Rows of C, each as its kind says, to writes of the bus.

    Args:
        built: what the accelerator is.
        requantizer: what makes tiles of rows, with one output; None where only words leave.

    Members:
        i: In, stream of rows: ``row_layout``.
        words, codes, scales: In, streams of the walks through the planes: ``plane_layout``.
        NAME_bursts, NAME_data: Out, for each of the three planes, to ``Writes``.
        busy: Out, a walk was taken whose writes have not all left.
        scale_written: Out, a scale goes into a beat in this cycle.
    """

    i: stream.Interface

    def __init__(self, built: Configuration, requantizer: Requantizer | None):
        self.built, self.requantizer = built, requantizer
        self.planes = ("words", "codes", "scales") if requantizer else ("words",)
        walk = stream.Signature(plane_layout(built))
        burst = stream.Signature(burst_layout(built.address))
        beat = stream.Signature(write_layout(built.bus))
        super().__init__(
            {
                "i": In(stream.Signature(row_layout(built.tile))),
                **{name: In(walk) for name in self.planes},
                **{f"{name}_bursts": Out(burst) for name in self.planes},
                **{f"{name}_data": Out(beat) for name in self.planes},
                "busy": Out(1),
                "scale_written": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The rows that leave as words, those that leave as tiles, perhaps both."""
        m = Module()
        source: Any = self.i
        if self.requantizer is None:
            m.d.comb += self.busy.eq(self._words(m, source))
            return m
        to_words, to_tiles = fork(m, source, 2, name="row")
        kind = source.payload.kind
        words_busy = self._words(m, where(m, to_words, kind.to_words, name="words_row"))
        tiles_busy = self._tiles(m, where(m, to_tiles, kind.to_tiles, name="tiles_row"))
        m.d.comb += self.busy.eq(words_busy | tiles_busy)
        return m

    def _words(self, m: Module, rows: Any) -> Value:
        """FP32 rows to beats."""
        built, ports = self.built, vars(self)
        m.submodules.words_plane = plane = PlaneBursts(built, built.word_record)
        width = built.tile * FP32.bits
        m.submodules.cut = cut = Regear(
            *(width, built.tile), *(built.bus, built.word_record // built.beat)
        )
        bits = derive(m, rows, unsigned(width), name="words_bits")
        m.d.comb += bits.payload.eq(Value.cast(rows.payload.words))
        link(m, bits, cut.i)
        link(m, ports["words"], plane.i)
        link(m, without_marks(m, plane.o, built, name="words_burst"), ports["words_bursts"])
        link(m, self._whole(m, cut.o, "words"), ports["words_data"])
        return plane.busy

    def _tiles(self, m: Module, rows: Any) -> Value:
        """Rows to codes and scales."""
        built, ports, requantizer = self.built, vars(self), self.requantizer
        assert requantizer is not None
        m.submodules.requantizer = requantizer
        into: Any = requantizer.i
        row = derive(m, rows, into.payload.shape(), name="rounded", copied=["words"])
        if requantizer.rounding is Rounding.STOCHASTIC:
            m.d.comb += row.payload.stochastic.eq(rows.payload.kind.stochastic)
        link(m, row, into)
        to_codes, to_scales = fork(m, requantizer.o, 2, name="quantized")

        m.submodules.codes_plane = plane = PlaneBursts(built, built.code_record)
        width = built.tile * built.element.bits
        m.submodules.pack = pack = Regear(
            *(width, built.tile), *(built.bus, built.code_record // built.beat)
        )
        bits = derive(m, to_codes, unsigned(width), name="codes_bits")
        m.d.comb += bits.payload.eq(Value.cast(to_codes.payload.codes))
        link(m, bits, pack.i)
        link(m, ports["codes"], plane.i)
        link(m, without_marks(m, plane.o, built, name="codes_burst"), ports["codes_bursts"])
        link(m, self._whole(m, pack.o, "codes"), ports["codes_data"])

        m.submodules.scales = scales = ScaleWriter(built)
        first = where(m, to_scales, to_scales.payload.first, name="first_row")
        scale = derive(m, first, unsigned(8), name="scale")
        m.d.comb += scale.payload.eq(first.payload.scale)
        link(m, scale, scales.scales)
        link(m, ports["scales"], scales.i)
        link(m, scales.bursts, ports["scales_bursts"])
        link(m, scales.data, ports["scales_data"])
        m.d.comb += self.scale_written.eq(scales.scales.valid & scales.scales.ready)
        return plane.busy | scales.busy

    def _whole(self, m: Module, source: Any, name: str) -> Any:
        """Beats of which every byte is written."""
        beat = derive(m, source, write_layout(self.built.bus), name=f"{name}_beat")
        m.d.comb += [beat.payload.data.eq(source.payload), beat.payload.strb.eq(-1)]
        return beat
