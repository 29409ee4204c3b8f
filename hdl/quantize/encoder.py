"""Block encoder: words in, one scale and element codes out.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md sections 2 and 3.
"""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat, Rounding, vector_format
from ...golden.formats.catalogue import MXSF
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import BF16, WordFormat
from ..checks import check_block, check_kind, check_quantizer, check_rounding
from ..layouts import Fabric, group_size, micro_fields, word_layout
from ..stream.register import derive, link, register
from .block_buffer import BlockBuffer
from .micro import find_micro
from .origin import find_origin
from .rounder import Rounder
from .scale_finder import LargestKey, ScaleFinder, key_bits, overflows, scale_byte

__all__ = ["POINTS", "ROUNDINGS", "Encoder"]

POINTS = ("output", "scale", "tree", "input")
"""Where pipeline registers go, in the order in which ``stages`` takes them."""

ROUNDINGS = (Rounding.NEAREST_EVEN, Rounding.HALF_AWAY)
"""Roundings that the hardware has."""

_TREE_GROUPS = 4  # keys that cross the register inside the maximum


class Encoder(wiring.Component):
    """A stream of blocks of words to a stream of codes and scales.

    With ``lanes == block`` every beat is a block. With fewer lanes a block arrives over
    ``block / lanes`` beats, is held while its largest word is found, and leaves over as many; a
    beat that carries ``last`` ends a block early, as if zero-padded. One beat a cycle either way.
    Latency ``stages`` cycles when lanes == block, else ``stages + 2``.

    Args:
        element: the element format; or a block format, which brings what it has of the parameters
            that are not given, and perhaps microexponents.
        block: words that share a scale, at least 1; default that of the block format, else 32.
        lanes: words a beat, a divisor of block; default block.
        source: the word format, BF16 or FP32.
        rule: the scale rule, default FLOOR.
        rounding: nearest even, the default, or half away.
        overflow: ``"saturate"``, the default, or ``"ovf"``.
        stages: pipeline registers, 1 to 4, at these points in this order: the output; after the
            scale search; inside it; the input.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs; the same cycles
            and bits.

    Members:
        i: In, stream of ``words`` (array of lanes) and, when lanes < block, ``first`` and ``last``.
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
        stages: int = 2,
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
        self.fabric: Fabric = check_quantizer(
            format.element, source, format.rule, format.overflow, fabric
        )
        check_rounding(format.rounding, ROUNDINGS)
        check_kind("stages", stages, int)
        if not 1 <= stages <= len(POINTS):
            raise ValueError(f"stages must be 1 to {len(POINTS)}, not {stages!r}")
        self.element, self.block, self.lanes, self.source = element, block, lanes, source
        self.rule, self.rounding, self.stages = format.rule, format.rounding, stages
        self.overflow: Overflow = format.overflow
        self.points = POINTS[:stages]
        marks = {"first": unsigned(1), "last": unsigned(1)} if lanes < block else {}
        incoming = {"words": data.ArrayLayout(unsigned(source.bits), lanes), **marks}
        outgoing = {
            "codes": data.ArrayLayout(unsigned(format.element.bits), lanes),
            **micro,
            "scale": unsigned(8),
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
        return self.stages + (2 if self.beats > 1 else 0)

    def elaborate(self, platform: Any) -> Module:
        """Input, scale search, block buffer, rounders, output."""
        m = Module()
        source: Any = self.i
        if "input" in self.points:
            source = register(m, source, name="input")
        found = self._search(m, source)
        if "scale" in self.points:
            found = register(m, found, name="search")
        if self.beats > 1:
            m.submodules.buffer = buffer = BlockBuffer(
                self.lanes * self.source.bits, self.beats, key_bits(self.rule)
            )
            link(m, found, buffer.i)
            found = buffer.o
        rounded = self._round(m, found)
        link(m, register(m, rounded, name="output"), self.o)
        return m

    def _search(self, m: Module, source: Any) -> Any:
        """Words with the largest key of the beat."""
        groups = _TREE_GROUPS if "tree" in self.points and self.lanes % _TREE_GROUPS == 0 else 1
        size = key_bits(self.rule)
        last = {"last": unsigned(1)} if self.beats > 1 else {}
        words = {"data": unsigned(self.lanes * self.source.bits)}
        parts = derive(
            m,
            source,
            data.StructLayout({**words, "keys": data.ArrayLayout(size, groups), **last}),
            name="parts",
        )
        m.d.comb += parts.payload.data.eq(source.payload.words)
        if last:
            m.d.comb += parts.payload.last.eq(source.payload.last)
        share = self.lanes // groups
        for g in range(groups):
            finder = ScaleFinder(self.format.element, self.rule, self.source, share, self.fabric)
            m.submodules[f"finder_{g}"] = finder
            for k in range(share):
                word = source.payload.words[g * share + k]
                m.d.comb += finder.words[k].eq(word)
            m.d.comb += parts.payload.keys[g].eq(finder.key)
        if "tree" in self.points:
            parts = register(m, parts, name="tree")
        layout = data.StructLayout({**words, "key": unsigned(size), **last})
        found = derive(m, parts, layout, name="found")
        m.d.comb += found.payload.data.eq(parts.payload.data)
        if last:
            m.d.comb += found.payload.last.eq(parts.payload.last)
        if groups == 1:
            m.d.comb += found.payload.key.eq(parts.payload.keys[0])
        else:
            m.submodules.largest = largest = LargestKey(groups, size, self.fabric)
            m.d.comb += [
                Cat(largest.keys).eq(Cat(parts.payload.keys)),
                found.payload.key.eq(largest.largest),
            ]
        return found

    def _round(self, m: Module, found: Any) -> Any:
        """Codes, microexponents and scale."""
        element = self.format.element
        out = derive(m, found, self.o.payload.shape(), name="rounded")
        scale = scale_byte(m, found.payload.key, element, self.rule)
        origin = find_origin(m, scale, element)
        m.d.comb += out.payload.scale.eq(scale)
        if self.beats > 1:
            m.d.comb += [
                out.payload.first.eq(found.payload.first),
                out.payload.last.eq(found.payload.last),
            ]
        words = data.View(
            data.ArrayLayout(word_layout(self.source), self.lanes), found.payload.data
        )
        micro, size = None, group_size([self.format])
        if size:
            exponents = [words[k].biased_exponent for k in range(self.lanes)]
            micro = find_micro(m, exponents, found.payload.key[-8:], origin.clear, size)
            m.d.comb += out.payload.micro.eq(micro)
        for k in range(self.lanes):
            rounder: Any = Rounder(
                element,
                self.source,
                self.overflow,
                overflows(element, self.rule),
                self.fabric,
                rounding=self.rounding,
                micro=micro is not None,
            )
            m.submodules[f"rounder_{k}"] = rounder
            m.d.comb += [
                rounder.word.eq(words[k]),
                rounder.origin.eq(origin),
                out.payload.codes[k].eq(rounder.code),
            ]
            if micro is not None:
                m.d.comb += rounder.micro.eq(micro[k // size])
        return out
