"""Product: the tiles of two memories to the rows of C, which is all that multiplies in an engine.

    job -> sequencer -> [read] -> rows, columns -> [operands] -> array -> regroup -> o
                                                c -> regroup ---^

``[name]`` is a register.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ..dot.accumulator import POINTS as ACCUMULATOR_POINTS
from ..dot.dot import points_of
from ..layouts import Fabric
from ..stream.points import Stages
from ..stream.register import link, register, register_valid
from ..stream.regroup import Regroup, words_layout
from .array import DotArray
from .sequencer import Sequencer, step_layout
from .tile_store import TileStore, codes_port, scales_port

__all__ = ["EVENTS", "Product"]

EVENTS = ("steps", "stalled_start", "stalled_output", "stalled_latency")
"""Steps of the array, and cycles in which one waited: for a word of ``c``, for room at the output,
for the accumulator."""


class Product(wiring.Component):
    """Two tile memories, the loop nest over them, and the array of dot products.

    Nothing here knows what is in the memories, or whether it is still to be read: who starts a
    product and who writes tiles agree on that.

    Args:
        element: format of the codes.
        tile: rows and columns of a tile.
        pes: dot products in parallel, a power of two, 1 to ``tile**2``.
        depth: tiles of each memory.
        bits: bits of a tile's codes that are written at once; by default as many rows as the array
            has.
        views: of ``Sequencer``.
        rate: words that come at ``c`` and leave at ``o`` in a cycle; by default those of a row.
        stages, fabric: of ``Dot``; at least one register in the accumulator.

    Attributes:
        steps: steps of a tile product.
        loop: registers of the accumulator.
        group: output tiles that are under way at once, so that none waits for the accumulator.
        points: names of all pipeline registers of a dot product.

    Members:
        start: In, take ``job``; only while ``busy`` is low.
        job: In, of ``sequencer``.
        busy: Out, steps are still to come, and with them reads.
        a_codes, a_scales, b_codes, b_scales: In, to the ports of the tile stores.
        c: In, stream of ``words``, a row of a tile: where C starts, for jobs that say so. Taken
            whenever there is room.
        o: Out, stream of ``words``, a row of a tile of C.
        events: Out, a bit for each of ``EVENTS``: count this cycle.
    """

    c: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat,
        tile: int,
        pes: int,
        depth: int,
        *,
        bits: int | None = None,
        views: bool = False,
        rate: int | None = None,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        rows, columns = max(1, pes // tile), min(pes, tile)
        points = points_of(fabric)
        self.stages, self.steps = points.chosen(stages), tile**2 // pes
        self.loop = len(ACCUMULATOR_POINTS.among(points.resolve(stages)))
        if not self.loop:
            raise ValueError(f"stages must have a register in the accumulator, not {stages!r}")
        self.group = -(-self.loop // self.steps)
        self.sequencer = Sequencer(depth, self.steps, self.group, views=views)
        self.array = DotArray(
            element,
            tile,
            rows=rows,
            columns=columns,
            outputs=self.sequencer.outputs,
            stages=self.stages,
            fabric=fabric,
        )
        self.points: tuple[str, ...] = self.array.pe.points
        bits = rows * tile * element.bits if bits is None else bits
        self.stores = {
            side: TileStore(element, tile, depth, bits=bits, vectors=vectors)
            for side, vectors in (("a", rows), ("b", columns))
        }
        # An array that is faster than either end takes and gives the words of a group at once.
        slow = pes > (tile if rate is None else rate)
        room = 2 * self.group * tile**2 // max(pes, tile) if slow else 0
        self.words = Regroup(tile, pes, room)
        self.rows = Regroup(pes, tile, room)
        beats = self.stores["a"].beats
        writes = {"codes": codes_port(bits, beats, depth), "scales": scales_port(depth)}
        super().__init__(
            {
                "start": In(1),
                "job": In(self.sequencer.job.shape()),
                "busy": Out(1),
                **{f"{side}_{name}": In(port) for side in "ab" for name, port in writes.items()},
                "c": In(stream.Signature(words_layout(tile))),
                "o": Out(stream.Signature(words_layout(tile))),
                "events": Out(data.StructLayout({name: unsigned(1) for name in EVENTS})),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the start of a one-tile product to its first row."""
        first = -(-self.rows.words_out // self.rows.words_in)  # steps of a row
        gathered = self.rows.words_in < self.rows.words_out
        queued = 2 if self.rows.depth else 0
        # Started, read, operands.
        return 3 + (first - 1) + self.array.latency + gathered + queued

    def elaborate(self, platform: Any) -> Module:
        """Steps, operands, array, rows."""
        m = Module()
        m.submodules.sequencer = sequencer = self.sequencer
        m.submodules.array = array = self.array
        m.submodules.words = words = self.words
        m.submodules.rows = rows = self.rows
        for side, store in self.stores.items():
            m.submodules[f"store_{side}"] = store
            for name in ("codes", "scales"):
                wiring.connect(
                    m, wiring.flipped(getattr(self, f"{side}_{name}")), getattr(store, name)
                )
        m.d.comb += [
            sequencer.start.eq(self.start),
            sequencer.job.eq(self.job),
            self.busy.eq(sequencer.busy),
        ]
        operands = register(m, self._read(m, sequencer.o), name="operands")
        link(m, self.c, words.i)
        lacks = self._join(m, operands)
        link(m, array.o, rows.i)
        link(m, rows.o, self.o)

        stops, full = Signal(), Signal()
        events: Any = self.events
        m.d.comb += [
            stops.eq(operands.valid & ~operands.ready),
            full.eq(array.o.valid & ~array.o.ready),
            events.steps.eq(operands.valid & operands.ready),
            events.stalled_start.eq(stops & lacks),
            events.stalled_output.eq(stops & ~lacks & full),
            events.stalled_latency.eq(stops & ~lacks & ~full),
        ]
        return m

    def _read(self, m: Module, steps: Any) -> Any:
        """Steps to the rows of A and columns of B, a cycle later."""
        sequencer, array = self.sequencer, self.array
        shape = step_layout(sequencer.depth, sequencer.steps, sequencer.outputs)
        fields = {name: field.shape for name, field in shape}
        kept = ("output", "first", "last", "starts")
        operand = {name: array.i.payload.shape()[name].shape for name in "ab"}
        layout = data.StructLayout({**operand, **{name: fields[name] for name in kept}})
        operands: Any = stream.Signature(layout).create(path=("read",))
        valid = register_valid(m, steps.valid, operands.ready, steps.ready, name="read")
        m.d.comb += operands.valid.eq(valid)
        # The array takes the columns of a row of tiles before the next rows.
        parts = self.stores["b"].tile // array.columns
        parts_of = {"a": steps.payload.step // parts, "b": steps.payload.step % parts}
        for side, store in self.stores.items():
            m.d.comb += [
                store.select.eq(steps.valid & steps.ready),
                store.read.eq(steps.valid & steps.ready & steps.payload[f"{side}_new"]),
                store.address.eq(steps.payload[side]),
                store.across.eq(steps.payload[f"{side}_across"]),
                store.step.eq(parts_of[side]),
                operands.payload[side].vectors.eq(store.vectors_read),
                operands.payload[side].scale.eq(store.scale),
            ]
        for name in kept:
            held = Signal(fields[name], name=f"held_{name}", reset_less=True)
            with m.If(steps.ready):
                m.d.sync += held.eq(steps.payload[name])
            m.d.comb += operands.payload[name].eq(held)
        return operands

    def _join(self, m: Module, operands: Any) -> Signal:
        """Operands to the array, with the words of C where a product starts from them.

        Returns:
            Whether those words are not there yet.
        """
        array, words, beat = self.array, self.words.o, operands.payload
        lacks = Signal(name="lacks")
        m.d.comb += [
            lacks.eq(beat.starts & ~words.valid),
            array.i.valid.eq(operands.valid & ~lacks),
            operands.ready.eq(array.i.ready & ~lacks),
            words.ready.eq(array.i.ready & operands.valid & beat.starts),
            *(
                array.i.payload.acc[k].eq(Mux(beat.starts, words.payload.words[k], 0))
                for k in range(array.rows * array.columns)
            ),
        ]
        for name, _ in array.i.payload.shape():
            if name != "acc":
                m.d.comb += array.i.payload[name].eq(beat[name])
        return lacks
