"""Storage of a pair of banks: flip-flops with a multiplexer, or memories with a read register.

Both have the same ports. A beat is a row of some items; where columns can be read too, the banks
are square tiles. In the memories item (r, c) then stands in memory ``(r + c) mod items`` at
address r, so that a row and a column both have one item in every memory; what is read is turned
back by as many items as the number of the row or column.
"""

from typing import Any, Literal, get_args

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["STORAGES", "BankMemory", "BankRegisters", "Storage", "check_storage"]

Storage = Literal["registers", "memory"]
"""What holds the banks: flip-flops, or memories with a registered read port."""

STORAGES: tuple[str, ...] = get_args(Storage)


def check_storage(storage: Storage) -> Storage:
    """Return the storage; ValueError where it is none."""
    if storage not in STORAGES:
        raise ValueError(f"storage must be {' or '.join(STORAGES)}, not {storage!r}")
    return storage


class _Banks(wiring.Component):
    """Ports that both kinds have.

    Args:
        rows: rows of a bank, at least 2.
        items: items of a row; where columns are read, as many as rows, a power of two.
        width: bits of an item.
        columns: whether columns can be read: by the one reader where it asks for them, or by a
            reader of their own.
        both: two readers, ``o`` of rows and ``t`` of columns.

    Members:
        write: In, write a row.
        write_bank, write_row: In, where.
        data: In, array of ``items`` items.
        o_bank, o_step: In, the bank and the row (or column) to read, for reader ``o``.
        o_across: In, read a column; with ``columns`` and not ``both``.
        o_read: In, enable of a registered read.
        o_data: Out, array of ``items`` items.
        t_bank, t_step, t_read, t_data: the same for reader ``t``, with ``both`` only.
    """

    delay = 0
    """Cycles from an enabled read to its data."""

    def __init__(self, rows: int, items: int, width: int, *, columns: bool, both: bool = False):
        assert items == rows or not columns
        self.rows, self.items, self.width = rows, items, width
        self.columns, self.both = columns, both
        row = data.ArrayLayout(unsigned(width), items)
        ports: dict[str, Any] = {
            "write": In(1),
            "write_bank": In(1),
            "write_row": In(range(rows)),
            "data": In(row),
        }
        self.readers = ("o", "t") if both else ("o",)
        for reader in self.readers:
            ports |= {
                f"{reader}_bank": In(1),
                f"{reader}_step": In(range(rows)),
                f"{reader}_read": In(1),
                f"{reader}_data": Out(row),
            }
        if columns and not both:
            ports["o_across"] = In(1)
        super().__init__(ports)

    def _across(self, reader: str) -> Value:
        """Whether a reader reads a column."""
        if self.both or not self.columns:
            return Const(reader == "t", 1)
        across: Any = self.o_across
        return across


class BankRegisters(_Banks):
    """Flip-flops; the data are there in the cycle of the request. See ``_Banks``."""

    def elaborate(self, platform: Any) -> Module:
        """Rows of registers, one-hot selections."""
        m = Module()
        write_row, written = self.write_row, Value.cast(self.data)
        cells: list[list[Signal]] = []  # by bank and row
        for bank in range(2):
            rows = []
            for row in range(self.rows):
                held = Signal(len(written), name=f"row_{bank}_{row}", reset_less=True)
                with m.If(self.write & (self.write_bank == bank) & (write_row == row)):
                    m.d.sync += held.eq(written)
                rows.append(held)
            cells.append(rows)
        for reader in self.readers:
            self._read(m, reader, cells)
        return m

    def _read(self, m: Module, reader: str, cells: list[list[Signal]]) -> None:
        width, count = self.width, 2 << len(self.write_row)
        across = self._across(reader)
        straight, columns = Signal(count), Signal(count)
        chosen = Cat(getattr(self, f"{reader}_step"), getattr(self, f"{reader}_bank"))
        for k in range(count):
            m.d.comb += [
                straight[k].eq((chosen == k) & ~across),
                columns[k].eq((chosen == k) & across),
            ]
        target: Any = getattr(self, f"{reader}_data")
        by_row, by_column = not self.both or reader == "o", self.columns and reader == "t"
        by_column |= self.columns and not self.both
        for lane in range(self.items):
            terms: list[Value] = []
            for bank, rows in enumerate(cells):
                for k in range(self.rows):
                    number = (bank << len(self.write_row)) + k
                    if by_row:
                        item = rows[k].word_select(lane, width)
                        terms.append(item & straight[number].replicate(width))
                    if by_column:
                        item = rows[lane].word_select(k, width)
                        terms.append(item & columns[number].replicate(width))
            m.d.comb += target[lane].eq(_any(terms))


class BankMemory(_Banks):
    """Memories, one a row or one an item; the data come a cycle after an enabled read.

    See ``_Banks``.
    """

    delay = 1

    def elaborate(self, platform: Any) -> Module:
        """Turn the row, write and read the memories, turn back."""
        m = Module()
        if self.columns:
            width, incoming = self.width, [self.data[k] for k in range(self.items)]
        else:
            width, incoming = self.width * self.items, [Value.cast(self.data)]
        turned = _turn(m, incoming, self.write_row, left=False)
        outputs: dict[str, list[Value]] = {reader: [] for reader in self.readers}
        for number, item in enumerate(turned):
            depth = 2 << len(self.write_row)
            store = memory.Memory(shape=unsigned(width), depth=depth, init=[])
            m.submodules[f"store_{number}"] = store
            write = store.write_port()
            m.d.comb += [
                write.addr.eq(Cat(self.write_row, self.write_bank)),
                write.data.eq(item),
                write.en.eq(self.write),
            ]
            for reader in self.readers:
                read = store.read_port()
                step: Any = getattr(self, f"{reader}_step")
                row = Signal(range(self.rows), name=f"{reader}_row_{number}")
                m.d.comb += [
                    row.eq(Mux(self._across(reader), number - step, step)),
                    read.addr.eq(Cat(row, getattr(self, f"{reader}_bank"))),
                    read.en.eq(getattr(self, f"{reader}_read")),
                ]
                outputs[reader].append(read.data)
        for reader in self.readers:
            target = Value.cast(getattr(self, f"{reader}_data"))
            if not self.columns:
                m.d.comb += target.eq(outputs[reader][0])
                continue
            step = Signal(range(self.rows), name=f"{reader}_turn", reset_less=True)
            with m.If(getattr(self, f"{reader}_read")):
                m.d.sync += step.eq(getattr(self, f"{reader}_step"))
            m.d.comb += target.eq(Cat(_turn(m, outputs[reader], step, left=True)))
        return m


def _any(terms: list[Value]) -> Value:
    """Join by OR, as a tree."""
    while len(terms) > 1:
        pairs = [a | b for a, b in zip(terms[0::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) & ~1 :]
    return terms[0]


def _turn(m: Module, items: list[Value], steps: Value, *, left: bool) -> list[Value]:
    """Rotate items towards lower numbers (left) or higher ones; one alone stays where it is."""
    for bit in range(len(steps) if len(items) > 1 else 0):
        distance = (1 << bit) if left else -(1 << bit)
        level: list[Value] = []
        for k in range(len(items)):
            moved = Signal(len(items[k]), name=f"turned_{bit}_{k}")
            m.d.comb += moved.eq(Mux(steps[bit], items[(k + distance) % len(items)], items[k]))
            level.append(moved)
        items = level
    return items
