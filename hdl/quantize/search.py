"""Search: the words of a beat to their digests, and to the largest of their keys.

Golden answer: ``mxsf.golden.quantize``. Source: docs/numerics.md sections 2 and 3.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from amaranth.hdl import Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.scale_rule import ScaleRule
from ...golden.formats.word import WordFormat
from ..layouts import Fabric, field_items, word_layout
from ..stream.pipeline import pipeline
from ..stream.register import derive, link
from .digest import Digest, Draw, digest_layout
from .lfsr import Lfsr
from .scale_finder import LargestKey, key_bits, word_key

__all__ = ["SEARCH_POINTS", "Search"]

SEARCH_POINTS = ("input", "keys", "keys8", "keys4", "keys2", "keys_skid", "search")
"""Where pipeline registers may stand, in the order of the data path."""


class Search(wiring.Component):
    """Digests of a beat's words, and the largest key among them.

    One beat a cycle, latency as many cycles as there are registers; a skid buffer adds none. With
    stochastic rounding each lane has an LFSR, which steps when a beat that asks for numbers is
    accepted and never else.

    Args:
        element: the element format.
        source: the word format.
        rule: the scale rule.
        rounding: what the digests are for.
        incoming: layout of a beat: ``words``, ``stochastic`` (with stochastic rounding: whether
            the beat is rounded by random numbers), and others.
        carried: names of its fields of one bit that go on with the beat.
        points: names of the points that have a register: before everything (``input``), where all
            ``keys`` or only 8, 4 or 2 of them (``keys8``, ``keys4``, ``keys2``) are left, after
            the ``search``; ``keys_skid`` is a skid buffer before the last comparison.
        fabric: ``"asic"`` or ``"fpga"``.

    Members:
        i: In, stream of ``incoming``.
        o: Out, stream of ``data`` (the digests, lowest lane first), ``key`` and ``carried``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        rule: ScaleRule,
        rounding: Rounding,
        *,
        incoming: data.StructLayout,
        carried: Sequence[str] = (),
        points: Collection[str] = (),
        fabric: Fabric = "asic",
    ):
        self.element, self.source, self.rule, self.rounding = element, source, rule, rounding
        self.points = points
        self.fabric: Fabric = fabric
        words: Any = incoming["words"].shape
        self.lanes = words.length
        self._carried = {name: unsigned(1) for name in carried}
        self._digest = digest_layout(element, source, rounding)
        self._drawn = rounding is Rounding.STOCHASTIC
        outgoing = {
            "data": unsigned(self.lanes * self._digest.size),
            "key": unsigned(key_bits(rule)),
            **self._carried,
        }
        super().__init__(
            {
                "i": In(stream.Signature(incoming)),
                "o": Out(stream.Signature(data.StructLayout(outgoing))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keys and digests, then fewer keys from register to register."""
        m = Module()
        stages = [
            ("input", lambda m, source, name: source),
            ("keys", self._keys),
            ("keys8", partial(self._fewer, count=8)),
            ("keys4", partial(self._fewer, count=4)),
            ("keys2", partial(self._fewer, count=2)),
            ("keys_skid", lambda m, source, name: source),
            ("search", self._finish),
        ]
        link(m, pipeline(m, self.i, stages, self.points, skids=("keys_skid",)), self.o)
        return m

    def _keys(self, m: Module, source: Any, name: str) -> Any:
        """A key a lane; digests, or where they take random numbers the words with those."""
        item: Any = self._digest
        if self._drawn:
            item = data.StructLayout({"word": word_layout(self.source), "draw": Draw.layout})
        fields = {
            "items": data.ArrayLayout(item, self.lanes),
            "keys": data.ArrayLayout(key_bits(self.rule), self.lanes),
            **self._carried,
            **({"stochastic": unsigned(1)} if self._drawn else {}),
        }
        copied = [field for field in fields if field not in ("items", "keys")]
        out = derive(m, source, fields, name=name, copied=copied)
        numbers = self._draw(m, source) if self._drawn else []
        items, keys = field_items(out.payload, "items"), out.payload.keys
        for k, bits in enumerate(field_items(source.payload, "words")):
            item = items[k]
            word = data.View(word_layout(self.source), bits)
            m.d.comb += keys[k].eq(word_key(word, self.element, self.source, self.rule))
            if self._drawn:
                m.submodules[f"draw_{k}"] = draw = Draw()
                m.d.comb += [
                    draw.number.eq(numbers[k]),
                    Value.cast(item.word).eq(bits),
                    item.draw.eq(draw.draw),
                ]
            else:
                m.d.comb += item.eq(self._digested(m, k, bits))
        return out

    def _draw(self, m: Module, source: Any) -> Any:
        """Return a random number a lane; a beat that is rounded by them takes them."""
        m.submodules.lfsr = lfsr = Lfsr(self.lanes)
        m.d.comb += lfsr.advance.eq(source.valid & source.ready & source.payload.stochastic)
        return lfsr.numbers

    def _fewer(self, m: Module, source: Any, name: str, *, count: int) -> Any:
        """The same beat with fewer keys, each the largest of some, where a register follows."""
        keys = field_items(source.payload, "keys")
        if name not in self.points or len(keys) <= count:
            return source
        fields = {field: value.shape for field, value in source.payload.shape()}
        passed = [field for field in fields if field != "keys"]
        fields["keys"] = data.ArrayLayout(key_bits(self.rule), count)
        out = derive(m, source, fields, name=name, copied=passed)
        for group in range(count):
            ends = (len(keys) * group // count, len(keys) * (group + 1) // count)
            largest = self._largest(m, keys[slice(*ends)], f"{name}_{group}")
            m.d.comb += out.payload.keys[group].eq(largest)
        return out

    def _finish(self, m: Module, source: Any, name: str) -> Any:
        """The largest key; digests that take random numbers."""
        out = derive(m, source, self.o.payload.shape(), name=name, copied=self._carried)
        beat = source.payload
        keys = field_items(beat, "keys")
        m.d.comb += out.payload.key.eq(self._largest(m, keys, name))
        if not self._drawn:
            m.d.comb += out.payload.data.eq(Value.cast(beat.items))
            return out
        digests = data.View(data.ArrayLayout(self._digest, self.lanes), out.payload.data)
        for k, item in enumerate(field_items(beat, "items")):
            digest = self._digested(m, k, item.word, (item.draw, beat.stochastic))
            m.d.comb += digests[k].eq(digest)
        return out

    def _largest(self, m: Module, keys: Sequence[Value], name: str) -> Value:
        if len(keys) == 1:
            return keys[0]
        largest: Any = LargestKey(len(keys), key_bits(self.rule), self.fabric)
        m.submodules[f"largest_{name}"] = largest
        m.d.comb += [largest.keys[k].eq(key) for k, key in enumerate(keys)]
        return largest.largest

    def _digested(self, m: Module, lane: int, word: Any, drawn: Any = None) -> Any:
        """Return the digest of a word; for stochastic rounding with its draw, and whether to."""
        digest: Any = Digest(self.element, self.source, self.rounding, self.fabric)
        m.submodules[f"digest_{lane}"] = digest
        m.d.comb += Value.cast(digest.word).eq(Value.cast(word))
        if drawn is not None:
            m.d.comb += [digest.draw.eq(drawn[0]), digest.stochastic.eq(drawn[1])]
        return digest.digest
