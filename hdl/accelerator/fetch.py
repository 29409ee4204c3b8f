"""Fetch: the descriptors of a program from memory, asked for ahead."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.fields import SIZE
from .descriptor import BITS, descriptor_layout
from .ports import burst_layout
from .reads import read_layout

__all__ = ["Fetch"]

_AHEAD = 3  # descriptors that were asked for and have not left


class Fetch(wiring.Component):
    """Descriptors one after the other, from an address on until it is reset.

    A burst is a descriptor. What is asked for beyond the end of a program never leaves, and an
    error of the bus counts only for a descriptor that is taken.

    Args:
        bus: data bits of the bus.
        address: bits of byte addresses.

    Members:
        start: In, begin at ``origin``; once, after reset.
        origin: In, address of the first descriptor; its six lowest bits count as 0.
        bursts: Out, stream of bursts to ``Reads``.
        data: In, stream of their beats.
        o: Out, stream of ``bits``, ``address``, ``error``.
    """

    bursts: stream.Interface
    data: stream.Interface
    o: stream.Interface

    def __init__(self, bus: int, address: int):
        self.bus, self.address = bus, address
        super().__init__(
            {
                "start": In(1),
                "origin": In(address),
                "bursts": Out(stream.Signature(burst_layout(address))),
                "data": In(stream.Signature(read_layout(bus))),
                "o": Out(stream.Signature(descriptor_layout(address))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Ask, gather."""
        m = Module()
        running, under_way = Signal(), Signal(range(_AHEAD + 1))
        asks, leaves = Signal(), Signal()
        following = Signal(self.address, reset_less=True)  # to be asked for
        here = Signal(self.address, reset_less=True)  # to be gathered
        m.d.comb += [
            self.bursts.valid.eq(running & (under_way != _AHEAD)),
            asks.eq(self.bursts.valid & self.bursts.ready),
            leaves.eq(self.o.valid & self.o.ready),
            self.bursts.payload.address.eq(following),
            self.bursts.payload.length.eq(BITS // self.bus - 1),
            self.o.payload.address.eq(here),
        ]
        m.d.sync += under_way.eq(under_way + asks - leaves)
        with m.If(asks):
            m.d.sync += following.eq(following + SIZE)
        with m.If(leaves):
            m.d.sync += here.eq(here + SIZE)
        with m.If(self.start):
            first = Cat(Const(0, SIZE.bit_length() - 1), self.origin[SIZE.bit_length() - 1 :])
            m.d.sync += [running.eq(1), following.eq(first), here.eq(first)]
        self._gather(m)
        return m

    def _gather(self, m: Module) -> None:
        """Beats to descriptors."""
        full, first = Signal(), Signal(init=1)
        bits, error = Signal(BITS, reset_less=True), Signal(reset_less=True)
        beat: Any = self.data.payload
        m.d.comb += [
            self.o.valid.eq(full),
            self.o.payload.bits.eq(bits),
            self.o.payload.error.eq(error),
            self.data.ready.eq(~full | self.o.ready),
        ]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(self.data.valid & self.data.ready):
            m.d.sync += [
                bits.eq(Cat(bits, beat.data)[self.bus :]),
                error.eq(beat.error | (error & ~first)),
                first.eq(beat.last),
                full.eq(beat.last),
            ]
