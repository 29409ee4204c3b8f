"""Lanes: the digests of a beat and the largest key of their block to codes and scale.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md sections 2, 3 and 7.
"""

from collections.abc import Collection, Mapping
from typing import Any

from amaranth.hdl import Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import BlockFormat
from ...golden.formats.word import WordFormat
from ..layouts import Fabric, field_items, group_size, micro_fields
from ..scale import power_rule, scale_shape
from ..stream.pipeline import pipeline
from ..stream.register import derive, link
from .digest import digest_layout, tail
from .micro import find_micro
from .origin import find_origin, origin_layout
from .placer import Placer, placed_layout
from .rounder import Chooser, Incrementer, chosen_layout
from .scale_finder import key_bits, overflows, scale_byte

__all__ = ["LANE_POINTS", "Lanes"]

LANE_POINTS = ("read", "scale", "skid", "origin", "place", "choose", "output")
"""Where pipeline registers may stand, in the order of the data path."""


class Lanes(wiring.Component):
    """Scale byte and origin, which all lanes share, and a rounder a lane.

    One beat a cycle, latency as many cycles as there are registers.

    Args:
        format: element, rule, rounding, overflow and microexponents; its block plays no part.
        source: the word format that digests were made of.
        lanes: words a beat.
        marked: whether beats carry ``first`` and ``last``.
        optional: whether a word may be absent.
        points: names of the points that have a register: before everything (``read``), after the
            ``scale``, after the ``origin``, two in the rounders (``place``, ``choose``), at the
            ``output``; ``skid`` is a skid buffer after the scale, which adds no cycle.
        fabric: ``"asic"`` or ``"fpga"``.

    Members:
        i: In, stream of ``data`` (the digests, lowest lane first), ``key`` (largest of the
            block), ``last`` and ``first`` (with ``marked``) and ``present`` (with ``optional``: a
            bit a lane; a word that is absent has code 0).
        o: Out, stream of ``codes``, ``micro`` (a bit a group of lanes, in formats that have it),
            ``scale``, and ``first`` and ``last`` (with ``marked``).
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        format: BlockFormat,
        source: WordFormat,
        lanes: int,
        *,
        marked: bool,
        optional: bool = False,
        points: Collection[str] = (),
        fabric: Fabric = "asic",
    ):
        self.format, self.source, self.lanes = format, source, lanes
        self.optional, self.points = optional, points
        self.fabric: Fabric = fabric
        self._digest = digest_layout(format.element, source, format.rounding)
        self._micro = micro_fields(format, lanes)
        self._shared = {**self._micro, "scale": scale_shape(format.scale)}
        self._marks = {"first": unsigned(1), "last": unsigned(1)} if marked else {}
        self._present = {"present": unsigned(lanes)} if optional else {}
        incoming = {
            "data": unsigned(lanes * self._digest.size),
            "key": unsigned(key_bits(power_rule(format))),
            **({"last": unsigned(1), "first": unsigned(1)} if marked else {}),
            **self._present,
        }
        self._codes = {"codes": data.ArrayLayout(unsigned(format.element.bits), lanes)}
        outgoing = {**self._codes, **self._shared, **self._marks}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout(outgoing))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Scale, origin, the three steps of the rounders; registers between."""
        m = Module()
        stages = [
            ("read", lambda m, source, name: source),
            ("scale", self._scale),
            ("skid", lambda m, source, name: source),
            ("origin", self._origin),
            ("place", self._place),
            ("choose", self._choose),
            ("output", self._increment),
        ]
        link(m, pipeline(m, self.i, stages, self.points, skids=("skid",)), self.o)
        return m

    def _stage(self, m: Module, source: Any, fields: Mapping[str, Any], name: str) -> Any:
        """A stream of some fields and the marks; those that the source has too pass through."""
        fields, known = {**fields, **self._marks}, source.payload.shape().members
        passing = ("present", "micro", "scale", "first", "last")
        copied = [field for field in passing if field in fields and field in known]
        return derive(m, source, fields, name=name, copied=copied)

    def _scale(self, m: Module, source: Any, name: str) -> Any:
        """Scale byte and microexponents."""
        format, key = self.format, source.payload.key
        fields = {
            "words": data.ArrayLayout(self._digest, self.lanes),
            "clear": unsigned(1),
            **self._shared,
            **self._present,
        }
        out = self._stage(m, source, fields, name)
        scale = scale_byte(m, key, format.element, power_rule(format))
        m.d.comb += [
            Value.cast(out.payload.words).eq(source.payload.data),
            out.payload.clear.eq(key[-8:].all()),  # Inf or NaN
            out.payload.scale.eq(scale),
        ]
        if self._micro:
            exponents = [word.biased_exponent for word in field_items(out.payload, "words")]
            micro = find_micro(m, exponents, key[-8:], out.payload.clear, group_size([format]))
            m.d.comb += out.payload.micro.eq(micro)
        return out

    def _origin(self, m: Module, source: Any, name: str) -> Any:
        """What the rounders share."""
        element, further = self.format.element, tail(self.format.rounding)
        fields = {
            "origin": origin_layout(element, further),
            "scale": scale_shape(self.format.scale),
            **self._micro,
            "words": data.ArrayLayout(self._digest, self.lanes),
            **self._present,
        }
        out = self._stage(m, source, fields, name)
        beat = source.payload
        m.d.comb += [
            Value.cast(out.payload.words).eq(Value.cast(beat.words)),
            out.payload.origin.eq(find_origin(m, beat.scale, beat.clear, element, further)),
        ]
        return out

    def _place(self, m: Module, source: Any, name: str) -> Any:
        """The place of every word."""
        format, beat = self.format, source.payload
        item = placed_layout(format.element, self.source, format.rounding)
        placed = {"placed": data.ArrayLayout(item, self.lanes)}
        out = self._stage(m, source, {**placed, **self._shared}, name)
        words, origin, results = field_items(beat, "words"), beat.origin, out.payload.placed
        for k in range(self.lanes):
            placer: Any = Placer(
                format.element,
                self.source,
                format.rounding,
                optional=self.optional,
                micro=bool(self._micro),
                fabric=self.fabric,
            )
            m.submodules[f"placer_{k}"] = placer
            m.d.comb += [
                placer.word.eq(words[k]),
                placer.origin.eq(origin),
                results[k].eq(placer.placed),
            ]
            if self.optional:
                m.d.comb += placer.present.eq(beat.present[k])
            if self._micro:
                m.d.comb += placer.micro.eq(beat.micro[k // group_size([format])])
        return out

    def _choose(self, m: Module, source: Any, name: str) -> Any:
        """Code and round-up of every word."""
        format = self.format
        item = chosen_layout(format.element)
        chosen = {"chosen": data.ArrayLayout(item, self.lanes)}
        out = self._stage(m, source, {**chosen, **self._shared}, name)
        placed, results = field_items(source.payload, "placed"), out.payload.chosen
        for k in range(self.lanes):
            chooser: Any = Chooser(format.element, self.source, format.rounding, format.overflow)
            m.submodules[f"chooser_{k}"] = chooser
            m.d.comb += [
                chooser.placed.eq(placed[k]),
                results[k].eq(chooser.chosen),
            ]
        return out

    def _increment(self, m: Module, source: Any, name: str) -> Any:
        """The codes."""
        format, beat = self.format, source.payload
        out = self._stage(m, source, {**self._codes, **self._shared}, name)
        beyond = overflows(format.element, power_rule(format), format.rounding)
        chosen, codes = field_items(beat, "chosen"), out.payload.codes
        for k in range(self.lanes):
            last: Any = Incrementer(format.element, format.overflow, beyond, self.fabric)
            m.submodules[f"incrementer_{k}"] = last
            m.d.comb += [last.chosen.eq(chosen[k]), codes[k].eq(last.code)]
        return out
