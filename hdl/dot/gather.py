"""Gather: the sums of a block's beats become the sum of the block."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import register_valid

__all__ = ["Gather"]


class Gather(wiring.Component):
    """Add up a block over its beats; exact.

    A block ends with the beat that carries ``last``, or with beat number ``beats`` at the latest.
    One beat a cycle; latency 1 cycle from a block's last beat. The register that holds the running
    sum is the one that offers it when the block has ended.

    Args:
        shape: layout of a beat, with ``sum``, ``first``, ``last`` and perhaps ``nan``, ``inf`` and
            ``inf_sign``.
        beats: beats of a full block, at least 2.
        sum_bits: width of a block's sum.

    Members:
        i: In, stream of beats.
        o: Out, stream of blocks: the same fields, ``sum`` as wide as a block's. ``first`` is set
            where any beat's was, the flags are those of the whole block, all else is that of the
            last beat.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: data.StructLayout, beats: int, sum_bits: int):
        if beats < 2:
            raise ValueError(f"beats must be at least 2, not {beats!r}")
        self.beats = beats
        fields = {name: field.shape for name, field in shape}
        outgoing = data.StructLayout({**fields, "sum": signed(sum_bits)})
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(outgoing))})

    def elaborate(self, platform: Any) -> Module:
        """One register: the block so far, or the block."""
        m = Module()
        beat: Any = self.i.payload
        held: Any = Signal(self.o.payload.shape(), name="held", reset_less=True)
        begun, count = Signal(), Signal(range(self.beats))
        ends = Signal()
        m.d.comb += [
            ends.eq(beat.last | (count == self.beats - 1)),
            self.o.payload.eq(held),
        ]
        valid = register_valid(m, self.i.valid & ends, self.o.ready, self.i.ready, name="block")
        m.d.comb += self.o.valid.eq(valid)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [begun.eq(~ends), count.eq(Mux(ends, 0, count + 1))]
            for name, _ in self.i.payload.shape():
                m.d.sync += held[name].eq(beat[name])
            m.d.sync += [
                held.sum.eq(Mux(begun, held.sum, 0) + beat.sum),
                held.first.eq(beat.first | (begun & held.first)),
            ]
            names = {name for name, _ in self.i.payload.shape()}
            if "inf" in names:
                clash = begun & held.inf & beat.inf & (held.inf_sign ^ beat.inf_sign)
                m.d.sync += [
                    held.nan.eq(beat.nan | (begun & held.nan) | clash),
                    held.inf.eq(beat.inf | (begun & held.inf)),
                    held.inf_sign.eq(Mux(beat.inf, beat.inf_sign, begun & held.inf_sign)),
                ]
            elif "nan" in names:
                m.d.sync += held.nan.eq(beat.nan | (begun & held.nan))
        return m
