"""Lanes: the words of a beat and the largest key of their block to codes and scale.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md sections 2 and 3.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import WordFormat
from ..layouts import Fabric, word_layout
from ..stream.register import derive, link, register, skid
from .digest import digest_layout, tail
from .origin import find_origin, origin_layout
from .rounder import STEPS, Rounder, Step
from .scale_finder import key_bits, overflows, scale_byte

__all__ = ["LANE_POINTS", "Lanes"]

LANE_POINTS = ("read", "scale", "skid", "origin", "place", "choose", "output")
"""Where pipeline registers may stand, in the order of the data path."""


class Lanes(wiring.Component):
    """Scale byte and origin, which all lanes share, and a rounder a lane.

    One beat a cycle, latency as many cycles as there are registers.

    Args:
        element: the element format.
        source: the word format; for stochastic rounding the one that digests were made of.
        lanes: words a beat.
        rule: the scale rule.
        rounding: nearest even takes words, stochastic takes their digests.
        overflow: ``"saturate"`` or ``"ovf"``.
        points: names of the places of registers: before everything (``read``), after the
            ``scale``, after the ``origin``, two in the rounders (``place``, ``choose``), at the
            ``output``; ``skid`` is a skid buffer after the scale, which adds no cycle.
        fabric: ``"asic"`` or ``"fpga"``.

    Members:
        i: In, stream of ``data`` (the words or digests, lowest lane first), ``key`` (largest of
            the block), ``last``, ``first`` and ``present`` (a bit a lane; a word that is absent
            has code 0).
        o: Out, stream of ``codes``, ``scale``, ``first`` and ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        lanes: int,
        rule: ScaleRule,
        *,
        rounding: Rounding = Rounding.NEAREST_EVEN,
        overflow: Overflow = "saturate",
        points: Sequence[str] = (),
        fabric: Fabric = "asic",
    ):
        self.element, self.source, self.lanes, self.rule = element, source, lanes, rule
        self.rounding, self.points = rounding, tuple(points)
        self.overflow: Overflow = overflow
        self.fabric: Fabric = fabric
        random = rounding is Rounding.STOCHASTIC
        self._word = digest_layout(element, source, rounding) if random else word_layout(source)
        self._marks = {"first": unsigned(1), "last": unsigned(1)}
        incoming = {
            "data": unsigned(lanes * self._word.size),
            "key": unsigned(key_bits(rule)),
            "last": unsigned(1),
            "first": unsigned(1),
            "present": unsigned(lanes),
        }
        outgoing = {
            "codes": data.ArrayLayout(unsigned(element.bits), lanes),
            "scale": unsigned(8),
            **self._marks,
        }
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(incoming))),
                "o": Out(stream.Signature(data.StructLayout(outgoing))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Scale, origin, rounders; registers between."""
        m = Module()
        source: Any = self.i
        if "read" in self.points:
            source = register(m, source, name="read")
        words = {
            "words": data.ArrayLayout(self._word, self.lanes),
            "present": unsigned(self.lanes),
            "scale": unsigned(8),
        }
        found = self._stage(m, source, words, "scale")
        m.d.comb += [
            Value.cast(found.payload.words).eq(source.payload.data),
            found.payload.scale.eq(
                scale_byte(m, source.payload.key, self.element, self.rule),
            ),
        ]
        source = register(m, found, name="scale_point") if "scale" in self.points else found
        if "skid" in self.points:
            source = skid(m, source, name="skid")
        beyond = tail(self.rounding)
        layout = {**words, "origin": origin_layout(self.element, beyond)}
        found = self._stage(m, source, layout, "origin")
        m.d.comb += [
            Value.cast(found.payload.words).eq(Value.cast(source.payload.words)),
            found.payload.origin.eq(find_origin(m, source.payload.scale, self.element, beyond)),
        ]
        source = register(m, found, name="origin_point") if "origin" in self.points else found
        for steps in self._runs():
            source = self._rounders(m, source, steps)
        link(m, register(m, source, name="output") if "output" in self.points else source, self.o)
        return m

    def _runs(self) -> list[list[Step]]:
        """Steps of the rounders, cut where a register stands."""
        runs: list[list[Step]] = [[]]
        for step in STEPS:
            runs[-1].append(step)
            if step in self.points:
                runs.append([])
        return runs

    def _stage(self, m: Module, source: Any, fields: dict[str, Any], name: str) -> Any:
        """A stream of some fields; those that the source has too are carried along."""
        layout = data.StructLayout({**fields, **self._marks})
        target = derive(m, source, layout, name=f"{name}_stage")
        for field in ("present", "scale", "first", "last"):
            if field in layout.members and field in source.payload.shape().members:
                m.d.comb += target.payload[field].eq(source.payload[field])
        return target

    def _rounders(self, m: Module, source: Any, steps: Sequence[Step]) -> Any:
        """One run of steps in every lane."""
        rounders: list[Any] = [
            Rounder(
                self.element,
                self.source,
                self.overflow,
                overflows(self.element, self.rule, self.rounding),
                self.fabric,
                rounding=self.rounding,
                optional=True,
                steps=steps,
            )
            for _ in range(self.lanes)
        ]
        incoming = {"place": "words", "choose": "placed", "increment": "chosen"}[steps[0]]
        outgoing = {"place": "placed", "choose": "chosen", "increment": "codes"}[steps[-1]]
        item = {
            "placed": rounders[0].placed_layout,
            "chosen": rounders[0].chosen_layout,
            "codes": unsigned(self.element.bits),
        }[outgoing]
        fields = {outgoing: data.ArrayLayout(item, self.lanes), "scale": unsigned(8)}
        found = self._stage(m, source, fields, steps[-1])
        given = source.payload
        for k, rounder in enumerate(rounders):
            m.submodules[f"rounder_{steps[0]}_{k}"] = rounder
            if steps[0] == "place":
                m.d.comb += [
                    rounder.word.eq(given.words[k]),
                    rounder.origin.eq(given.origin),
                    rounder.present.eq(given.present[k]),
                ]
            else:
                m.d.comb += getattr(rounder, incoming).eq(given[incoming][k])
            result = rounder.code if outgoing == "codes" else getattr(rounder, outgoing)
            m.d.comb += found.payload[outgoing][k].eq(result)
        point = steps[-1]
        return register(m, found, name=f"{point}_point") if point in self.points else found
