"""Bank pair: holds a block while its largest key is found, without losing throughput."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import register_valid
from .storage import BankMemory, BankRegisters, Storage

__all__ = ["BankPair"]


class BankPair(wiring.Component):
    """A pair of banks: one block is written while the block before it is read.

    A block ends with the beat that carries ``last``, or with beat number ``beats`` at the latest.
    When a block has ended its beats leave, each with the largest key of the block. One beat a
    cycle in and out when blocks have equal length; a block that is shorter than the one before it
    waits for a free bank.

    Latency from a block's last beat to its first beat out: one cycle to close the bank, and with
    memories one for their read register, which is also the stream's register.

    A block of vectors leaves beat by beat as it came. With ``tile`` a beat is a row of ``beats``
    items, and the tile leaves by rows or by columns, always over ``beats`` beats; of a tile that
    ended early, ``present`` says which items there are, the others are anything.

    Args:
        width: bits of a beat.
        beats: beats of a full block, at least 2.
        key: width of a key.
        storage: what stores the beats, ``"registers"`` or ``"memory"``.
        tile: whether blocks are square tiles.
        both: tiles leave twice, by rows from ``o`` and by columns from ``t``, each at its own
            pace; a bank is free when both have left.

    Members:
        i: In, stream of ``data``, ``key`` (largest of the beat), ``last`` and, with ``tile`` but
            not ``both``, ``transpose``: whether it leaves by columns, read on the last beat.
        o: Out, stream of ``data``, ``key`` (largest of the block), ``last``, ``first`` and, with
            ``tile``, ``present``.
        t: Out, the same by columns, with ``both`` only.

    Raises:
        ValueError: beats is out of range.
    """

    i: stream.Interface
    o: stream.Interface
    t: stream.Interface

    def __init__(
        self,
        width: int,
        beats: int,
        key: int,
        *,
        storage: Storage,
        tile: bool = False,
        both: bool = False,
    ):
        if beats < 2:
            raise ValueError(f"beats must be at least 2, not {beats!r}")
        self.width, self.beats, self.key_bits = width, beats, key
        self.storage: Storage = storage
        self.tile, self.both = tile, both
        self.chooses = tile and not both
        beat = {"data": unsigned(width), "key": unsigned(key), "last": unsigned(1)}
        choice = {"transpose": unsigned(1)} if self.chooses else {}
        present = {"present": unsigned(beats)} if tile else {}
        outgoing = data.StructLayout({**beat, "first": unsigned(1), **present})
        self.readers = ("o", "t") if both else ("o",)
        super().__init__(
            {"i": In(stream.Signature(data.StructLayout({**beat, **choice})))}
            | {reader: Out(stream.Signature(outgoing)) for reader in self.readers}
        )

    def elaborate(self, platform: Any) -> Module:
        """Write side, storage, read sides."""
        m = Module()
        step = range(self.beats)
        full = {
            reader: [Signal(name=f"full_{reader}_{bank}") for bank in range(2)]
            for reader in self.readers
        }
        ends = [Signal(step, name=f"end_{bank}", reset_less=True) for bank in range(2)]
        keys = [Signal(self.key_bits, name=f"key_{bank}", reset_less=True) for bank in range(2)]
        across = [Signal(name=f"across_{bank}", reset_less=True) for bank in range(2)]
        store = self._storage(m, self._write(m, full, ends, keys, across))
        for reader in self.readers:
            bank, number = Signal(name=f"{reader}_bank"), Signal(step, name=f"{reader}_step")
            advance = Signal(name=f"{reader}_advance")
            end = Signal(step, name=f"{reader}_end")
            read = Value.cast(getattr(store, f"{reader}_data"))
            m.d.comb += [
                end.eq(Mux(bank, ends[1], ends[0])),
                getattr(store, f"{reader}_bank").eq(bank),
                getattr(store, f"{reader}_step").eq(number),
                getattr(store, f"{reader}_read").eq(advance),
                getattr(self, reader).payload.data.eq(read),
            ]
            marks: dict[str, Value] = {
                "key": Mux(bank, keys[1], keys[0]),
                "first": number == 0,
                "last": number == (self.beats - 1 if self.tile else end),
            }
            by_column: Any = reader == "t"
            if self.chooses:
                by_column = Mux(bank, across[1], across[0])
                m.d.comb += store.o_across.eq(by_column)
            if self.tile:
                marks["present"] = Cat(
                    # Every tile has a row 0.
                    Mux(by_column, lane <= end if lane else 1, number <= end)
                    for lane in range(self.beats)
                )
            self._reader(m, reader, (bank, number), full[reader], marks, advance, store.delay)
        return m

    def _write(
        self,
        m: Module,
        full: Mapping[str, list[Signal]],
        ends: list[Signal],
        keys: list[Signal],
        across: list[Signal],
    ) -> tuple[Value, Value, Value]:
        """Accept beats and close banks: (whether a beat is written, its bank, its row)."""
        bank, number = Signal(name="write_bank"), Signal(range(self.beats), name="write_step")
        accept = Signal()
        running = Signal(self.key_bits)
        largest = Signal(self.key_bits)
        begun = Signal()
        taken = [Cat(full[reader][k] for reader in self.readers).any() for k in range(2)]
        m.d.comb += [
            self.i.ready.eq(~Mux(bank, taken[1], taken[0])),
            accept.eq(self.i.valid & self.i.ready),
            begun.eq(number != 0),
            running.eq(Mux(bank, keys[1], keys[0])),
            largest.eq(Mux(begun & (running > self.i.payload.key), running, self.i.payload.key)),
        ]
        with m.If(accept):
            m.d.sync += number.eq(number + 1)
            for k in range(2):  # the key of the bank that is written is that of its beats so far
                with m.If(bank == k):
                    m.d.sync += keys[k].eq(largest)
            with m.If(self.i.payload.last | (number == self.beats - 1)):
                m.d.sync += [number.eq(0), bank.eq(~bank)]
                for k in range(2):
                    with m.If(bank == k):
                        m.d.sync += [full[reader][k].eq(1) for reader in self.readers]
                        m.d.sync += ends[k].eq(number)
                        if self.chooses:
                            m.d.sync += across[k].eq(self.i.payload.transpose)
        return accept, bank, number

    def _storage(self, m: Module, write: tuple[Value, Value, Value]) -> Any:
        """Memory or registers, with what is written."""
        kind = BankRegisters if self.storage == "registers" else BankMemory
        items = self.beats if self.tile else 1
        store: Any = kind(self.beats, items, self.width // items, columns=self.tile, both=self.both)
        m.submodules.storage = store
        accept, bank, number = write
        m.d.comb += [
            store.write.eq(accept),
            store.write_bank.eq(bank),
            store.write_row.eq(number),
            Value.cast(store.data).eq(self.i.payload.data),
        ]
        return store

    def _reader(
        self,
        m: Module,
        reader: str,
        position: tuple[Signal, Signal],
        full: list[Signal],
        marks: Mapping[str, Value],
        advance: Signal,
        delay: int,
    ) -> None:
        """Walk through full banks and free them."""
        (bank, number), target = position, getattr(self, reader)
        filled, at_end = Signal(name=f"{reader}_filled"), Signal(name=f"{reader}_at_end")
        m.d.comb += [filled.eq(Mux(bank, full[1], full[0])), at_end.eq(marks["last"])]
        if delay:
            valid = register_valid(m, filled, target.ready, advance, name=f"{reader}_read")
            m.d.comb += target.valid.eq(valid)
        else:
            m.d.comb += [target.valid.eq(filled), advance.eq(target.ready)]
        for name, value in marks.items():
            if not delay:
                m.d.comb += target.payload[name].eq(value)
                continue
            held = Signal(len(value), name=f"{reader}_{name}", reset_less=True)
            m.d.comb += target.payload[name].eq(held)
            with m.If(advance):
                m.d.sync += held.eq(value)
        with m.If(advance & filled):
            m.d.sync += number.eq(number + 1)
            with m.If(at_end):
                m.d.sync += [number.eq(0), bank.eq(~bank)]
                for k in range(2):
                    with m.If(bank == k):
                        m.d.sync += full[k].eq(0)
