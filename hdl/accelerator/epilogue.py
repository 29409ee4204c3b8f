"""Epilogue: rows of FP32 words, scaled by a power of two, through ReLU and a mask.

Golden answer: ``mxsf.golden.accelerator.epilogue``. Source: docs/numerics.md section 9.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.word import FP32
from ..stream.register import derive, link, register

__all__ = ["KIND", "Epilogue", "epilogue_layout", "row_layout"]

_EXPONENT = 8  # bits
_MANTISSA = FP32.mantissa_bits
_QUIET_NAN = 0x7FC00000


KIND = data.StructLayout({"to_words": 1, "to_tiles": 1, "stochastic": 1})
"""What becomes of a row behind the epilogue."""


def epilogue_layout(tile: int) -> data.StructLayout:
    """Fields of a row: words, what is done to them, the words that the mask makes 0, its kind."""
    return data.StructLayout(
        {
            "words": data.ArrayLayout(unsigned(FP32.bits), tile),
            "shift": signed(_EXPONENT),
            "negate": unsigned(1),
            "relu": unsigned(1),
            "masked": unsigned(tile),
            "kind": KIND,
        }
    )


def row_layout(tile: int) -> data.StructLayout:
    """Fields of a row that leaves the epilogue."""
    return data.StructLayout({"words": data.ArrayLayout(unsigned(FP32.bits), tile), "kind": KIND})


class Epilogue(wiring.Component):
    """Words to words: scale, then ReLU, then mask. A row a cycle.

    Latency 2 cycles: the exponents are added before a register, all else is chosen before another.

    Args:
        tile: words of a row.

    Members:
        i: In, stream of ``epilogue_layout``.
        o: Out, stream of ``words`` and ``kind``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, tile: int):
        self.tile = tile
        super().__init__(
            {
                "i": In(stream.Signature(epilogue_layout(tile))),
                "o": Out(stream.Signature(row_layout(tile))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Add, register, choose, register."""
        m = Module()
        item = data.StructLayout(
            {
                "moved": signed(_EXPONENT + 2),
                "sign": unsigned(1),
                "mantissa": unsigned(_MANTISSA),
                **{name: unsigned(1) for name in ("zero", "infinite", "nan")},
            }
        )
        fields = {"items": data.ArrayLayout(item, self.tile), "relu": 1, "masked": self.tile}
        fields |= {"kind": KIND}
        added = derive(m, self.i, fields, name="added", copied=("relu", "masked", "kind"))
        for lane in range(self.tile):
            self._add(m, self.i.payload, lane, added.payload.items[lane])
        held = register(m, added, name="held")
        chosen = derive(m, held, row_layout(self.tile), name="chosen", copied=["kind"])
        for lane in range(self.tile):
            into = chosen.payload.words[lane]
            self._choose(m, held.payload, lane, into)
        link(m, register(m, chosen, name="out"), self.o)
        return m

    def _add(self, m: Module, row: Any, lane: int, item: Any) -> None:
        """Take a word apart and add to its exponent."""
        word = row.words[lane]
        mantissa, exponent = word[:_MANTISSA], word[_MANTISSA:-1]
        special = exponent.all()
        m.d.comb += [
            item.moved.eq(exponent + row.shift),
            item.sign.eq(word[-1] ^ row.negate),
            item.mantissa.eq(mantissa),
            item.zero.eq(~exponent.any()),
            item.infinite.eq(special & ~mantissa.any()),
            item.nan.eq(special & mantissa.any()),
        ]

    def _choose(self, m: Module, row: Any, lane: int, word: Value) -> None:
        """The word that leaves."""
        item = row.items[lane]
        zero, infinite, cleared = (
            Signal(name=f"{name}_{lane}") for name in ("zero", "infinite", "cleared")
        )
        m.d.comb += [
            zero.eq(item.zero | (~item.infinite & (item.moved <= 0))),
            infinite.eq(item.infinite | (item.moved >= (1 << _EXPONENT) - 1)),
            cleared.eq(row.masked[lane] | (row.relu & ~item.nan & (item.sign | zero))),
        ]
        with m.If(cleared):
            m.d.comb += word.eq(0)
        with m.Elif(item.nan):
            m.d.comb += word.eq(_QUIET_NAN)
        with m.Elif(zero):
            m.d.comb += word.eq(Cat(Const(0, FP32.bits - 1), item.sign))
        with m.Elif(infinite):
            m.d.comb += word.eq(Cat(Const(0, _MANTISSA), Const(-1, _EXPONENT), item.sign))
        with m.Else():
            m.d.comb += word.eq(Cat(item.mantissa, item.moved[:_EXPONENT], item.sign))
