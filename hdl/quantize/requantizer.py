"""Tile re-quantizer: rows of a square tile in, its rows or columns as codes and one scale out.

Golden answer: ``mxsf.golden.quantize.requantizer.requantize``. Source: docs/numerics.md sections
2, 3, 5.
"""

from typing import Any

from amaranth.hdl import Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import FP32, WordFormat
from ..checks import check_kind, check_quantizer, check_rounding
from ..layouts import Fabric, word_layout
from ..stream.points import Stages, points
from ..stream.register import derive, link, register
from .block_buffer import BlockBuffer
from .digest import Digest, Draw, digest_layout, digest_word
from .lanes import LANE_POINTS, Lanes
from .lfsr import Lfsr
from .scale_finder import LargestKey, ScaleFinder, key_bits
from .tile_buffer import STORAGES, Storage

__all__ = ["ORDER", "POINTS", "ROUNDINGS", "STAGES", "TILES", "Requantizer"]

POINTS = ("input", "keys", "keys4", "keys2", "search", *LANE_POINTS)
"""Where pipeline registers may stand, in the order of the data path."""

ORDER = (
    *("output", "origin", "search", "place", "choose", "keys4", "scale", "keys2", "read", "keys"),
    "input",
)
"""The same in the order in which a number of stages takes them, without the skid buffer."""

STAGES = ("keys4", "keys2", "search", "scale", "skid", "origin", "place", "choose", "output")
"""Stages by default: 150 MHz on ECP5, speed grade 6, for MXSF and tiles of 8 in memories."""

ROUNDINGS = (Rounding.NEAREST_EVEN, Rounding.STOCHASTIC)
"""Roundings that the hardware has."""

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
        rounding: nearest even, or stochastic (``mxsf.hdl.quantize.lfsr``, 16 bits a word) for the
            rows that ask for it.
        overflow: ``"saturate"`` or ``"ovf"``.
        both: every tile leaves twice, by rows from ``o`` and by columns from ``t``, each stream
            at its own pace.
        storage: ``"registers"`` or ``"memory"`` (one memory a lane, a cycle more).
        stages: pipeline registers: 0 to 11, or names of their places: the ``input``; where all
            ``keys`` of a row, ``keys4`` or ``keys2`` of them are left, and after that
            (``search``); after the tile is ``read``; after the ``scale`` and the ``origin`` that
            all lanes share; after each word's ``place``, after its code is chosen (``choose``),
            and the ``output``. ``skid`` stands after the scale: it ends the path of ready.
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
        stages: Stages = STAGES,
        fabric: Fabric = "asic",
    ):
        self.fabric: Fabric = check_quantizer(element, source, rule, overflow, fabric)
        check_kind("tile", tile, int)
        check_rounding(rounding, ROUNDINGS)
        check_kind("both", both, bool)
        if tile not in TILES:
            raise ValueError(f"tile must be {', '.join(map(str, TILES))}, not {tile!r}")
        if storage not in STORAGES:
            raise ValueError(f"storage must be {' or '.join(STORAGES)}, not {storage!r}")
        self.element, self.tile, self.source, self.rule = element, tile, source, rule
        self.rounding, self.both = rounding, both
        self.storage: Storage = storage
        self.overflow: Overflow = overflow
        self.points = points(stages, ORDER, POINTS)
        self.stages = stages if isinstance(stages, int) else self.points
        self._digest = digest_layout(element, source, rounding)
        self._random = rounding is Rounding.STOCHASTIC
        self._marks = {"first": unsigned(1), "last": unsigned(1)}
        self._choice = {} if both else {"transpose": unsigned(1)}
        drawn = {"stochastic": unsigned(1)} if self._random else {}
        incoming = {
            "words": data.ArrayLayout(unsigned(source.bits), tile),
            **self._choice,
            **drawn,
            **self._marks,
        }
        outgoing = {
            "codes": data.ArrayLayout(unsigned(element.bits), tile),
            "scale": unsigned(8),
            **self._marks,
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
        return data.Layout.cast(self._digest).size

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a tile's last beat in to valid of its first beat out."""
        return 1 + (self.storage == "memory") + len(self.points) - ("skid" in self.points)

    def elaborate(self, platform: Any) -> Module:
        """Search and digest, tile buffer, scale, rounders."""
        m = Module()
        source: Any = self.i
        if "input" in self.points:
            source = register(m, source, name="input")
        found = self._search(m, source)
        m.submodules.buffer = buffer = BlockBuffer(
            self.tile * self.held_bits,
            self.tile,
            key_bits(self.rule),
            tile=self.storage,
            both=self.both,
        )
        m.d.comb += [
            buffer.i.valid.eq(found.valid),
            found.ready.eq(buffer.i.ready),
            buffer.i.payload.data.eq(Value.cast(found.payload.items)),
            buffer.i.payload.key.eq(found.payload.keys[0]),
            *(buffer.i.payload[name].eq(found.payload[name]) for name in ("last", *self._choice)),
        ]
        for reader in self.readers:
            lanes: Any = Lanes(
                self.element,
                digest_word(self.element, self.source) if not self._random else self.source,
                self.tile,
                self.rule,
                rounding=self.rounding,
                overflow=self.overflow,
                points=tuple(point for point in self.points if point in LANE_POINTS),
                fabric=self.fabric,
            )
            m.submodules[f"lanes_{reader}"] = lanes
            link(m, getattr(buffer, reader), lanes.i)
            link(m, lanes.o, getattr(self, reader))
        return m

    def _search(self, m: Module, source: Any) -> Any:
        """Digests with the largest key of the row."""
        size, words = key_bits(self.rule), source.payload.words
        left = {"keys": self.tile, "keys4": 4, "keys2": 2}
        groups = next((count for point, count in left.items() if point in self.points), 1)
        marks = {"last": unsigned(1), **self._choice}
        rounds = {"stochastic": unsigned(1)} if self._random else {}
        item: Any = self._digest
        if self._random:
            item = data.StructLayout({"word": word_layout(self.source), "draw": Draw.layout})
        items = data.ArrayLayout(item, self.tile)
        layout = {"items": items, "keys": data.ArrayLayout(size, groups), **marks, **rounds}
        parts = derive(m, source, data.StructLayout(layout), name="parts")
        for name in (*marks, *rounds):
            m.d.comb += parts.payload[name].eq(source.payload[name])
        share = self.tile // groups
        for g in range(groups):
            finder: Any = ScaleFinder(self.element, self.rule, self.source, share, self.fabric)
            m.submodules[f"finder_{g}"] = finder
            for k in range(share):
                m.d.comb += finder.words[k].eq(words[g * share + k])
            m.d.comb += parts.payload.keys[g].eq(finder.key)
        numbers = self._draw(m, source) if self._random else []
        for k in range(self.tile):
            place = parts.payload.items[k]
            if self._random:
                m.submodules[f"draw_{k}"] = draw = Draw()
                m.d.comb += [
                    draw.number.eq(numbers[k]),
                    Value.cast(place.word).eq(words[k]),
                    place.draw.eq(draw.draw),
                ]
            else:
                m.d.comb += place.eq(self._digested(m, k, words[k]))
        for point, count in left.items():
            if point in self.points:
                parts = register(m, self._fewer(m, parts, count), name=point)
        found = self._fewer(m, parts, 1)
        if self._random:
            whole = found
            items = data.ArrayLayout(self._digest, self.tile)
            layout = {"items": items, "keys": data.ArrayLayout(size, 1), **marks}
            found = derive(m, whole, data.StructLayout(layout), name="digested")
            for name in ("keys", *marks):
                m.d.comb += Value.cast(found.payload[name]).eq(Value.cast(whole.payload[name]))
            for k in range(self.tile):
                given = whole.payload.items[k]
                digest = self._digested(m, k, given.word, (given.draw, whole.payload.stochastic))
                m.d.comb += found.payload.items[k].eq(digest)
        return register(m, found, name="search") if "search" in self.points else found

    def _draw(self, m: Module, source: Any) -> Any:
        """Return a random number a lane; a row that is rounded by them takes them."""
        m.submodules.lfsr = lfsr = Lfsr(self.tile)
        m.d.comb += lfsr.advance.eq(source.valid & source.ready & source.payload.stochastic)
        return lfsr.numbers

    def _fewer(self, m: Module, parts: Any, count: int) -> Any:
        """The same beat with fewer keys, each the largest of some."""
        keys = parts.payload.keys
        if len(keys) == count:
            return parts
        layout = dict(parts.payload.shape().members)
        layout["keys"] = data.ArrayLayout(key_bits(self.rule), count)
        fewer = derive(m, parts, data.StructLayout(layout), name=f"keys_{count}")
        share = len(keys) // count
        for name in layout:
            if name != "keys":
                given = Value.cast(parts.payload[name])
                m.d.comb += Value.cast(fewer.payload[name]).eq(given)
        for g in range(count):
            largest: Any = LargestKey(share, key_bits(self.rule), self.fabric)
            m.submodules[f"largest_{count}_{g}"] = largest
            for k in range(share):
                m.d.comb += largest.keys[k].eq(keys[g * share + k])
            m.d.comb += fewer.payload.keys[g].eq(largest.largest)
        return fewer

    def _digested(self, m: Module, lane: int, word: Any, drawn: Any = None) -> Any:
        """Return the digest of a word; for stochastic rounding with its draw, and whether to."""
        digest: Any = Digest(self.element, self.source, self.rounding, self.fabric)
        m.submodules[f"digest_{lane}"] = digest
        m.d.comb += Value.cast(digest.word).eq(Value.cast(word))
        if drawn is not None:
            m.d.comb += [digest.draw.eq(drawn[0]), digest.stochastic.eq(drawn[1])]
        return digest.digest
