"""Check: what is wrong with a descriptor, before it touches anything.

Golden answer: ``mxsf.golden.accelerator.fault``. The least and the largest index of a view are
found by walking its rows, then its columns, one a cycle; then its planes are compared with the
window one after the other. All this goes on while descriptors before it run.
"""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import BASES, Configuration
from ...golden.accelerator.fault import Fault
from ...golden.accelerator.fields import Init, Opcode, reserved
from ...golden.formats.block import Rounding
from .descriptor import FAULT_BITS, PLANES, descriptor_layout, fields_of, job_layout
from .extremes import Extremes
from .view import COUNT_BITS, INDEX_BITS

__all__ = ["Check"]

_OFFSETS = {"init": "init_at", "mask": "mask_at", **{n: n for n in ("words", "codes", "scales")}}
_LOADS = (Opcode.LOAD_A, Opcode.LOAD_B)
_SUM_BITS = INDEX_BITS + 1  # of two indices, signed


class Check(wiring.Component):
    """Descriptors to jobs: with a fault, or with the addresses at which their planes begin.

    It takes about as many cycles as a LOAD has rows and columns of tiles, or C rows of tiles, and
    twenty more.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of descriptors.
        bases: In, the base registers.
        low, high: In, the window; 0 as ``high`` is the end of the address space.
        o: Out, stream of jobs; of one with a fault only ``fault`` and ``address`` mean anything.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        address = built.address
        # An index times the largest record, added to an address, does not wrap.
        self._bits = max(address + 1, _SUM_BITS + built.word_record.bit_length()) + 2
        super().__init__(
            {
                "i": In(stream.Signature(descriptor_layout(address))),
                "bases": In(data.ArrayLayout(unsigned(address), BASES)),
                "low": In(address),
                "high": In(address),
                "o": Out(stream.Signature(job_layout(address))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """States: take, sizes, rows, columns, then three for each plane, give."""
        m = Module()
        job: Any = self.o.payload
        load = fields_of(job.bits, Opcode.LOAD_A)
        product = fields_of(job.bits, Opcode.MULTIPLY)
        loads, multiplies = Signal(), Signal()
        m.d.comb += [
            loads.eq(Cat(load["opcode"] == opcode for opcode in _LOADS).any()),
            multiplies.eq(load["opcode"] == Opcode.MULTIPLY),
        ]
        m.submodules.walk = walk = Extremes()
        ends = [Signal(signed(_SUM_BITS), name=n, reset_less=True) for n in ("least", "most")]
        beyond = Signal(reset_less=True)
        plane = Signal(range(len(PLANES)))
        which = self._which(m, plane, loads, load, product, ends)
        with m.FSM():
            with m.State("take"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    job.bits.eq(self.i.payload.bits),
                    job.address.eq(self.i.payload.address),
                    job.fault.eq(Mux(self.i.payload.error, Fault.FETCH, Fault.NONE)),
                ]
                with m.If(self.i.valid):
                    m.next = "sizes"
            with m.State("sizes"):
                found = self._at_once(m, job.bits, loads, multiplies)
                m.d.comb += walk.start.eq(1)
                m.d.sync += job.tiles.eq(Mux(loads, load["columns"], product["n"]))
                m.next = "rows"
                with m.If(job.fault != Fault.NONE):
                    m.next = "give"
                with m.Elif(found != Fault.NONE):
                    m.d.sync += job.fault.eq(found)
                    m.next = "give"
                with m.Elif(~loads & ~multiplies):
                    m.next = "give"
            self._walks(m, walk, loads, (load, product), ends, beyond)
            self._planes(m, plane, which, beyond | self._no_index(ends))
            with m.State("give"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "take"
        return m

    def _walks(
        self,
        m: Module,
        walk: Any,
        loads: Value,
        read: tuple[Mapping[str, Any], Mapping[str, Any]],
        ends: list[Signal],
        beyond: Signal,
    ) -> None:
        """States that find the extremes of the rows, then of the columns, and add them.

        On the way the tiles of a row are added for each row.
        """
        job: Any = self.o.payload
        load, product = read
        rows = [Signal(signed(INDEX_BITS), name=n, reset_less=True) for n in ("row_a", "row_z")]
        steps = {"run": "c_run", "pitch": "c_pitch", "jump": "c_jump"}
        with m.State("rows"):
            m.d.comb += walk.count.eq(Mux(loads, load["rows"], product["m"]))
            for name, other in steps.items():
                m.d.comb += getattr(walk, name).eq(Mux(loads, load[name], product[other]))
            with m.If(walk.ends):
                m.d.comb += walk.start.eq(1)
                m.d.sync += [rows[0].eq(walk.least), rows[1].eq(walk.most)]
                m.d.sync += beyond.eq(walk.beyond)
                m.next = "columns"
            with m.Else():
                m.d.sync += job.tiles.eq(job.tiles + Mux(loads, load["columns"], product["n"]))
            with m.If(loads & (job.tiles > self.built.depth)):
                m.d.sync += job.fault.eq(Fault.SIZE)
                m.next = "give"
        with m.State("columns"):
            m.d.comb += [
                walk.count.eq(load["columns"]),
                walk.run.eq(load["crun"]),
                walk.pitch.eq(1),
                walk.jump.eq(load["cjump"]),
            ]
            last = Mux(loads, walk.most, (product["n"] - 1)[:COUNT_BITS])
            m.d.sync += [
                ends[0].eq(rows[0] + Mux(loads, walk.least, 0)),
                ends[1].eq(rows[1] + last),
                beyond.eq(beyond | (loads & walk.beyond)),
            ]
            with m.If(walk.ends | ~loads):
                m.next = "start"

    def _at_once(self, m: Module, bits: Value, loads: Value, multiplies: Value) -> Signal:
        """The first fault that needs neither walk nor window."""
        found = Signal(FAULT_BITS, name="found")
        load, product = fields_of(bits, Opcode.LOAD_A), fields_of(bits, Opcode.MULTIPLY)
        opcode, depth = load["opcode"], self.built.depth
        known, set_bits = Signal(name="known"), Signal(name="reserved")
        with m.Switch(opcode):
            for number in Opcode:
                mask = sum(word << 32 * n for n, word in enumerate(reserved(number)))
                with m.Case(number):
                    m.d.comb += [known.eq(1), set_bits.eq((bits & mask).any())]
        too_large = (load["rows"] > depth) | (load["columns"] > depth)
        loaded = [load[name] == 0 for name in ("rows", "columns", "run", "crun")]
        names = ("m", "n", "k", "a_run", "a_crun", "b_run", "b_crun", "c_run")
        multiplied = [product[name] == 0 for name in names]
        tiles, built = product["to_tiles"], self.built
        absent = ~tiles & ~product["to_words"]
        if not built.requantize:
            absent |= tiles
        if not (built.requantize and built.rounding is Rounding.STOCHASTIC):
            absent |= product["stochastic"]
        with m.If(~known | (multiplies & (product["init"] > max(Init)))):
            m.d.comb += found.eq(Fault.OPCODE)
        with m.Elif(set_bits):
            m.d.comb += found.eq(Fault.RESERVED)
        with m.Elif(loads & (Cat(loaded).any() | too_large)):
            m.d.comb += found.eq(Fault.SIZE)
        with m.Elif(multiplies & Cat(multiplied).any()):
            m.d.comb += found.eq(Fault.SIZE)
        with m.Elif(multiplies & absent):
            m.d.comb += found.eq(Fault.OUTPUT)
        return found

    def _planes(self, m: Module, plane: Signal, which: Any, beyond: Value) -> None:
        """States that compare one plane after the other with alignment and window."""
        job: Any = self.o.payload
        names = ("start", "least_bytes", "most_bytes", "first", "behind")
        start, least, most, first, behind = (Signal(signed(self._bits), name=n) for n in names)
        misaligned, outside = Signal(), Signal()
        limit = Mux(self.high == 0, 1 << self.built.address, self.high)
        with m.State("start"):
            m.d.sync += [
                start.eq(self.bases[which.register] + which.offset),
                least.eq(which.least),
                most.eq(which.most),
            ]
            with m.If(plane == 0):
                m.d.sync += [misaligned.eq(0), outside.eq(beyond)]
            m.next = "sum"
        with m.State("sum"):
            m.d.sync += [first.eq(start + least), behind.eq(start + most)]
            m.next = "compare"
        with m.State("compare"):
            with m.If(which.used):
                m.d.sync += outside.eq(outside | (first < self.low) | (behind > limit))
                odd = ~which.bytewise & (start % self.built.beat != 0)
                m.d.sync += misaligned.eq(misaligned | odd)
            with m.Switch(plane):
                for number, name in enumerate(PLANES):
                    with m.Case(number):
                        m.d.sync += job.starts[name].eq(start)
            m.d.sync += plane.eq(plane + 1)
            m.next = "start"
            with m.If(plane == len(PLANES) - 1):
                m.d.sync += plane.eq(0)
                m.next = "judge"
        with m.State("judge"):
            with m.If(misaligned):
                m.d.sync += job.fault.eq(Fault.ALIGNMENT)
            with m.Elif(outside):
                m.d.sync += job.fault.eq(Fault.WINDOW)
            m.next = "give"

    def _which(
        self,
        m: Module,
        plane: Signal,
        loads: Value,
        load: Mapping[str, Any],
        product: Mapping[str, Any],
        ends: list[Signal],
    ) -> Any:
        """What there is to know of a plane; ``least`` and ``most`` are bytes from its start."""
        built, wide = self.built, signed(self._bits)
        fields = {"used": 1, "bytewise": 1, "register": range(BASES), "offset": unsigned(32)}
        which: Any = Signal(data.StructLayout({**fields, "least": wide, "most": wide}))
        row = product["init"] == Init.ROW
        used = {
            "init": ~loads & (product["init"] != Init.ZERO),
            "mask": ~loads & product["mask"],
            "words": ~loads & product["to_words"],
            **dict.fromkeys(("codes", "scales"), loads | product["to_tiles"]),
        }
        records = {**dict.fromkeys(("mask", "codes"), built.code_record), "scales": 1}
        with m.Switch(plane):
            for number, name in enumerate(PLANES):
                record = records.get(name, built.word_record)
                register: Any = product[f"{name}_reg"]
                if f"{name}_reg" in load:
                    register = Mux(loads, load[f"{name}_reg"], register)
                with m.Case(number):
                    m.d.comb += [
                        which.used.eq(used[name]),
                        which.bytewise.eq(record == 1),
                        which.register.eq(register),
                        which.offset.eq(product[_OFFSETS[name]]),
                        which.least.eq(ends[0] * record),
                        which.most.eq(ends[1] * record + record),
                    ]
                    if name == "init":
                        with m.If(row):
                            last = (product["n"] - 1)[:16]
                            m.d.comb += which.least.eq(0)
                            m.d.comb += which.most.eq(last * record + built.row_record)
        return which

    @staticmethod
    def _no_index(ends: list[Signal]) -> Value:
        """Whether an extreme does not fit the bits of an index."""
        least, most = ends
        return (least[-1] != least[-2]) | (most[-1] != most[-2])
