"""UART: bytes to and from a serial line, 8 data bits, no parity, one stop bit (8N1).

A byte is a low start bit, eight bits from the lowest on, and a high stop bit; the idle line is
high. Each bit takes ``divisor`` cycles.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ..checks import check_kind

__all__ = ["LEAST_DIVISOR", "Receiver", "Transmitter"]

LEAST_DIVISOR = 4
"""Fewest cycles of a bit with which the receiver finds its middle."""


def _check(divisor: int) -> int:
    check_kind("divisor", divisor, int)
    if divisor < LEAST_DIVISOR:
        raise ValueError(f"divisor must be at least {LEAST_DIVISOR}, not {divisor!r}")
    return divisor


class Receiver(wiring.Component):
    """A serial line to bytes.

    The line is sampled in the middle of each bit, counted from the edge of the start bit, so that
    the two clocks may differ by some 4 %. A start bit that is gone in its middle, and a byte
    without a stop bit, are dropped.

    Args:
        divisor: cycles of a bit, at least ``LEAST_DIVISOR``.

    Members:
        rx: In, the line, from any clock.
        valid: Out, for one cycle: a byte is there. Nobody can make the line wait.
        byte: Out, the byte.

    Raises:
        TypeError, ValueError: the divisor is no number, or too small.
    """

    def __init__(self, divisor: int):
        self.divisor = _check(divisor)
        super().__init__({"rx": In(1, init=1), "valid": Out(1), "byte": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        """Wait for an edge, then sample ten times."""
        m = Module()
        line, before = Signal(init=1), Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self.divisor))
        place = Signal(range(10))
        active, sample = Signal(), Signal()
        m.d.comb += sample.eq(active & (timer == 0))
        m.d.sync += [before.eq(line), timer.eq(timer - 1), self.valid.eq(0)]
        with m.If(~active):
            m.d.sync += [timer.eq(self.divisor // 2 - 1), active.eq(before & ~line), place.eq(0)]
        with m.Elif(sample):
            m.d.sync += [timer.eq(self.divisor - 1), place.eq(place + 1)]
            with m.If(place == 0):
                m.d.sync += active.eq(~line)
            with m.Elif(place == 9):
                m.d.sync += [self.valid.eq(line), active.eq(0)]
            with m.Else():
                m.d.sync += self.byte.eq(Cat(self.byte[1:], line))
        return m


class Transmitter(wiring.Component):
    """Bytes to a serial line; a byte takes ten bits.

    Args:
        divisor: cycles of a bit, at least ``LEAST_DIVISOR``.

    Members:
        i: In, stream of bytes; ready when the line is free.
        tx: Out, the line.

    Raises:
        TypeError, ValueError: the divisor is no number, or too small.
    """

    i: stream.Interface

    def __init__(self, divisor: int):
        self.divisor = _check(divisor)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        """Shift out, ones after the last bit."""
        m = Module()
        bits = Signal(9, init=0x1FF)
        left = Signal(range(11))
        timer = Signal(range(self.divisor))
        m.d.comb += [self.i.ready.eq(left == 0), self.tx.eq(bits[0])]
        with m.If(left != 0):
            m.d.sync += timer.eq(timer - 1)
            with m.If(timer == 0):
                m.d.sync += [bits.eq(Cat(bits[1:], Const(1, 1))), left.eq(left - 1)]
                m.d.sync += timer.eq(self.divisor - 1)
        with m.Elif(self.i.valid):
            m.d.sync += [bits.eq(Cat(Const(0, 1), self.i.payload)), left.eq(10)]
            m.d.sync += timer.eq(self.divisor - 1)
        return m
