"""What beats of an input become at the outputs: what first and last mean, how many leave, and when.

A *packet* is what ``first`` and ``last`` mark: a block, a tile, or a product of many blocks. The
checker that ships beside the Verilog (``mxsf.flow.export.checker``) is made of these facts.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["MARKS", "Packets", "block_packets", "product_packets"]

MARKS = ("first", "last")
"""Fields that mark the beats of a packet."""


@dataclass(frozen=True)
class Packets:
    """How packets go into a design and leave it.

    A block ends with a beat that carries ``last``, and with beat number ``beats`` at the latest.

    Attributes:
        source: the input that packets come from.
        outputs: each has every packet.
        beats: of a full block in.
        products: 0 where a block is a packet. Else packets are products of any number of blocks,
            which only ``last`` ends; blocks of so many products may be interleaved.
        leaves: beats as which a packet leaves, whatever came; 0 for as many as came in.
        passes: fields of a beat out that are those of the beat in. Where a block has several beats,
            first and last are those of its ends.
        follows: whether beats out are counted by beats in. Otherwise nothing leaves before
            ``source`` has moved, and what then leaves are whole packets.
        prompt: whether packets leave after exactly the latency while nothing has stalled and no
            packet was shorter than the one before it (where ``leaves`` is fixed, than a full one);
            otherwise not earlier.
        clear: port that ends all that is under way, as a reset would; empty for none.
    """

    source: str = "i"
    outputs: tuple[str, ...] = ("o",)
    beats: int = 1
    products: int = 0
    leaves: int = 0
    passes: tuple[str, ...] = ()
    follows: bool = True
    prompt: bool = True
    clear: str = ""


def block_packets(component: Any) -> Packets:
    """Blocks that leave as they came, beat by beat, with marks where they have several beats."""
    return Packets(beats=component.beats, passes=MARKS if component.beats > 1 else ())


def product_packets(component: Any) -> Packets:
    """Blocks, or products of many, that leave as one beat each."""
    return Packets(
        beats=component.beats,
        products=component.outputs,
        leaves=1,
        passes=("output",) if component.outputs > 1 else (),
        prompt=component.outputs == 0,
    )
