"""Block buffer: holds a block while its largest key is found, without losing throughput."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .stream import register_valid

__all__ = ["BlockBuffer"]


class BlockBuffer(wiring.Component):
    """A pair of banks: one block is written while the block before it is read.

    A block ends with the beat that carries ``last``, or with beat number ``beats`` at the latest.
    When a block has ended its beats leave in order, each with the largest key of the block.
    One beat a cycle in and out when blocks have equal length; a block that is shorter than the
    one before it waits for a free bank. Latency 2 cycles from a block's last beat to its first
    beat out: one to close the bank, one for the memory's read register, which is also the
    stream's register.

    Args:
        width: bits of a beat.
        beats: beats of a full block, at least 2.
        key: width of a key.

    Members:
        i: In, stream of ``data``, ``key`` (largest of the beat) and ``last``.
        o: Out, stream of ``data``, ``key`` (largest of the block), ``first`` and ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, width: int, beats: int, key: int):
        if beats < 2:
            raise ValueError(f"beats must be at least 2, not {beats!r}")
        self.width, self.beats, self.key_bits = width, beats, key
        incoming = {"data": unsigned(width), "key": unsigned(key), "last": unsigned(1)}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout({**incoming, "first": unsigned(1)}))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Write side, read side, bank states."""
        m = Module()
        step = range(self.beats)
        depth = 1 << len(Signal(step))
        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(self.width), depth=2 * depth, init=[]
        )
        write, read = storage.write_port(), storage.read_port()
        full = [Signal(name=f"full_{bank}") for bank in range(2)]
        ends = [Signal(step, name=f"end_{bank}", reset_less=True) for bank in range(2)]
        keys = [Signal(self.key_bits, name=f"key_{bank}", reset_less=True) for bank in range(2)]
        write_bank = Signal()
        write_step = Signal(step)
        read_bank = Signal()
        read_step = Signal(step)

        accept = Signal()
        running = Signal(self.key_bits, reset_less=True)
        largest = Signal(self.key_bits)
        begun = Signal()
        m.d.comb += [
            self.i.ready.eq(~Mux(write_bank, full[1], full[0])),
            accept.eq(self.i.valid & self.i.ready),
            write.addr.eq(Cat(write_step, write_bank)),
            write.data.eq(self.i.payload.data),
            write.en.eq(accept),
            begun.eq(write_step != 0),
            largest.eq(Mux(begun & (running > self.i.payload.key), running, self.i.payload.key)),
        ]
        with m.If(accept):
            m.d.sync += [running.eq(largest), write_step.eq(write_step + 1)]
            with m.If(self.i.payload.last | (write_step == self.beats - 1)):
                m.d.sync += [write_step.eq(0), write_bank.eq(~write_bank)]
                for bank in range(2):
                    with m.If(write_bank == bank):
                        m.d.sync += [
                            full[bank].eq(1),
                            ends[bank].eq(write_step),
                            keys[bank].eq(largest),
                        ]

        advance = Signal()
        at_end = Signal()
        out = {name: Signal(reset_less=True, name=name) for name in ("first", "last")}
        key = Signal(self.key_bits, reset_less=True)
        filled = Signal()
        m.d.comb += filled.eq(Mux(read_bank, full[1], full[0]))
        valid = register_valid(m, filled, self.o.ready, advance, name="read")
        m.d.comb += [
            read.addr.eq(Cat(read_step, read_bank)),
            read.en.eq(advance),
            at_end.eq(read_step == Mux(read_bank, ends[1], ends[0])),
            self.o.valid.eq(valid),
            self.o.payload.data.eq(read.data),
            self.o.payload.key.eq(key),
            self.o.payload.first.eq(out["first"]),
            self.o.payload.last.eq(out["last"]),
        ]
        with m.If(advance):
            m.d.sync += [
                key.eq(Mux(read_bank, keys[1], keys[0])),
                out["first"].eq(read_step == 0),
                out["last"].eq(at_end),
            ]
            with m.If(filled):
                m.d.sync += read_step.eq(read_step + 1)
                with m.If(at_end):
                    m.d.sync += [read_step.eq(0), read_bank.eq(~read_bank)]
                    for bank in range(2):
                        with m.If(read_bank == bank):
                            m.d.sync += full[bank].eq(0)
        return m
