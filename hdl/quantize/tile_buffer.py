"""Storage: rows of blocks, and two square tiles that are read by rows or by columns.

For tiles there are two with the same ports: registers with a multiplexer, and one memory a lane.
In the memories item (r, c) stands in memory ``(r + c) mod lanes`` at address r, so that a row and a
column both have one item in every memory; what is read is turned back by as many lanes as the
number of the row or column.
"""

from typing import Any, Literal, get_args

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["STORAGES", "RowMemory", "Storage", "TileMemory", "TileRegisters"]

Storage = Literal["registers", "memory"]
"""What holds the tiles: flip-flops, or memories with a registered read port."""

STORAGES: tuple[str, ...] = get_args(Storage)


class RowMemory(wiring.Component):
    """A memory of rows, one written and one read a cycle; the data come a cycle after a read.

    Args:
        depth: rows, a power of two.
        width: bits of a row.

    Members:
        write: In, write a row.
        write_row, data: In, which, and what.
        o_read: In, enable of the registered read.
        o_row: In, which.
        o_data: Out, what was read last.
    """

    def __init__(self, depth: int, width: int):
        self.depth, self.width = depth, width
        super().__init__(
            {
                "write": In(1),
                "write_row": In(range(depth)),
                "data": In(width),
                "o_read": In(1),
                "o_row": In(range(depth)),
                "o_data": Out(width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """One memory."""
        m = Module()
        store = memory.Memory(shape=unsigned(self.width), depth=self.depth, init=[])
        m.submodules.store = store
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.write_row),
            write.data.eq(self.data),
            read.en.eq(self.o_read),
            read.addr.eq(self.o_row),
            self.o_data.eq(read.data),
        ]
        return m


class _TileStorage(wiring.Component):
    """Ports that both kinds have.

    Args:
        lanes: rows and columns of a tile, a power of two, at least 2.
        width: bits of an item.
        both: two readers, ``o`` by rows and ``t`` by columns, instead of one with a choice.

    Members:
        write: In, write a row.
        write_bank, write_row: In, where.
        data: In, array of ``lanes`` items.
        o_bank, o_step: In, the tile and the row (or column) to read, for reader ``o``.
        o_across: In, read a column; absent with ``both``.
        o_read: In, enable of a registered read.
        o_data: Out, array of ``lanes`` items.
        t_bank, t_step, t_read, t_data: the same for reader ``t``, with ``both`` only.
    """

    delay = 0
    """Cycles from an enabled read to its data."""

    def __init__(self, lanes: int, width: int, both: bool = False):
        self.lanes, self.width, self.both = lanes, width, both
        items = data.ArrayLayout(unsigned(width), lanes)
        ports: dict[str, Any] = {
            "write": In(1),
            "write_bank": In(1),
            "write_row": In(range(lanes)),
            "data": In(items),
        }
        self.readers = ("o", "t") if both else ("o",)
        for reader in self.readers:
            ports |= {
                f"{reader}_bank": In(1),
                f"{reader}_step": In(range(lanes)),
                f"{reader}_read": In(1),
                f"{reader}_data": Out(items),
            }
        if not both:
            ports["o_across"] = In(1)
        super().__init__(ports)

    def _across(self, reader: str) -> Value:
        """Whether a reader reads a column."""
        if self.both:
            return Const(reader == "t", 1)
        across: Any = self.o_across
        return across


class TileRegisters(_TileStorage):
    """Flip-flops; the data are there in the cycle of the request. See ``_TileStorage``."""

    def elaborate(self, platform: Any) -> Module:
        """Rows of registers, one-hot selections."""
        m = Module()
        lanes, write_row, items = self.lanes, self.write_row, Value.cast(self.data)
        cells: list[list[Signal]] = []  # by bank and row
        for bank in range(2):
            rows = []
            for row in range(lanes):
                held = Signal(len(items), name=f"row_{bank}_{row}", reset_less=True)
                with m.If(self.write & (self.write_bank == bank) & (write_row == row)):
                    m.d.sync += held.eq(items)
                rows.append(held)
            cells.append(rows)
        for reader in self.readers:
            self._read(m, reader, cells)
        return m

    def _read(self, m: Module, reader: str, cells: list[list[Signal]]) -> None:
        lanes, width = self.lanes, self.width
        across = self._across(reader)
        straight, columns = Signal(2 * lanes), Signal(2 * lanes)
        place = Cat(getattr(self, f"{reader}_step"), getattr(self, f"{reader}_bank"))
        for k in range(2 * lanes):
            m.d.comb += [
                straight[k].eq((place == k) & ~across),
                columns[k].eq((place == k) & across),
            ]
        found: Any = getattr(self, f"{reader}_data")
        by_row, by_column = not self.both or reader == "o", not self.both or reader == "t"
        for lane in range(lanes):
            terms: list[Value] = []
            for bank, rows in enumerate(cells):
                for k in range(lanes):
                    if by_row:
                        item = rows[k].word_select(lane, width)
                        terms.append(item & straight[bank * lanes + k].replicate(width))
                    if by_column:
                        item = rows[lane].word_select(k, width)
                        terms.append(item & columns[bank * lanes + k].replicate(width))
            m.d.comb += found[lane].eq(_any(terms))


class TileMemory(_TileStorage):
    """One memory a lane; the data come a cycle after an enabled read. See ``_TileStorage``."""

    delay = 1

    def elaborate(self, platform: Any) -> Module:
        """Turn the row, write and read the memories, turn back."""
        m = Module()
        lanes, items = self.lanes, self.data
        turned = _turn(m, [items[k] for k in range(lanes)], self.write_row, left=False)
        outputs: dict[str, list[Value]] = {reader: [] for reader in self.readers}
        for lane in range(lanes):
            store = memory.Memory(shape=unsigned(self.width), depth=2 * lanes, init=[])
            m.submodules[f"store_{lane}"] = store
            write = store.write_port()
            m.d.comb += [
                write.addr.eq(Cat(self.write_row, self.write_bank)),
                write.data.eq(turned[lane]),
                write.en.eq(self.write),
            ]
            for reader in self.readers:
                read = store.read_port()
                step: Any = getattr(self, f"{reader}_step")
                row = Signal(range(lanes), name=f"{reader}_row_{lane}")
                m.d.comb += [
                    row.eq(Mux(self._across(reader), lane - step, step)),
                    read.addr.eq(Cat(row, getattr(self, f"{reader}_bank"))),
                    read.en.eq(getattr(self, f"{reader}_read")),
                ]
                outputs[reader].append(read.data)
        for reader in self.readers:
            step = Signal(range(lanes), name=f"{reader}_turn", reset_less=True)
            with m.If(getattr(self, f"{reader}_read")):
                m.d.sync += step.eq(getattr(self, f"{reader}_step"))
            found = getattr(self, f"{reader}_data")
            for lane, item in enumerate(_turn(m, outputs[reader], step, left=True)):
                m.d.comb += found[lane].eq(item)
        return m


def _any(terms: list[Value]) -> Value:
    """Join by OR, as a tree."""
    while len(terms) > 1:
        pairs = [a | b for a, b in zip(terms[0::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) & ~1 :]
    return terms[0]


def _turn(m: Module, items: list[Value], steps: Value, *, left: bool) -> list[Value]:
    """Rotate items towards lower lanes (left) or higher ones, by a number of lanes."""
    for bit in range(len(steps)):
        distance = (1 << bit) if left else -(1 << bit)
        level: list[Value] = []
        for k in range(len(items)):
            moved = Signal(len(items[k]), name=f"turned_{bit}_{k}")
            m.d.comb += moved.eq(Mux(steps[bit], items[(k + distance) % len(items)], items[k]))
            level.append(moved)
        items = level
    return items
