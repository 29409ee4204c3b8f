"""Records in pieces of one width to pieces of another, where neither divides the other."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .register import link
from .regroup import Regroup

__all__ = ["Regear"]


class Regear(wiring.Component):
    """Records of so many pieces in to as many as the same bits are out, lowest first.

    Bits that the pieces out have beyond the record are 0; those beyond it that come in are dropped.
    A record takes as many cycles as the side with more pieces, one more where no width divides the
    other.

    Args:
        bits_in, pieces_in: bits of a piece that comes, and pieces of a record.
        bits_out, pieces_out: the same of what leaves.

    Members:
        i: In, stream of ``bits_in`` bits.
        o: Out, stream of ``bits_out`` bits.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, bits_in: int, pieces_in: int, bits_out: int, pieces_out: int):
        self.bits_in, self.pieces_in = bits_in, pieces_in
        self.bits_out, self.pieces_out = bits_out, pieces_out
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(bits_in))),
                "o": Out(stream.Signature(unsigned(bits_out))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Regroup where that is all, else gather a whole record and cut it up."""
        m = Module()
        wide, narrow = max(self.bits_in, self.bits_out), min(self.bits_in, self.bits_out)
        exact = self.bits_in * self.pieces_in == self.bits_out * self.pieces_out
        if exact and wide == narrow:
            link(m, self.i, self.o)
        elif exact and wide % narrow == 0:
            self._regroup(m, narrow)
        else:
            self._whole(m)
        return m

    def _regroup(self, m: Module, bits: int) -> None:
        parts = Regroup(self.bits_in // bits, self.bits_out // bits, bits=bits)
        m.submodules.parts = parts
        for source, target in ((self.i, parts.i), (parts.o, self.o)):
            m.d.comb += [
                Value.cast(target.payload).eq(Value.cast(source.payload)),
                target.valid.eq(source.valid),
                source.ready.eq(target.ready),
            ]

    def _whole(self, m: Module) -> None:
        """A record is gathered while the one before is cut up."""
        gathered = Signal(self.bits_in * self.pieces_in, reset_less=True)
        leaving = Signal(self.bits_out * self.pieces_out, reset_less=True)
        count, left = Signal(range(self.pieces_in + 1)), Signal(range(self.pieces_out + 1))
        full, moves, leaves = Signal(), Signal(), Signal()
        m.d.comb += [
            full.eq(count == self.pieces_in),
            self.o.payload.eq(leaving),
            self.o.valid.eq(left != 0),
            leaves.eq(self.o.valid & self.o.ready),
            moves.eq(full & ((left == 0) | (leaves & (left == 1)))),
            self.i.ready.eq(~full | moves),
        ]
        with m.If(leaves):
            rest = leaving[self.bits_out :]
            m.d.sync += [leaving.eq(Cat(rest, Const(0, self.bits_out))), left.eq(left - 1)]
        with m.If(moves):
            m.d.sync += [leaving.eq(gathered), left.eq(self.pieces_out), count.eq(0)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += count.eq(Mux(moves, 0, count) + 1)
            with m.Switch(Mux(moves, 0, count)):
                for number in range(self.pieces_in):
                    with m.Case(number):
                        m.d.sync += gathered.word_select(number, self.bits_in).eq(self.i.payload)
