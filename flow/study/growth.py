"""How an engine grows with its PEs: cells, cycles, and the share of cycles that multiply.

PEs are equal modules. One of them is synthesized by itself, and everything else once with the PEs
as black boxes: a total is what one takes times their number, and the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import wiring

from ...golden.formats.element import ElementFormat
from ...hdl.dot.dot import Dot
from ...hdl.layouts import Fabric
from ...sim.bench.engine import product_cycles
from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.catalogue import variant
from ..netlist.netlist import netlist
from ..synth.area import Area, area, fabric_of

__all__ = ["PES", "SIZES", "Growth", "grow"]

PES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Rows and columns of square matrices."""


@dataclass(frozen=True)
class Growth:
    """What an engine of some PEs takes and does.

    Attributes:
        pes: dot products in parallel.
        pe: what each of them takes.
        rest: what everything else takes: commands, tile memories, sequencer, re-quantizer.
        cycles: cycles of a product of square matrices, by their size, operands loaded; of those
            sizes that the tile memories hold.
        useful: share of the engine's multiplications in those cycles that are part of it.
    """

    pes: int
    pe: Area
    rest: Area
    cycles: dict[int, int]
    useful: dict[int, float]

    def total(self, name: str) -> float | None:
        """Sum of a figure of ``Area``, None where the target has none."""
        pe, rest = getattr(self.pe, name), getattr(self.rest, name)
        return None if pe is None else self.pes * pe + rest

    @property
    def memories(self) -> int:
        """Memory blocks and LUTs used as memory."""
        return self.rest.memories + self.pes * self.pe.memories

    def row(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


class _Shell(wiring.Component):
    """The ports of a PE, to be a black box."""

    def __init__(self, pe: Dot):
        super().__init__(pe.signature)
        self.latency = pe.latency

    def elaborate(self, platform: Any) -> Module:
        """Every input drives every output, so that all of them are ports."""
        m = Module()
        ports: Any = self
        parity = Value.cast(ports.i.payload).xor() ^ ports.i.valid ^ ports.o.ready
        outputs = (ports.i.ready, ports.o.valid, Value.cast(ports.o.payload))
        m.d.comb += [port.eq(parity.replicate(len(port))) for port in outputs]
        return m


def grow(
    pes: Sequence[int],
    element: ElementFormat,
    *,
    depth: int = 64,
    fabric: Fabric | None = None,
    target: str = "ecp5",
    yosys: Yosys = PINNED,
    step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Growth]:
    """Synthesize engines of 8x8 tiles and count the cycles of their products.

    Args:
        pes: numbers of PEs.
        element: format of the tiles.
        depth: tiles of each memory.
        fabric: whose structures; None for those that suit the target.
        target: a target of ``flow.synth.area``.
        yosys: the Yosys to use.
        step: called with what runs now, jobs done, and all jobs.

    Raises:
        ValueError: a number of PEs is none.
    """
    build = partial(variant, "matmul", element=element, depth=depth)
    engines = [build(pes=number, fabric=fabric or fabric_of(target)) for number in pes]
    growths, areas = [], dict[str, Area]()
    for done, (number, engine) in enumerate(zip(pes, engines, strict=True)):
        step(f"{engine.top} for {target} ({yosys.name})", done, len(pes))
        array = engine.component.core.product.array
        pe = netlist(array.pe, "pe")
        if pe.text not in areas:  # PEs differ in how many sums they keep
            areas[pe.text] = area(pe, target, yosys)
        array.build = partial(_Shell, array.pe)
        array.pe = array.build()
        rest = area(netlist(engine.component, engine.top).without("pe"), target, yosys)
        tiles = {size: size // engine.component.tile for size in SIZES}
        tiles = {size: t for size, t in tiles.items() if t**2 <= depth}
        cycles = {size: product_cycles(engine.component, (t, t, t)) for size, t in tiles.items()}
        useful = {size: t**3 * engine.component.steps / cycles[size] for size, t in tiles.items()}
        growths.append(Growth(number, areas[pe.text], rest, cycles, useful))
    return growths
