"""Placer: where a word lies in the range of exponents of its block, the rounder's first step.

What a block adds to the exponents of its words is in ``mxsf.hdl.quantize.origin``.
Source: docs/numerics.md section 3.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import WordFormat
from ..layouts import Fabric
from .digest import digest_layout, tail
from .origin import exponent_range, origin_layout

__all__ = ["Placer", "placed_layout"]


def placed_layout(
    element: ElementFormat, source: WordFormat, rounding: Rounding
) -> data.StructLayout:
    """A word and its place: the digest with u instead of its exponent.

    ``near``: the word lies in the range, and is there.
    """
    fields = {name: field.shape for name, field in digest_layout(element, source, rounding)}
    del fields["biased_exponent"], fields["sign"]
    bits = exponent_range(element, tail(rounding)).bits
    return data.StructLayout(
        {**fields, "u": unsigned(bits), "near": unsigned(1), "sign": unsigned(1)}
    )


class Placer(wiring.Component):
    """Where a word lies in the range of exponents of its block. Combinational.

    Args:
        element: the element format.
        source: the word format that digests were made of.
        rounding: the rounding that they are for.
        optional: whether a word may be absent.
        micro: whether there are microexponents: one of 1 counts the word double.
        fabric: ``"asic"`` adds by a chain of gates, ``"fpga"`` by an adder.

    Members:
        word: In, the word's digest (``mxsf.hdl.quantize.digest``); never Inf or NaN unless the
            origin has ``clear``.
        origin: In, ``origin_layout(element, tail)``, from ``find_origin``.
        present: In, without it the code is 0. With ``optional``.
        micro: In, the word's microexponent, 0 where the origin has ``clear``. With ``micro``.
        placed: Out, ``placed_layout``.
    """

    def __init__(
        self,
        element: ElementFormat,
        source: WordFormat,
        rounding: Rounding,
        *,
        optional: bool = False,
        micro: bool = False,
        fabric: Fabric = "asic",
    ):
        self.optional, self.doubles = optional, micro
        self.fabric: Fabric = fabric
        self.range = exponent_range(element, tail(rounding))
        super().__init__(
            {
                "word": In(digest_layout(element, source, rounding)),
                "origin": In(origin_layout(element, tail(rounding))),
                **({"present": In(1)} if optional else {}),
                **({"micro": In(1)} if micro else {}),
                "placed": Out(placed_layout(element, source, rounding)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Add what the block shares."""
        m = Module()
        word: Any = self.word
        origin: Any = self.origin
        placed: Any = self.placed
        total, near = Signal(len(origin.addend) + 1), Signal(name="near")
        carry: Value = self.micro if self.doubles else Const(0, 1)
        place: Value = word.biased_exponent + origin.addend + carry
        if self.fabric == "asic":
            place = _ripple(m, word.biased_exponent, origin.addend, carry)
        inside: Value = total[-1] | (origin.low & word.biased_exponent[: self.range.bits].any())
        if self.doubles:
            # The microexponent may carry a word of exponent 0, which is a zero, into the range.
            inside = (total[-1] | origin.low) & word.biased_exponent.any()
        sign = word.sign & ~origin.clear
        m.d.comb += [
            total.eq(place),
            near.eq(inside),
            placed.u.eq(total),  # the low bits are u, whatever lies above
            placed.near.eq(near & self.present if self.optional else near),
            placed.sign.eq(sign & self.present if self.optional else sign),
        ]
        for name in word.shape().members:
            if name not in ("biased_exponent", "sign"):
                m.d.comb += placed[name].eq(word[name])
        return m


def _ripple(m: Module, a: Value, b: Value, carry: Value) -> Value:
    """``a + b + carry``, each carry chosen by a half sum.

    Of the upper bits only the carry is used, so this is smaller here than the full adders of
    ``mxsf.hdl.arith.adder`` (docs/area-encoder.md).
    """
    total: list[Value] = []
    for k in range(max(len(a), len(b))):
        x, y = (v[k] if k < len(v) else Const(0, 1) for v in (a, b))
        half, after = Signal(name=f"half_{k}"), Signal(name=f"carry_{k}")
        m.d.comb += [half.eq(x ^ y), after.eq(Mux(half, carry, x))]
        total.append(half ^ carry)
        carry = after
    return Cat(*total, carry)
