"""Block buffer: holds a block while its largest key is found, without losing throughput."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import register_valid
from .tile_buffer import RowMemory, Storage, TileMemory, TileRegisters

__all__ = ["BlockBuffer"]


class BlockBuffer(wiring.Component):
    """A pair of banks: one block is written while the block before it is read.

    A block ends with the beat that carries ``last``, or with beat number ``beats`` at the latest.
    When a block has ended its beats leave, each with the largest key of the block. One beat a
    cycle in and out when blocks have equal length; a block that is shorter than the one before it
    waits for a free bank.

    Latency from a block's last beat to its first beat out: one cycle to close the bank, and one
    for the memory's read register, which is also the stream's register. Registers have none.

    A block of vectors leaves beat by beat as it came. With ``tile`` a beat is a row of ``beats``
    items, and the tile leaves by rows or by columns, always over ``beats`` beats; of a tile that
    ended early, ``present`` says which items there are, the others are anything.

    Args:
        width: bits of a beat.
        beats: beats of a full block, at least 2.
        key: width of a key.
        tile: what stores tiles, ``"registers"`` or ``"memory"``; None for blocks of vectors.
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
        tile: Storage | None = None,
        both: bool = False,
    ):
        if beats < 2:
            raise ValueError(f"beats must be at least 2, not {beats!r}")
        self.width, self.beats, self.key_bits = width, beats, key
        self.tile, self.both = tile, both
        beat = {"data": unsigned(width), "key": unsigned(key), "last": unsigned(1)}
        choice = {"transpose": unsigned(1)} if tile and not both else {}
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
        write_bank = Signal()
        write_step = Signal(step)

        accept = Signal()
        running = Signal(self.key_bits)
        largest = Signal(self.key_bits)
        begun = Signal()
        taken = [Cat(full[reader][bank] for reader in self.readers).any() for bank in range(2)]
        m.d.comb += [
            self.i.ready.eq(~Mux(write_bank, taken[1], taken[0])),
            accept.eq(self.i.valid & self.i.ready),
            begun.eq(write_step != 0),
            running.eq(Mux(write_bank, keys[1], keys[0])),
            largest.eq(Mux(begun & (running > self.i.payload.key), running, self.i.payload.key)),
        ]
        with m.If(accept):
            m.d.sync += write_step.eq(write_step + 1)
            for bank in range(2):  # the key of the bank that is written is that of its beats so far
                with m.If(write_bank == bank):
                    m.d.sync += keys[bank].eq(largest)
            with m.If(self.i.payload.last | (write_step == self.beats - 1)):
                m.d.sync += [write_step.eq(0), write_bank.eq(~write_bank)]
                for bank in range(2):
                    with m.If(write_bank == bank):
                        m.d.sync += [full[reader][bank].eq(1) for reader in self.readers]
                        m.d.sync += ends[bank].eq(write_step)
                        if self.tile and not self.both:
                            m.d.sync += across[bank].eq(self.i.payload.transpose)

        sides = {
            reader: (Signal(name=f"{reader}_bank"), Signal(step, name=f"{reader}_step"))
            for reader in self.readers
        }
        advance = {reader: Signal(name=f"{reader}_advance") for reader in self.readers}
        write = (accept, write_bank, write_step)
        found, delay = self._storage(m, write, sides, advance, across)
        for reader in self.readers:
            bank, place = sides[reader]
            end = Signal(step, name=f"{reader}_end")
            m.d.comb += end.eq(Mux(bank, ends[1], ends[0]))
            marks: dict[str, Value] = {
                "key": Mux(bank, keys[1], keys[0]),
                "first": place == 0,
                "last": place == (self.beats - 1 if self.tile else end),
            }
            if self.tile:
                by_column = Mux(bank, across[1], across[0]) if not self.both else reader == "t"
                marks["present"] = Cat(
                    # Every tile has a row 0.
                    Mux(by_column, lane <= end if lane else 1, place <= end)
                    for lane in range(self.beats)
                )
            self._reader(m, reader, (bank, place), full[reader], marks, advance[reader], delay)
            m.d.comb += getattr(self, reader).payload.data.eq(found[reader])
        return m

    def _storage(
        self, m: Module, write: Any, sides: Any, advance: Any, across: list[Signal]
    ) -> tuple[dict[str, Value], int]:
        """Data of each reader, and the cycles that they take."""
        accept, write_bank, write_step = write
        bank, place = sides["o"]
        if self.tile is None:
            depth = 1 << len(write_step)
            m.submodules.storage = rows = RowMemory(2 * depth, self.width)
            m.d.comb += [
                rows.write.eq(accept),
                rows.write_row.eq(Cat(write_step, write_bank)),
                rows.data.eq(self.i.payload.data),
                rows.o_row.eq(Cat(place, bank)),
                rows.o_read.eq(advance["o"]),
            ]
            return {"o": rows.o_data}, 1
        kind = TileRegisters if self.tile == "registers" else TileMemory
        store: Any = kind(self.beats, self.width // self.beats, self.both)
        m.submodules.storage = store
        m.d.comb += [
            store.write.eq(accept),
            store.write_bank.eq(write_bank),
            store.write_row.eq(write_step),
            Value.cast(store.data).eq(self.i.payload.data),
        ]
        if not self.both:
            m.d.comb += store.o_across.eq(Mux(bank, across[1], across[0]))
        for reader, (bank, place) in sides.items():
            m.d.comb += [
                getattr(store, f"{reader}_bank").eq(bank),
                getattr(store, f"{reader}_step").eq(place),
                getattr(store, f"{reader}_read").eq(advance[reader]),
            ]
        found = {reader: Value.cast(getattr(store, f"{reader}_data")) for reader in sides}
        return found, store.delay

    def _reader(
        self,
        m: Module,
        reader: str,
        side: tuple[Signal, Signal],
        full: list[Signal],
        marks: dict[str, Value],
        advance: Signal,
        delay: int,
    ) -> None:
        """Walk through full banks and free them."""
        (bank, place), target = side, getattr(self, reader)
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
            m.d.sync += place.eq(place + 1)
            with m.If(at_end):
                m.d.sync += [place.eq(0), bank.eq(~bank)]
                for number in range(2):
                    with m.If(bank == number):
                        m.d.sync += full[number].eq(0)
