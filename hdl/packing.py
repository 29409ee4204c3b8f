"""Packing: a beat of codes to a beat of bit planes, and back. Nothing but wires and a register.

Golden answer: ``mxsf.golden.packing``. Source: docs/numerics.md section 7.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.packing import plane_widths
from .checks import LANES_BOUND, Bound
from .stream.pipeline import pipeline
from .stream.points import Points, Stages
from .stream.register import derive, link

__all__ = ["CODE_BITS", "POINTS", "Pack", "Unpack", "codes_layout", "planes_layout"]

POINTS = Points(path=("output",), priority=("output",), default=1)
"""Where a pipeline register may stand."""

CODE_BITS = Bound(3, 16)
"""Width of a code that is packed."""

_MARKS = {"first": unsigned(1), "last": unsigned(1)}


def codes_layout(bits: int, lanes: int) -> data.StructLayout:
    """Fields of a beat of codes."""
    return data.StructLayout({"codes": data.ArrayLayout(unsigned(bits), lanes), **_MARKS})


def planes_layout(bits: int, lanes: int) -> data.StructLayout:
    """Fields of a beat of planes: the bytes of each, named by its width.

    >>> from mxsf.hdl.ports import fields
    >>> [(field.name, field.length, field.width) for field in fields(planes_layout(7, 16))]
    [('plane_4', 8, 8), ('plane_2', 4, 8), ('plane_1', 2, 8), ('first', 1, 1), ('last', 1, 1)]
    """
    planes = {
        f"plane_{width}": data.ArrayLayout(unsigned(8), lanes * width // 8)
        for width in plane_widths(bits)
    }
    return data.StructLayout({**planes, **_MARKS})


class _Packing(wiring.Component):
    """What both ways share: parameters, ports, wires, the register."""

    i: stream.Interface
    o: stream.Interface

    packs: bool
    """Whether codes come in and planes leave."""

    def __init__(self, bits: int, *, lanes: int = 32, stages: Stages | None = None):
        CODE_BITS.check("bits", bits)
        LANES_BOUND.check("lanes", lanes)
        share = 8 // min(8, *plane_widths(bits))  # codes that share a byte of the narrowest plane
        if lanes % share:
            raise ValueError(
                f"lanes must be a multiple of {share}, so that planes of {bits} bits have whole "
                f"bytes, not {lanes!r}"
            )
        self.bits, self.lanes = bits, lanes
        self.stages, self.points = POINTS.chosen(stages), POINTS.resolve(stages)
        layouts = [codes_layout(bits, lanes), planes_layout(bits, lanes)]
        incoming, outgoing = layouts if self.packs else layouts[::-1]
        super().__init__(
            {"i": In(stream.Signature(incoming)), "o": Out(stream.Signature(outgoing))}
        )

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a beat in to valid of the beat out."""
        return len(self.points)

    def elaborate(self, platform: Any) -> Module:
        """Wires, and the register that may stand behind them."""
        m = Module()
        link(m, pipeline(m, self.i, [("output", self._wires)], self.points), self.o)
        return m

    def _wires(self, m: Module, source: Any, name: str) -> Any:
        """Codes to planes, or planes to codes."""
        wired = derive(m, source, self.o.payload.shape(), name="wired", copied=_MARKS)
        low = 0
        for width in plane_widths(self.bits):
            codes, planes = (source, wired) if self.packs else (wired, source)
            items = Cat(code[low : low + width] for code in codes.payload.codes)
            plane = Value.cast(planes.payload[f"plane_{width}"])
            m.d.comb += plane.eq(items) if self.packs else items.eq(plane)
            low += width
        return wired


class Pack(_Packing):
    """A stream of beats of codes to a stream of beats of planes.

    One beat a cycle, latency 1 cycle with the register; without it the design is combinational.
    Each plane of a beat is whole bytes, so that beats one after the other are what
    ``golden.packing.pack`` makes of all their codes.

    Args:
        bits: width of a code, 3 to 16.
        lanes: codes a beat; as many as fill whole bytes of every plane, a multiple of 8 for an odd
            width.
        stages: pipeline registers: 0, or 1, whose point is ``output``.

    Members:
        i: In, stream of ``codes`` (array of lanes), ``first`` and ``last``.
        o: Out, stream of ``plane_<width>`` (array of bytes) for each of ``plane_widths(bits)``, in
            this order, and ``first`` and ``last`` as they came.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    packs = True


class Unpack(_Packing):
    """A stream of beats of planes to a stream of beats of codes: what ``Pack`` cut.

    Parameters, latency, errors and payloads are those of ``Pack``, with ``i`` and ``o`` exchanged.
    """

    packs = False
