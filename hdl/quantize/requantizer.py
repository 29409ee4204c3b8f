"""Tile re-quantizer: rows of a square tile in, its rows or columns as codes and one scale out.

Golden answer: ``mxsf.golden.quantize.requantizer.requantize``. Source: docs/numerics.md sections
2, 3, 5.
"""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat, Rounding
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import FP32, WordFormat
from ..checks import check_kind, check_quantizer
from ..layouts import Fabric
from ..scale import scale_shape
from ..stream.points import Points, Stages
from ..stream.register import link
from .bank_pair import BankPair
from .digest import digest_layout
from .lanes import LANE_POINTS, Lanes
from .search import SEARCH_POINTS, Search
from .storage import Storage, check_storage

__all__ = ["POINTS", "TILES", "Requantizer"]

POINTS = Points(
    path=(*SEARCH_POINTS, *LANE_POINTS),
    priority=(
        *("output", "origin", "search", "place", "choose", "keys4", "scale", "keys2", "read"),
        *("keys", "input"),
    ),
    default=("keys4", "keys2", "search", "scale", "skid", "origin", "place", "choose", "output"),
)
"""Where pipeline registers may stand. By default 150 MHz on ECP5, speed grade 6, for MXSF and
tiles of 8 in memories."""

TILES = (4, 8, 16, 32)
"""Rows and columns that a tile may have."""


class Requantizer(wiring.Component):
    """A stream of square tiles of words to a stream of codes and scales, perhaps transposed.

    A row of ``tile`` words a beat in; a row of codes a beat out, or a column where ``transpose``
    was set. A tile is held while its largest word is found. A row is accepted every cycle while
    the output is ready. A beat that carries ``last`` ends a tile early: the missing rows are zero,
    and the tile still leaves over ``tile`` beats; the next one may have to wait for its bank.

    What rounding needs of a word is decided before it is held (``mxsf.hdl.quantize.digest``): the
    random number of the word in row i, lane k is number i of lane k, in whatever order the tile
    leaves.

    Args:
        element: the element format.
        tile: rows and columns of a tile: 4, 8, 16 or 32.
        source: the word format, BF16 or FP32.
        rule: the scale rule.
        rounding: nearest even, half away, or stochastic (``mxsf.hdl.quantize.lfsr``, 16 bits a
            word) for the rows that ask for it.
        overflow: ``"saturate"`` or ``"ovf"``.
        both: every tile leaves twice, by rows from ``o`` and by columns from ``t``, each stream
            at its own pace.
        storage: ``"registers"`` or ``"memory"`` (one memory a lane, a cycle more).
        stages: pipeline registers: 0 to 11, or names of their points, which are the encoder's.
        fabric: ``"asic"`` or ``"fpga"``; the same cycles and bits.

    Members:
        i: In, stream of ``words`` (array of a row), ``transpose`` (without ``both``; read on the
            tile's last beat), ``stochastic`` (where ``rounding`` is; else the row is rounded to
            nearest even), ``first`` and ``last``. ``first`` is for the reader of a waveform: a
            tile begins after a ``last``, or after ``tile`` beats.
        o: Out, stream of ``codes`` (array of a row, or a column), ``scale`` (on every beat),
            ``first`` and ``last``.
        t: Out, the same of the transposed tile, with ``both`` only.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface
    t: stream.Interface

    def __init__(
        self,
        element: ElementFormat = MXSF,
        *,
        tile: int = 8,
        source: WordFormat = FP32,
        rule: ScaleRule = ScaleRule.FLOOR,
        rounding: Rounding = Rounding.NEAREST_EVEN,
        overflow: Overflow = "saturate",
        both: bool = False,
        storage: Storage = "registers",
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        self.fabric: Fabric = check_quantizer(element, source, rule, overflow, fabric)
        check_kind("tile", tile, int)
        check_kind("rounding", rounding, Rounding)
        check_kind("both", both, bool)
        if tile not in TILES:
            raise ValueError(f"tile must be {', '.join(map(str, TILES))}, not {tile!r}")
        self.element, self.tile, self.source, self.rule = element, tile, source, rule
        self.rounding, self.both = rounding, both
        self.storage: Storage = check_storage(storage)
        self.overflow: Overflow = overflow
        stages = POINTS.default if stages is None else stages
        self.points = POINTS.resolve(stages)
        self.stages = stages if isinstance(stages, int) else self.points
        self.format = BlockFormat(element, (tile, tile), rule, rounding, overflow)
        marks = {"first": unsigned(1), "last": unsigned(1)}
        incoming = {
            "words": data.ArrayLayout(unsigned(source.bits), tile),
            **({} if both else {"transpose": unsigned(1)}),
            **({"stochastic": unsigned(1)} if rounding is Rounding.STOCHASTIC else {}),
            **marks,
        }
        outgoing = {
            "codes": data.ArrayLayout(unsigned(element.bits), tile),
            "scale": scale_shape(self.format.scale),
            **marks,
        }
        self.readers = ("o", "t") if both else ("o",)
        out = stream.Signature(data.StructLayout(outgoing))
        super().__init__(
            {"i": In(stream.Signature(data.StructLayout(incoming)))}
            | {reader: Out(out) for reader in self.readers}
        )

    @property
    def beats(self) -> int:
        """Beats of a tile."""
        return self.tile

    @property
    def held_bits(self) -> int:
        """Bits of a word while its tile is held."""
        return digest_layout(self.element, self.source, self.rounding).size

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a tile's last beat in to valid of its first beat out."""
        return (
            1
            + (self.storage == "memory")
            + sum(not point.endswith("skid") for point in self.points)
        )

    def elaborate(self, platform: Any) -> Module:
        """Search, bank pair, lanes for each reader."""
        m = Module()
        m.submodules.search = search = Search(
            self.element,
            self.source,
            self.rule,
            self.rounding,
            incoming=self.i.payload.shape(),
            carried=("last",) if self.both else ("last", "transpose"),
            points=self.points,
            fabric=self.fabric,
        )
        rows: Any = search.o
        layout = rows.payload.shape()
        m.submodules.banks = banks = BankPair(
            layout["data"].width,
            self.tile,
            layout["key"].width,
            storage=self.storage,
            tile=True,
            both=self.both,
        )
        link(m, self.i, search.i)
        link(m, rows, banks.i)
        for reader in self.readers:
            lanes: Any = Lanes(
                self.format,
                self.source,
                self.tile,
                marked=True,
                optional=True,
                points=self.points,
                fabric=self.fabric,
            )
            m.submodules[f"lanes_{reader}"] = lanes
            link(m, getattr(banks, reader), lanes.i)
            link(m, lanes.o, getattr(self, reader))
        return m
