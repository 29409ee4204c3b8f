"""Vectors on AXI4-Stream: the beats of a design's streams as its AXI shell has them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..hdl.axi_stream import AxiStream, axi_streams
from .testbench import Column, Vectors

__all__ = ["axi_vectors", "bus_beat"]


def bus_beat(axis: AxiStream, payload: int) -> int:
    """Lay out one payload as a beat of the bus: its signals side by side, see ``AxiStream``.

    Every byte is kept, and padding is 0.
    """
    starts = axis.offsets
    beat = 0
    if "tkeep" in axis.widths:
        beat |= ((1 << axis.widths["tkeep"]) - 1) << starts["tkeep"]
    if not any(place.signal == "tlast" for place in axis.places):
        beat |= 1 << starts["tlast"]
    for field, signal, offset in axis.places:
        value = payload >> field.offset & ((1 << field.bits) - 1)
        beat |= value << (starts[signal] + offset)
    return beat


def axi_vectors(component: Any, vectors: Vectors) -> Vectors:
    """Lay out the vectors of a design for its AXI shell."""
    by_name = {axis.stream: axis for axis in axi_streams(component)}

    def laid_out(columns: Mapping[str, Column]) -> dict[str, Column]:
        found = dict(columns)
        for name, axis in by_name.items():
            if name in columns:
                beats = [bus_beat(axis, value) for value in columns[name].values]
                found[name] = Column(axis.bits, beats)
        return found

    return replace(vectors, inputs=laid_out(vectors.inputs), outputs=laid_out(vectors.outputs))
