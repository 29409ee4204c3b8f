"""Vectors: what goes into a design and what must come out, as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .payload import to_int
from .stimulus import Stimulus

__all__ = ["Bridge", "Column", "Vectors", "stream_vectors"]


class Column(NamedTuple):
    """Numbers of one port, or of one stream's payload.

    Attributes:
        bits: width.
        values: a number for each row, or beat.
    """

    bits: int
    values: Sequence[int]


@dataclass(frozen=True)
class Bridge:
    """A Verilog module ``host`` between some streams and ports of the vectors, and the design's.

    Attributes:
        module: its text; besides its nets and wires it has ``clk`` and ``rst``.
        wires: ports of the design that it serves, with their bits.
        nets: what of the testbench it serves.
        idle: cycles that it may take to show what the design's state is.
    """

    module: str
    wires: Mapping[str, int]
    nets: Sequence[str]
    idle: int


@dataclass(frozen=True)
class Vectors:
    """What goes into a design and what must come out.

    Attributes:
        inputs: by stream, or, without streams, by port.
        outputs: the same.
        streams: whether these are streams, each with beats of its own; else rows of ports of a
            combinational design.
        blocks: how many blocks (of a decoder: codes) they are.
        ties: other input ports, each with the one value that it has.
        ends: other output ports, each with the one value that it must have at the end.
        work: cycles that the design may take beyond those that its beats take.
        bridge: what stands between these and the design; None for nothing.
    """

    inputs: Mapping[str, Column]
    outputs: Mapping[str, Column]
    streams: bool
    blocks: int
    ties: Mapping[str, Column] = field(default_factory=dict)
    ends: Mapping[str, Column] = field(default_factory=dict)
    work: int = 0
    bridge: Bridge | None = None

    def files(self, stem: str) -> dict[str, str]:
        """Text of the hex files: ``<stem>_<port>.hex``."""
        return {
            f"{stem}_{name}.hex": "".join(f"{value:x}\n" for value in column.values)
            for name, column in {**self.inputs, **self.outputs}.items()
            if column.values
        }


def stream_vectors(stimuli: Mapping[str, Stimulus]) -> Vectors:
    """Vectors of a design with input ``i``: a stimulus for each output, all with the same input."""
    first = next(iter(stimuli.values()))
    return Vectors(
        {"i": Column(first.widths[0], [to_int(row) for row in first.inputs])},
        {
            name: Column(stimulus.widths[1], [to_int(row) for row in stimulus.outputs])
            for name, stimulus in stimuli.items()
        },
        streams=True,
        blocks=first.blocks,
    )
