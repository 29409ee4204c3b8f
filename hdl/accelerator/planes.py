"""Planes of C: walks through them in the order of its tiles, and the bursts that this makes."""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ..stream.register import derive, link
from .bursts import Bursts, record_layout, span_layout
from .ports import burst_layout
from .view import ViewWalk, view_layout

__all__ = ["PlaneBursts", "plane_layout", "without_marks"]

_VIEW = view_layout(column_runs=False)
_WALKS = 3  # one walks, and one is in each register of the bursts


def plane_layout(built: Configuration, *, heads: bool = False) -> data.StructLayout:
    """Fields of a walk: the view of C, where the plane begins, the tiles of C.

    With ``heads`` also whether only the head of each record counts.
    """
    view = {name: field.shape for name, field in _VIEW}
    head = {"head": unsigned(1)} if heads else {}
    fields = {"start": unsigned(built.address), "tiles": unsigned(32)}
    return data.StructLayout({**view, **fields, **head})


def without_marks(m: Module, source: Any, built: Configuration, *, name: str) -> Any:
    """A stream of bursts with what the bus has to know of them."""
    layout = burst_layout(built.address)
    return derive(m, source, layout, name=name, copied=[field for field, _ in layout])


class PlaneBursts(wiring.Component):
    """Walks through a plane to bursts.

    Args:
        built: what the accelerator is.
        record: bytes of a record.
        head: bytes of its head, where heads may be asked for alone; else None.

    Members:
        i: In, stream of ``plane_layout``.
        o: Out, stream of bursts: ``span_layout``.
        busy: Out, a walk was taken whose bursts have not all left.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, built: Configuration, record: int, head: int | None = None):
        self.built, self.record, self.head = built, record, head
        super().__init__(
            {
                "i": In(stream.Signature(plane_layout(built, heads=head is not None))),
                "o": Out(stream.Signature(span_layout(built.bus, built.address, record))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Indices, records, bursts."""
        m = Module()
        built, heads = self.built, self.head is not None
        m.submodules.walk = walk = ViewWalk(column_runs=False)
        names = [name for name, _ in _VIEW]
        link(m, derive(m, self.i, walk.i.payload.shape(), name="viewed", copied=names), walk.i)
        kept = {name: Signal.like(self.i.payload[name]) for name in ("start", *["head"] * heads)}
        with m.If(walk.i.ready):
            m.d.sync += [signal.eq(self.i.payload[name]) for name, signal in kept.items()]
        m.submodules.records = records = Bursts(built.bus, built.address, self.record, self.head)
        layout = record_layout(built.address, heads=heads)
        record = derive(m, walk.o, layout, name="record", copied=("index", "last"))
        m.d.comb += [record.payload[name].eq(signal) for name, signal in kept.items()]
        link(m, record, records.i)
        link(m, records.o, self.o)
        begins, ends = Signal(), Signal()
        walks = Signal(range(_WALKS + 1))  # from the job to its last burst
        m.d.comb += [
            begins.eq(self.i.valid & self.i.ready),
            ends.eq(self.o.valid & self.o.ready & self.o.payload.last),
            self.busy.eq(walks != 0),
        ]
        m.d.sync += walks.eq(walks + begins - ends)
        return m
