"""Block encoder: words in, one scale and element codes out.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md sections 2 and 3.
"""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat, Rounding, vector_format
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import BF16, WordFormat
from ...golden.quantize.lfsr import LANES
from ..checks import check_block, check_quantizer
from ..layouts import Fabric, micro_fields
from ..scale import power_rule, scale_shape
from ..stream.points import Points, Stages
from ..stream.register import link
from .bank_pair import BankPair
from .lanes import LANE_POINTS, Lanes
from .search import SEARCH_POINTS, Search
from .storage import Storage, check_storage

__all__ = ["POINTS", "Encoder"]

POINTS = Points(
    path=(*SEARCH_POINTS, *LANE_POINTS),
    priority=(
        *("output", "search", "keys4", "input", "origin", "place", "choose", "scale", "keys2"),
        *("read", "keys"),
    ),
    default=(
        *("keys8", "keys2", "keys_skid", "search", "scale", "skid"),
        *("origin", "place", "choose", "output"),
    ),
)
"""Where pipeline registers may stand; docs/timing.md says how fast the default is."""


class Encoder(wiring.Component):
    """A stream of blocks of words to a stream of codes and scales.

    With ``lanes == block`` every beat is a block. With fewer lanes a block arrives over
    ``block / lanes`` beats, is held while its largest word is found, and leaves over as many; a
    beat that carries ``last`` ends a block early, as if zero-padded. One beat a cycle either way.
    Latency is the number of registers; where blocks are held a cycle more, with memories two.

    What rounding needs of a word is decided before it is held (``mxsf.hdl.quantize.digest``): the
    random number of the word in lane k is the one that lane k draws when its beat enters.

    Args:
        element: the element format; or a block format, which brings what it has of the parameters
            that are not given, and perhaps microexponents.
        block: words that share a scale, at least 1; default that of the block format, else 32.
        lanes: words a beat, a divisor of block; default block.
        source: the word format, BF16 or FP32.
        rule: the scale rule, default FLOOR.
        rounding: nearest even, the default, half away, or stochastic (``mxsf.hdl.quantize.lfsr``,
            16 bits a word, at most 32 lanes) for the beats that ask for it.
        overflow: ``"saturate"``, the default, or ``"ovf"``.
        storage: what holds blocks of several beats: ``"memory"``, the default, or ``"registers"``,
            a cycle less.
        stages: pipeline registers: 0 to 11, or names of their points: the ``input``; where all
            ``keys`` of a beat, or only 8, 4 or 2 of them (``keys8``, ``keys4``, ``keys2``) are
            left, and after that (``search``); after a held block is ``read``; after the ``scale``
            and the ``origin`` that all lanes share; after each word's ``place``, after its code
            is chosen (``choose``), and the ``output``. ``keys_skid``, before the last key is
            found, and ``skid``, after the scale, are skid buffers: they end the path of ready.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs; the same cycles
            and bits.

    Members:
        i: In, stream of ``words`` (array of lanes), ``stochastic`` (where ``rounding`` is; else
            the beat is rounded to nearest even) and, when lanes < block, ``first`` and ``last``.
            ``first`` is for the reader of a waveform: a block begins after a ``last``.
        o: Out, stream of ``codes`` (array of lanes), ``micro`` (in a format with microexponents:
            array, a bit for each group of lanes), ``scale`` (on every beat) and, when lanes <
            block, ``first`` and ``last``.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat | BlockFormat = MXSF,
        *,
        block: int | None = None,
        lanes: int | None = None,
        source: WordFormat = BF16,
        rule: ScaleRule | None = None,
        rounding: Rounding | None = None,
        overflow: Overflow | None = None,
        storage: Storage = "memory",
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        format = vector_format(element)
        block = format.block[1] if block is None else block
        lanes = check_block(block, lanes)
        micro = micro_fields(format, lanes)
        self.format = format = replace(
            format,
            block=(1, block),
            rule=format.rule if rule is None else rule,
            rounding=format.rounding if rounding is None else rounding,
            overflow=format.overflow if overflow is None else overflow,
        )
        self.rule = power_rule(format)
        self.fabric: Fabric = check_quantizer(
            format.element, source, self.rule, format.overflow, fabric
        )
        drawn = format.rounding is Rounding.STOCHASTIC
        if drawn and lanes > LANES:
            raise ValueError(f"lanes must be at most {LANES} for stochastic rounding, not {lanes}")
        self.element, self.block, self.lanes, self.source = element, block, lanes, source
        self.rounding = format.rounding
        self.overflow: Overflow = format.overflow
        self.storage: Storage = check_storage(storage)
        stages = POINTS.default if stages is None else stages
        self.points = POINTS.resolve(stages)
        self.stages = stages if isinstance(stages, int) else self.points
        marks = {"first": unsigned(1), "last": unsigned(1)} if lanes < block else {}
        incoming = {
            "words": data.ArrayLayout(unsigned(source.bits), lanes),
            **({"stochastic": unsigned(1)} if drawn else {}),
            **marks,
        }
        outgoing = {
            "codes": data.ArrayLayout(unsigned(format.element.bits), lanes),
            **micro,
            "scale": scale_shape(format.scale),
            **marks,
        }
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout(outgoing))),
            }
        )

    @property
    def beats(self) -> int:
        """Beats of a full block."""
        return self.block // self.lanes

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a block's last beat in to valid of its first beat out."""
        held = 1 + (self.storage == "memory") if self.beats > 1 else 0
        return held + sum(not point.endswith("skid") for point in self.points)

    def elaborate(self, platform: Any) -> Module:
        """Search, bank pair where a block has several beats, lanes."""
        m = Module()
        format, marked = self.format, self.beats > 1
        m.submodules.search = search = Search(
            format.element,
            self.source,
            self.rule,
            format.rounding,
            incoming=self.i.payload.shape(),
            carried=("last",) if marked else (),
            points=self.points,
            fabric=self.fabric,
        )
        m.submodules.lanes = lanes = Lanes(
            format,
            self.source,
            self.lanes,
            marked=marked,
            points=self.points,
            fabric=self.fabric,
        )
        link(m, self.i, search.i)
        blocks: Any = search.o
        if marked:
            layout = blocks.payload.shape()
            m.submodules.banks = banks = BankPair(
                layout["data"].width, self.beats, layout["key"].width, storage=self.storage
            )
            link(m, blocks, banks.i)
            blocks = banks.o
        link(m, blocks, lanes.i)
        link(m, lanes.o, self.o)
        return m
