"""Loader: tiles of a plane in memory into a tile memory."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ..engine.tile_store import codes_port, scales_port
from ..stream.fork import fork
from ..stream.register import derive, link
from .bursts import Bursts, record_layout
from .planes import without_marks
from .ports import burst_layout
from .reads import read_layout
from .spans import Spans
from .view import ViewWalk, view_layout

__all__ = ["Loader", "load_layout"]

_JOBS = 2  # loads whose tiles are still to come


def load_layout(built: Configuration) -> data.StructLayout:
    """Fields of a load: its view, where its planes begin, its tiles, the first in the memory."""
    view = {name: field.shape for name, field in view_layout()}
    planes = {name: unsigned(built.address) for name in ("codes", "scales")}
    memory = {"tiles": range(built.depth + 1), "base": range(built.depth)}
    return data.StructLayout({**view, **planes, **memory})


class Loader(wiring.Component):
    """Loads to reads of the bus, and their data to the ports of a tile memory.

    Codes and scales come apart, each in their order. A load begins to ask while the tiles of the
    one before come.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of loads.
        busy: Out, a load was taken whose tiles are not all there.
        code_bursts, scale_bursts: Out, streams of bursts to ``Reads``.
        code_data, scale_data: In, their beats; those of codes are taken at once.
        codes, scales: Out, to the ports of the tile store of these names.
    """

    i: stream.Interface
    code_bursts: stream.Interface
    scale_bursts: stream.Interface
    code_data: stream.Interface
    scale_data: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        self.parts = built.code_record // built.beat
        burst = stream.Signature(burst_layout(built.address))
        beat = stream.Signature(read_layout(built.bus))
        super().__init__(
            {
                "i": In(stream.Signature(load_layout(built))),
                "busy": Out(1),
                **{"code_bursts": Out(burst), "scale_bursts": Out(burst)},
                **{"code_data": In(beat), "scale_data": In(beat)},
                "codes": Out(codes_port(built.bus, self.parts, built.depth)),
                "scales": Out(scales_port(built.depth)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Indices, bursts of both planes, their data."""
        m = Module()
        asked, code_job, scale_job = fork(m, self.i, 3, name="job")
        self._ask(m, asked)
        codes = self._jobs(m, code_job, self.codes, "codes")
        scales = self._jobs(m, scale_job, self.scales, "scales")
        m.d.comb += self.busy.eq(codes[0] | scales[0])
        part = Signal(range(self.parts))
        came: Any = self.code_data
        m.d.comb += [
            came.ready.eq(1),
            self.codes.enable.eq(came.valid),
            self.codes.beat.eq(part),
            self.codes.data.eq(came.payload.data),
            codes[1].eq(came.valid & (part == self.parts - 1)),
        ]
        with m.If(came.valid):
            m.d.sync += part.eq(Mux(codes[1], 0, part + 1))
        byte = self._scales.o
        m.d.comb += [
            byte.ready.eq(1),
            self.scales.enable.eq(byte.valid),
            self.scales.data.eq(byte.payload),
            scales[1].eq(byte.valid),
        ]
        return m

    def _ask(self, m: Module, job: Any) -> None:
        """Bursts of the codes and of the scales, whose places follow the same indices."""
        built = self.built
        m.submodules.walk = walk = ViewWalk()
        starts = Signal(data.StructLayout({"codes": built.address, "scales": built.address}))
        viewed = derive(m, job, view_layout(), name="viewed", copied=[n for n, _ in view_layout()])
        link(m, viewed, walk.i)
        with m.If(walk.i.ready):
            m.d.sync += [starts.codes.eq(job.payload.codes), starts.scales.eq(job.payload.scales)]
        self._scales = Spans(built)
        m.submodules.spans = self._scales
        m.submodules.code_bursts = codes = Bursts(built.bus, built.address, built.code_record)
        m.submodules.scale_bursts = scales = Bursts(built.bus, built.address, 1)
        indices = fork(m, walk.o, 2, name="index")
        for index, name, bursts in zip(indices, ("codes", "scales"), (codes, scales), strict=True):
            record = derive(m, index, record_layout(built.address), name=f"{name}_record")
            fields = record.payload
            m.d.comb += [
                fields.start.eq(starts[name]),
                fields.index.eq(index.payload.index),
                fields.last.eq(index.payload.last),
            ]
            link(m, record, bursts.i)
        link(m, without_marks(m, codes.o, built, name="code_burst"), self.code_bursts)
        to_bus, to_spans = fork(m, scales.o, 2, name="scale_burst")
        link(m, without_marks(m, to_bus, built, name="scale_ask"), self.scale_bursts)
        link(m, to_spans, self._scales.bursts)
        link(m, self.scale_data, self._scales.data)

    def _jobs(self, m: Module, job: Any, port: Any, name: str) -> tuple[Value, Signal]:
        """Addresses of the tiles of the loads under way: whether there is one; a tile is there."""
        layout = data.StructLayout({n: load_layout(self.built)[n].shape for n in ("tiles", "base")})
        queue = fifo.SyncFIFO(width=layout.size, depth=_JOBS)
        m.submodules[f"{name}_jobs"] = queue
        offered, head = Signal(layout, name=f"{name}_offered"), Signal(layout, name=f"{name}_head")
        ends, done = Signal(name=f"{name}_ends"), Signal(range(self.built.depth + 1))
        last = Signal(name=f"{name}_last")
        m.d.comb += [
            *(offered[n].eq(job.payload[n]) for n, _ in layout),
            queue.w_data.eq(offered),
            queue.w_en.eq(job.valid),
            job.ready.eq(queue.w_rdy),
            head.eq(queue.r_data),
            port.address.eq(head.base + done),
            last.eq(ends & (done + 1 == head.tiles)),
            queue.r_en.eq(last),
        ]
        with m.If(ends):
            m.d.sync += done.eq(Mux(last, 0, done + 1))
        return queue.r_rdy, ends
