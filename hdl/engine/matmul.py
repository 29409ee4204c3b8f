"""Matrix engine: C = op(A) op(B) (+ C) over square tiles, tiles in and tiles out.

Golden answer: ``mxsf.golden.engine.machine.Machine``. Source: docs/engine.md; docs/numerics.md
sections 5 and 6.
"""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.engine.machine import SIZE_BITS, Machine
from ...golden.formats.block import Rounding
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ..checks import check_kind, check_rounding
from ..dot.dot import POINTS
from ..layouts import Fabric
from ..quantize.requantizer import TILES, Requantizer
from ..stream.points import Stages
from .command import FAULT_BITS
from .core import COUNTERS, Core
from .product import Product
from .results import Results

__all__ = ["COUNTER_BITS", "POINTS", "ROUNDINGS", "Matmul", "machine"]

ROUNDINGS = (Rounding.NEAREST_EVEN, Rounding.STOCHASTIC)
"""What a command may ask for."""

COUNTER_BITS = 32
"""Bits of a counter; it wraps."""

_INPUTS = ("command", "a", "b", "c")
_OUTPUTS = ("o", "t")


class Matmul(wiring.Component):
    """A stream of commands, streams of tiles in, streams of tiles out.

    Two memories hold ``depth`` tiles each. LOAD_A and LOAD_B fill them from ``a`` and ``b``;
    MULTIPLY computes with stored tiles, straight or transposed, by ``pes`` dot products of ``tile``
    lanes each. Its tiles leave row by row of tiles, as FP32 rows or re-quantized. Commands are
    taken in order; loads overlap each other and a product that reads other tiles. A tile product
    takes ``tile**2 / pes`` cycles; a command one cycle more than its tile products, as long as it
    has at least as many output tiles as hide the accumulator's latency.

    A bad command sets ``error`` and does nothing else. ``abort`` ends all that is under way: in
    its cycle nothing is transferred, and from the next one on the engine is as after reset, but for
    the tile memories and the counters. Tiles of a load that was cut short may have been written.

    Args:
        element: format of all tiles; at most 5 exponent bits.
        tile: rows and columns of a tile: 4, 8, 16 or 32.
        pes: dot products in parallel, a power of two, 1 to ``tile**2``.
        depth: tiles of each memory, 2 to 32768.
        rule, overflow: of the re-quantizer.
        rounding: nearest even, or stochastic for the products whose command asks for it.
        requantize: whether there is a re-quantizer. Without it results leave as FP32 rows only,
            ``t`` is silent, and another output is a fault.
        stages: pipeline registers of ``Dot``, a number or names; at least one in the accumulator.
        fabric: ``"asic"``, ``"fpga"`` or ``"dsp"``; the same cycles and bits.

    Members:
        command: In, stream of commands: ``mxsf.hdl.engine.command.command_layout``.
        a, b: In, streams of rows of tiles: ``codes`` (array of ``rows`` rows), ``scale`` (the
            same on every beat of a tile), ``first``, ``last`` (for the reader of a waveform).
        c: In, stream of ``words``, a row of a tile: where C starts, with ``accumulate``, in the
            order in which the tiles of C leave.
        o: Out, stream of rows of C: ``codes`` and ``scale``, or ``words``; ``first``, ``last``.
        t: Out, stream of columns of C: ``codes``, ``scale``, ``first``, ``last``.
        abort: In.
        busy: Out, a command is under way or waits.
        error: Out, the first fault since reset or abort: ``mxsf.golden.engine.machine.Fault``.
        counters: Out, see docs/engine.md; ``COUNTER_BITS`` bits, cleared by reset only.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    command: stream.Interface
    a: stream.Interface
    b: stream.Interface
    c: stream.Interface
    o: stream.Interface
    t: stream.Interface

    def __init__(
        self,
        element: ElementFormat = MXSF,
        *,
        tile: int = 8,
        pes: int = 8,
        depth: int = 64,
        rule: ScaleRule = ScaleRule.FLOOR,
        rounding: Rounding = Rounding.NEAREST_EVEN,
        overflow: Overflow = "saturate",
        stages: Stages | None = None,
        fabric: Fabric = "asic",
        requantize: bool = True,
    ):
        _check_sizes(tile, pes, depth)
        check_kind("element", element, ElementFormat)
        check_kind("requantize", requantize, bool)
        check_rounding(rounding, ROUNDINGS)
        self.element, self.tile, self.pes, self.depth = element, tile, pes, depth
        self.rule, self.rounding, self.requantize = rule, rounding, requantize
        self.fabric: Fabric = fabric
        self.overflow: Overflow = overflow
        product = Product(element, tile, pes, depth, stages=stages, fabric=fabric)
        self.rows, self.steps = product.array.rows, product.steps
        self.stages, self.points = product.stages, product.points
        self.loop, self.group = product.loop, product.group
        results = Results(element, tile, depth, self._requantizer() if requantize else None)
        self.core = Core(product, results)
        streams = {name: self.core.signature.members[name] for name in (*_INPUTS, *_OUTPUTS)}
        counters = wiring.Signature({name: Out(COUNTER_BITS) for name in COUNTERS})
        super().__init__(
            {
                **streams,
                "abort": In(1),
                "busy": Out(1),
                "error": Out(FAULT_BITS),
                "counters": Out(counters),
            }
        )

    def _requantizer(self) -> Requantizer:
        """The re-quantizer of the tiles that leave."""
        return Requantizer(
            self.element,
            tile=self.tile,
            rule=self.rule,
            rounding=self.rounding,
            overflow=self.overflow,
            both=True,
            storage="memory",
            fabric=self.fabric,
        )

    @property
    def beats(self) -> int:
        """Beats of a tile that leaves."""
        return self.tile

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a one-tile product's command to its first FP32 row."""
        return self.core.latency

    def elaborate(self, platform: Any) -> Module:
        """The core, reset by abort; its streams, silent in the cycle of abort; counters."""
        m = Module()
        core: Any = self.core
        m.submodules.core = ResetInserter(self.abort)(core)
        runs = Signal()
        m.d.comb += runs.eq(~self.abort)
        for name in (*_INPUTS, *_OUTPUTS):
            outer, inner = getattr(self, name), getattr(core, name)
            source, target = (inner, outer) if name in _OUTPUTS else (outer, inner)
            m.d.comb += [
                target.payload.eq(source.payload),
                target.valid.eq(source.valid & runs),
                source.ready.eq(target.ready & runs),
            ]
        m.d.comb += [self.busy.eq(core.busy), self.error.eq(core.error)]
        for name in COUNTERS:
            count = Signal(COUNTER_BITS, name=f"count_{name}")
            m.d.sync += count.eq(count + (core.events[name] & runs))
            m.d.comb += getattr(self.counters, name).eq(count)
        return m


def machine(engine: Matmul) -> Machine:
    """Build the golden machine of an engine."""
    return Machine(
        engine.element,
        tile=engine.tile,
        depth=engine.depth,
        rule=engine.rule,
        rounding=engine.rounding,
        overflow=engine.overflow,
        requantize=engine.requantize,
    )


def _check_sizes(tile: int, pes: int, depth: int) -> None:
    """Raise TypeError or ValueError where a size is none that an engine can have."""
    for name, value in (("tile", tile), ("pes", pes), ("depth", depth)):
        check_kind(name, value, int)
    if tile not in TILES:
        raise ValueError(f"tile must be {', '.join(map(str, TILES))}, not {tile!r}")
    if not 1 <= pes <= tile**2 or pes & (pes - 1):
        raise ValueError(f"pes must be a power of two, 1 to {tile**2}, not {pes!r}")
    if not 2 <= depth <= 1 << (SIZE_BITS - 1):
        raise ValueError(f"depth must be 2 to {1 << (SIZE_BITS - 1)}, not {depth!r}")
