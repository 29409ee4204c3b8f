"""Rows of products to rows of C: masks are joined, the epilogue told what to do."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream.register import derive, link
from ..stream.regroup import words_layout
from .dispatch import finish_layout
from .epilogue import Epilogue, epilogue_layout, row_layout

__all__ = ["Rows"]

_PRODUCTS = 2  # whose rows are still to come


class Rows(wiring.Component):
    """Rows of products, one product after the other, each finished as was said of it.

    Args:
        tile: rows and columns of a tile.

    Members:
        finish: In, stream of ``finish_layout``, a beat a product.
        i: In, stream of rows of ``words``.
        masks: In, stream of rows of flags, of the products that have a mask.
        o: Out, stream of rows: ``row_layout``.
        busy: Out, rows of a product that was told of are still to come, or in the epilogue.
    """

    finish: stream.Interface
    i: stream.Interface
    masks: stream.Interface
    o: stream.Interface

    def __init__(self, tile: int):
        self.tile = tile
        super().__init__(
            {
                "finish": In(stream.Signature(finish_layout())),
                "i": In(stream.Signature(words_layout(tile))),
                "masks": In(stream.Signature(unsigned(tile))),
                "o": Out(stream.Signature(row_layout(tile))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """The product at hand, its rows, the epilogue."""
        m = Module()
        layout = finish_layout()
        m.submodules.products = products = fifo.SyncFIFO(width=layout.size, depth=_PRODUCTS)
        now: Any = Signal(layout, name="now")
        m.d.comb += [
            products.w_data.eq(Value.cast(self.finish.payload)),
            products.w_en.eq(self.finish.valid),
            self.finish.ready.eq(products.w_rdy),
            now.eq(products.r_data),
        ]
        m.submodules.epilogue = epilogue = Epilogue(self.tile)
        there, moves, ends, last = Signal(), Signal(), Signal(), Signal()
        row, tile = Signal(range(self.tile)), Signal(32)
        joined = derive(m, self.i, epilogue_layout(self.tile), name="joined", copied=["words"])
        # ``joined`` follows ``i`` but for what is still missing.
        into: Any = stream.Signature(epilogue_layout(self.tile)).create(path=("finished",))
        m.d.comb += [
            there.eq(products.r_rdy & (self.masks.valid | ~now.masked)),
            into.payload.eq(joined.payload),
            into.valid.eq(joined.valid & there),
            joined.ready.eq(into.ready & there),
            moves.eq(into.valid & into.ready),
            self.masks.ready.eq(moves & now.masked),
            joined.payload.masked.eq(Mux(now.masked, self.masks.payload, 0)),
            *(joined.payload[name].eq(now[name]) for name in ("shift", "negate", "relu")),
            *(joined.payload.kind[name].eq(now[name]) for name, _ in joined.payload.kind.shape()),
            ends.eq(moves & (row == self.tile - 1)),
            last.eq(ends & (tile + 1 == now.tiles)),
            products.r_en.eq(last),
            self.busy.eq(products.r_rdy),
        ]
        with m.If(moves):
            m.d.sync += row.eq(row + 1)
        with m.If(ends):
            m.d.sync += tile.eq(Mux(last, 0, tile + 1))
        link(m, into, epilogue.i)
        link(m, epilogue.o, self.o)
        return m
