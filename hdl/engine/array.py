"""The array of dot products: rows of A against columns of B, all in step.

PE (r, c) multiplies row r of A by column c of B. All of them see the same handshakes and the same
order of outputs, so that they never part, and the first one speaks for all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.element import ElementFormat
from ...golden.formats.scale import E8M0
from ...golden.formats.word import FP32
from ..dot.dot import Dot
from ..layouts import Fabric
from ..scale import scale_shape
from ..stream.points import Stages
from ..stream.regroup import words_layout
from .tile_store import vectors_layout

__all__ = ["DotArray"]


class DotArray(wiring.Component):
    """Rows of A and columns of B to the words of C, row by row.

    Args:
        element: format of the codes.
        tile: length of a row.
        rows: rows of A, the array's rows.
        columns: columns of B, the array's columns.
        outputs: products under way at once in each PE.
        stages, fabric: of ``Dot``.

    Attributes:
        pe: the first PE, which speaks for all.
        build: makes the others, equal to it.

    Members:
        i: In, stream of ``a.vectors``, ``a.scale``, ``b.vectors``, ``b.scale``, ``acc`` (FP32
            words, one a PE, read with ``first``), ``output`` where outputs > 1, ``first`` and
            ``last`` (of a product).
        o: Out, stream of ``words``, one a PE, once for each product.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat,
        tile: int,
        *,
        rows: int,
        columns: int,
        outputs: int,
        stages: Stages,
        fabric: Fabric,
    ):
        self.element, self.rows, self.columns = element, rows, columns
        self.build: Callable[[], Any] = partial(
            Dot, element, block=tile, outputs=outputs, stages=stages, fabric=fabric
        )
        self.pe = self.build()
        operands = {
            side: data.StructLayout(
                {"vectors": vectors_layout(element, tile, count), "scale": scale_shape(E8M0)}
            )
            for side, count in (("a", rows), ("b", columns))
        }
        acc = {"acc": data.ArrayLayout(unsigned(FP32.bits), rows * columns)}
        index = {"output": range(outputs)} if outputs > 1 else {}
        marks = {"first": unsigned(1), "last": unsigned(1)}
        layout = data.StructLayout({**operands, **acc, **index, **marks})
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "o": Out(stream.Signature(words_layout(rows * columns))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the last step of a product to its words."""
        latency: int = self.pe.latency
        return latency

    def elaborate(self, platform: Any) -> Module:
        """Broadcast, multiply, collect."""
        m = Module()
        operands = self.i.payload
        shared = [name for name in ("output", "first", "last") if name in dict(operands.shape())]
        for number in range(self.rows * self.columns):
            pe = self.build() if number else self.pe
            m.submodules[f"pe_{number}"] = pe
            row, column = divmod(number, self.columns)
            into = pe.i.payload
            m.d.comb += [
                pe.i.valid.eq(self.i.valid),
                pe.o.ready.eq(self.o.ready),
                into.a.codes.eq(operands.a.vectors[row]),
                into.a.scale.eq(operands.a.scale),
                into.b.codes.eq(operands.b.vectors[column]),
                into.b.scale.eq(operands.b.scale),
                into.acc.eq(operands.acc[number]),
                *(into[name].eq(operands[name]) for name in shared),
                self.o.payload.words[number].eq(pe.o.payload.acc),
            ]
        m.d.comb += [
            self.i.ready.eq(self.pe.i.ready),
            self.o.valid.eq(self.pe.o.valid),
        ]
        return m
