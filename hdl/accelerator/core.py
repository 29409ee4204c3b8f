"""Core of the accelerator: all that computes, and that an abort resets.

load_a, load_b -> loaders -> tile memories -> product -> rows -> outputs -> writes
reads      init -> starts ----^        ^
mask -> masks --------------+
"""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ..engine.product import Product
from ..engine.sequencer import product_layout
from ..quantize.requantizer import Requantizer
from ..stream.register import link
from .dispatch import finish_layout
from .loader import Loader, load_layout
from .masks import Masks
from .outputs import Outputs
from .planes import plane_layout
from .ports import burst_layout
from .reads import read_layout
from .rows import Rows
from .starts import Starts
from .writes import write_layout

__all__ = ["READERS", "WRITERS", "Core"]

READERS = ("a_codes", "a_scales", "b_codes", "b_scales", "init", "mask")
"""What reads memory, in the order of ``Core.reads`` and ``Core.read_data``."""

WRITERS = ("words", "codes", "scales")
"""What writes memory; without a re-quantizer only words."""


class Core(wiring.Component):
    """Loads and products of an accelerator, without its program and its bus.

    Args:
        built: what the accelerator is.
        product: the products of stored tiles.
        requantizer: makes tiles of rows; None where only words leave.

    Members:
        load_a, load_b: In, streams of loads; load_a_busy, load_b_busy: Out.
        init, mask, words, codes, scales: In, streams of walks through planes of C.
        finish: In, stream of what happens to the rows of products.
        product, start: In, a product; product_busy: Out, steps of it are to come.
        reads: Out, a stream of bursts for each of ``READERS``; read_data: In, their beats.
        writes, write_data: Out, the same for ``WRITERS``.
        busy: Out, something that was given is not done, apart from bursts that have left.
        scale_written: Out, a scale was taken to be written.
        events: Out, those of the product.
    """

    def __init__(self, built: Configuration, product: Product, requantizer: Requantizer | None):
        self.built, self._product = built, product
        self.outputs = Outputs(built, requantizer)
        load, plane = (stream.Signature(f(built)) for f in (load_layout, plane_layout))
        burst = stream.Signature(burst_layout(built.address))
        read, write = (stream.Signature(f(built.bus)) for f in (read_layout, write_layout))
        writers = len(self.outputs.planes)
        super().__init__(
            {
                **{f"load_{side}": In(load) for side in "ab"},
                **{f"load_{side}_busy": Out(1) for side in "ab"},
                "init": In(stream.Signature(plane_layout(built, heads=True))),
                **{name: In(plane) for name in ("mask", "words", "codes", "scales")},
                "finish": In(stream.Signature(finish_layout())),
                "product": In(product_layout(built.depth)),
                "start": In(1),
                "product_busy": Out(1),
                **{"reads": Out(burst).array(len(READERS))},
                **{"read_data": In(read).array(len(READERS))},
                **{"writes": Out(burst).array(writers), "write_data": Out(write).array(writers)},
                "busy": Out(1),
                "scale_written": Out(1),
                "events": Out(product.events.shape()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Loaders, product, rows, outputs."""
        m = Module()
        built, ports, product = self.built, vars(self), self._product
        m.submodules.product = product
        busy = []
        for side in "ab":
            m.submodules[f"loader_{side}"] = loader = Loader(built)
            link(m, ports[f"load_{side}"], loader.i)
            m.d.comb += ports[f"load_{side}_busy"].eq(loader.busy)
            busy.append(loader.busy)
            for name in ("codes", "scales"):
                place = READERS.index(f"{side}_{name}")
                link(m, getattr(loader, f"{name[:-1]}_bursts"), self.reads[place])
                link(m, self.read_data[place], getattr(loader, f"{name[:-1]}_data"))
                wiring.connect(m, getattr(loader, name), getattr(product, f"{side}_{name}"))
        m.submodules.starts = starts = Starts(built)
        m.submodules.masks = masks = Masks(built)
        for name, reader in (("init", starts), ("mask", masks)):
            place = READERS.index(name)
            link(m, ports[name], reader.i)
            link(m, reader.bursts, self.reads[place])
            link(m, self.read_data[place], reader.data)
        m.submodules.rows = rows = Rows(built.tile)
        m.submodules.outputs = outputs = self.outputs
        for source, target in (
            *((starts.o, product.c), (product.o, rows.i), (masks.o, rows.masks)),
            *((rows.o, outputs.i), (self.finish, rows.finish)),
        ):
            link(m, source, target)
        for place, name in enumerate(outputs.planes):
            link(m, ports[name], getattr(outputs, name))
            link(m, getattr(outputs, f"{name}_bursts"), self.writes[place])
            link(m, getattr(outputs, f"{name}_data"), self.write_data[place])
        m.d.comb += [
            product.start.eq(self.start),
            product.job.eq(self.product),
            self.product_busy.eq(product.busy),
            self.events.eq(product.events),
            self.scale_written.eq(outputs.scale_written),
            self.busy.eq(busy[0] | busy[1] | product.busy | rows.busy | outputs.busy),
        ]
        return m
