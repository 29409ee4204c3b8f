"""Parameters that the matrix engine and the accelerator share."""

from typing import Any

from ...hdl.checks import Bound
from ...hdl.quantize.requantizer import TILES
from .kind import Integer, YesNo
from .parameter import Parameter

__all__ = ["PES", "REQUANTIZE", "idle_quantizer"]

PES = Parameter(
    "pes",
    Integer(Bound(1, max(TILES) ** 2), "p"),
    8,
    "dot products of a tile's width in parallel: a power of two, at most tile * tile",
)

REQUANTIZE = Parameter(
    "requantize",
    YesNo("requantize", "rows"),
    True,
    "with a re-quantizer; without, results are FP32 rows only",
)


def idle_quantizer(engine: Any) -> dict[str, str]:
    """Parameters that have no effect where there is no re-quantizer, and why."""
    if engine.requantize:
        return {}
    return dict.fromkeys(("rule", "rounding", "overflow"), "there is no re-quantizer")
