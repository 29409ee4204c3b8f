"""Masks: which codes of a plane are zeros, out of memory."""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ..stream.regear import Regear
from ..stream.register import derive, link
from .planes import PlaneBursts, plane_layout, without_marks
from .ports import burst_layout
from .reads import read_layout

__all__ = ["Masks"]


class Masks(wiring.Component):
    """Walks through planes of codes to rows of flags, in the order of the tiles of C.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of ``plane_layout``.
        bursts: Out, to ``Reads``. data: In, from there.
        o: Out, stream of a row of flags: whether the code is a zero.
    """

    i: stream.Interface
    bursts: stream.Interface
    data: stream.Interface
    o: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        super().__init__(
            {
                "i": In(stream.Signature(plane_layout(built))),
                "bursts": Out(stream.Signature(burst_layout(built.address))),
                "data": In(stream.Signature(read_layout(built.bus))),
                "o": Out(stream.Signature(unsigned(built.tile))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Indices, bursts, beats to rows of codes, flags."""
        m = Module()
        built, bits = self.built, self.built.element.bits
        m.submodules.plane = plane = PlaneBursts(built, built.code_record)
        link(m, self.i, plane.i)
        link(m, without_marks(m, plane.o, built, name="burst"), self.bursts)
        m.submodules.rows = rows = Regear(
            *(built.bus, built.code_record // built.beat), *(built.tile * bits, built.tile)
        )
        beats = derive(m, self.data, unsigned(built.bus), name="beats")
        m.d.comb += beats.payload.eq(self.data.payload.data)
        link(m, beats, rows.i)
        flags = derive(m, rows.o, unsigned(built.tile), name="flags")
        magnitude = bits if built.element.twos_complement else bits - 1
        for lane in range(built.tile):
            code = rows.o.payload.word_select(lane, bits)
            m.d.comb += flags.payload[lane].eq(code[:magnitude] == 0)
        link(m, flags, self.o)
        return m
