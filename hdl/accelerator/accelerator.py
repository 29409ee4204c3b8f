"""Accelerator: a matrix engine that runs programs in memory, over AXI4.

Golden answer: ``mxsf.golden.accelerator.machine.Machine``. Source: docs/accelerator.md.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from ...golden.accelerator.bursts import MOST_BEATS
from ...golden.accelerator.configuration import BASES, Configuration
from ...golden.formats.block import Rounding
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import FP32
from ..checks import check_kind
from ..engine.product import EVENTS, Product
from ..interface.axi_lite import RegisterFile, connect_lite, lite_members
from ..layouts import Fabric
from ..quantize.requantizer import Requantizer
from ..register_map import DATA_BITS
from ..stream.points import Stages
from ..stream.register import link, register
from .check import Check
from .control import Control
from .core import READERS, Core
from .counters import Counters
from .dispatch import Dispatch
from .fetch import Fetch
from .ports import connect_reads, connect_writes, manager_ports
from .reads import Reads, Room
from .register_map import COUNTERS_AT, accelerator_registers, halves
from .writes import Writes

__all__ = ["COUNTERS", "MOST_OUTSTANDING", "Accelerator"]

COUNTERS = {
    "cycles": "Cycles in which a program ran",
    "steps": "Steps of the array",
    "descriptors": "Descriptors that were done",
    "load_code_bytes": "Bytes of codes that LOADs read, whole beats",
    "load_scale_bytes": "Bytes of the beats in which LOADs read scales",
    "init_bytes": "Bytes of words that products read as starts of their sums",
    "mask_bytes": "Bytes of codes that products read as masks",
    "word_bytes": "Bytes of words that were written",
    "code_bytes": "Bytes of codes that were written",
    "scale_bytes": "Scales that were written",
    "stalled_load": "Cycles in which a product waited for nothing but LOADs",
    "stalled_fence": "Cycles in which a descriptor waited for all before it",
    "stalled_start": "Cycles in which a step waited for words to start from",
    "stalled_output": "Cycles in which a step waited for the output",
    "stalled_latency": "Cycles in which a step waited for the accumulator",
}
"""Titles of the counters by name."""

MOST_OUTSTANDING = 64
"""Bursts under way each way at most."""

_FETCHED = 16  # beats of descriptors that are held
_MOST_ROOM = 512  # beats of init or mask: a block RAM of an FPGA

_DEPTHS = {"words": 64, "codes": 32, "scales": 16}
"""Beats that each writer holds: two tiles on a bus of 64 bits."""


class Accelerator(wiring.Component):
    """A manager of an AXI4 bus with registers on AXI4-Lite.

    Args:
        element: format of all tiles; at most 5 exponent bits.
        tile: rows and columns of a tile: 4, 8, 16 or 32.
        pes: dot products in parallel, a power of two, 1 to ``tile**2``.
        depth: tiles of each tile memory, a power of two.
        bus: data bits: 64, 128, 256 or 512.
        address: bits of a byte address, 32 to 64.
        outstanding: bursts under way each way.
        rule, overflow: of the re-quantizer.
        rounding: nearest even, or stochastic for the products that ask for it.
        requantize: whether there is a re-quantizer; without it only words leave.
        stages, fabric: of ``Dot``.

    Members:
        m_axi_*: an AXI4 manager.
        s_axi_*: an AXI4-Lite subordinate with the registers.
        irq: Out, the interrupt, high until it is taken back.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    def __init__(
        self,
        element: ElementFormat = MXSF,
        *,
        tile: int = 8,
        pes: int = 8,
        depth: int = 512,
        bus: int = 64,
        address: int = 32,
        outstanding: int = 16,
        rule: ScaleRule = ScaleRule.FLOOR,
        rounding: Rounding = Rounding.NEAREST_EVEN,
        overflow: Overflow = "saturate",
        requantize: bool = True,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        check_kind("outstanding", outstanding, int)
        if not 1 <= outstanding <= MOST_OUTSTANDING:
            raise ValueError(f"outstanding must be 1 to {MOST_OUTSTANDING}, not {outstanding!r}")
        self.built = built = Configuration(
            *(element, tile, pes, depth, bus, address), *(rule, rounding, overflow, requantize)
        )
        self.outstanding = outstanding
        self.element, self.tile, self.pes, self.depth = element, tile, pes, depth
        self.bus, self.address, self.rule, self.rounding = bus, address, rule, rounding
        self.requantize = requantize
        self.overflow: Overflow = overflow
        self.fabric: Fabric = fabric
        self.product = Product(
            *(element, tile, pes, depth),
            bits=bus,
            views=True,
            rate=bus // FP32.bits,
            stages=stages,
            fabric=fabric,
        )
        self.stages = self.product.stages
        self.core = Core(built, self.product, self._requantizer() if requantize else None)
        self.registers = accelerator_registers(built, outstanding, COUNTERS)
        super().__init__({**manager_ports(bus, address), **lite_members(), "irq": Out(1)})

    def _requantizer(self) -> Requantizer:
        """The re-quantizer of the tiles that leave."""
        return Requantizer(
            self.element,
            tile=self.tile,
            rule=self.rule,
            rounding=self.rounding,
            overflow=self.overflow,
            storage="memory",
            fabric=self.fabric,
        )

    def _room(self, reader: str) -> Room:
        """Beats that a reader holds; starts and masks those of all bursts under way."""
        if reader in ("init", "mask"):
            return min(max(2, self.outstanding) * MOST_BEATS, _MOST_ROOM)
        return "always" if reader.endswith("codes") else 2 * MOST_BEATS

    def elaborate(self, platform: Any) -> Module:
        """Bus, core, program, registers."""
        m = Module()
        built, core = self.built, self.core
        m.submodules.reads = reads = Reads(
            *(built.bus, built.address),
            [_FETCHED, *(self._room(name) for name in READERS)],
            self.outstanding,
            careless=[0],
        )
        m.submodules.writes = writes = Writes(
            *(built.bus, built.address),
            [_DEPTHS[name] for name in core.outputs.planes],
            self.outstanding,
        )
        connect_reads(m, self, reads)
        connect_writes(m, self, writes)
        m.submodules.control = control = Control(built.address, len(COUNTERS))
        m.submodules.core = ResetInserter(control.aborts)(core)
        for place in range(len(READERS)):
            link(m, core.reads[place], reads.bursts[place + 1])
            link(m, reads.data[place + 1], core.read_data[place])
        for place in range(len(core.outputs.planes)):
            link(m, core.writes[place], writes.bursts[place])
            link(m, core.write_data[place], writes.data[place])
        dispatch = self._program(m, control, reads, writes)
        self._control(m, control, (reads, writes), dispatch)
        counters = self._count(m, control, reads, dispatch)
        self._registers(m, control, counters)
        return m

    def _program(self, m: Module, control: Any, reads: Any, writes: Any) -> Any:
        """Descriptors from memory to the core; all of it is reset between programs."""
        built, core = self.built, self.core
        program = Module()
        program.submodules.fetch = fetch = Fetch(built.bus, built.address)
        program.submodules.check = self._check = check = Check(built)
        program.submodules.dispatch = dispatch = Dispatch(built)
        link(program, fetch.bursts, reads.bursts[0])
        link(program, reads.data[0], fetch.data)
        link(program, fetch.o, check.i)
        link(program, register(program, check.o, name="job"), dispatch.i)
        m.submodules.program = ResetInserter(control.idle)(program)
        ports, given = vars(core), vars(dispatch)
        for name in ("load_a", "load_b", "init", "mask", "words", "codes", "scales", "finish"):
            link(m, given[name], ports[name])
        m.d.comb += [
            fetch.start.eq(control.started),
            fetch.origin.eq(control.origin),
            core.start.eq(dispatch.start),
            core.product.eq(dispatch.product),
            *(given[name].eq(ports[name]) for name in ("load_a_busy", "load_b_busy")),
            dispatch.product_busy.eq(core.product_busy),
            dispatch.quiet.eq(~core.busy & writes.idle),
        ]
        return dispatch

    def _control(self, m: Module, control: Any, bus: tuple[Any, Any], dispatch: Any) -> None:
        """What ends a program, and what the bus is told then."""
        for side in bus:
            m.d.comb += [side.cancel.eq(control.cancel), side.clear.eq(control.forget)]
        reads, writes = bus
        m.d.comb += [
            control.ends.eq(dispatch.ends),
            control.fault.eq(dispatch.fault),
            control.irq.eq(dispatch.irq),
            control.at.eq(dispatch.address),
            control.read_error.eq(reads.error != 0),
            control.read_address.eq(reads.error_address),
            control.write_error.eq(writes.error != 0),
            control.write_address.eq(writes.error_address),
            control.quiet.eq(reads.idle & writes.idle),
        ]

    def _count(self, m: Module, control: Any, reads: Any, dispatch: Any) -> Counters:
        """What the counters count."""
        beat, core = self.built.beat, self.core
        worth = {name: beat if name.endswith("bytes") else 1 for name in COUNTERS}
        m.submodules.counters = counters = Counters(worth | {"scale_bytes": 1})
        events: Any = counters.events

        def beats(*names: str) -> Any:
            data = [reads.data[READERS.index(name) + 1] for name in names]
            return sum(beat.valid & beat.ready for beat in data)

        def written(name: str) -> Any:
            if name not in core.outputs.planes:
                return 0
            data: Any = core.write_data[core.outputs.planes.index(name)]
            return data.valid & data.ready

        counted = {
            "cycles": control.running & ~control.forget,  # all counted when running ends
            "descriptors": dispatch.done | control.ended,
            "load_code_bytes": beats("a_codes", "b_codes"),
            "load_scale_bytes": beats("a_scales", "b_scales"),
            "init_bytes": beats("init"),
            "mask_bytes": beats("mask"),
            "word_bytes": written("words"),
            "code_bytes": written("codes"),
            "scale_bytes": core.scale_written,
            "stalled_load": dispatch.stalled_load,
            "stalled_fence": dispatch.stalled_fence,
            **{name: core.events[name] for name in EVENTS},
        }
        m.d.comb += [getattr(events, name).eq(value) for name, value in counted.items()]
        return counters

    def _registers(self, m: Module, control: Any, counters: Counters) -> None:
        """What the host reads and writes."""
        m.submodules.registers = file = RegisterFile(self.registers)
        connect_lite(m, self, file)
        ports, address = vars(file), self.address
        status = Cat(control.running, control.pending, Const(0, 2), control.reason)
        act: Any = ports["control"]
        m.d.comb += [
            ports["status"].eq(status),
            act.ready.eq(~(act.payload[0] & control.running)),
            Cat(control.go, control.abort, control.clear).eq(
                Mux(act.valid & act.ready, act.payload, 0)
            ),
            self.irq.eq(control.pending & ports["irq_enable"][0]),
        ]

        def written(name: str) -> Value:
            return Cat(ports[half] for half in halves(name))[:address]

        for name, value in (("descriptor", control.descriptor), ("bus", control.bus_address)):
            m.d.comb += Cat(ports[half] for half in halves(name)).eq(value)
        low, high = (ports[half] for half in halves("program"))
        m.d.comb += [
            Cat(low.value, high.value).eq(control.origin),
            control.set_origin.eq(low.write | high.write),
            control.new_origin.eq(
                Cat(
                    Mux(low.write, low.data, control.origin[:DATA_BITS]),
                    Mux(high.write, high.data, control.origin[DATA_BITS:]),
                )
            ),
        ]
        check: Any = self._check
        m.d.comb += [
            *(check.bases[number].eq(written(f"base_{number}")) for number in range(BASES)),
            check.low.eq(written("window_low")),
            check.high.eq(written("window_high")),
            counters.number.eq((file.reading - COUNTERS_AT)[3:]),
        ]
        for name in COUNTERS:
            m.d.comb += Cat(ports[half] for half in halves(f"count_{name}")).eq(counters.value)
