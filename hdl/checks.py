"""Checks of constructor parameters: TypeError for the kind, ValueError for the range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..golden.dot.product_sum import Operands
from ..golden.formats.block import BlockFormat, Rounding, vector_format
from ..golden.formats.element import ElementFormat, Overflow
from ..golden.formats.scale_rule import ScaleRule
from ..golden.formats.word import WordFormat
from .layouts import Fabric

__all__ = [
    "BLOCK_BOUND",
    "LANES_BOUND",
    "OUTPUTS_BOUND",
    "Bound",
    "check_block",
    "check_fabric",
    "check_kind",
    "check_least",
    "check_quantizer",
    "check_rounding",
    "own_block",
]


@dataclass(frozen=True)
class Bound:
    """Lowest and highest of an integer parameter.

    >>> str(Bound(1, 1024))
    '1 to 1024'
    """

    lowest: int
    highest: int

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}"

    def check(self, name: str, value: int) -> None:
        """Raise where a parameter is no integer (TypeError) or out of bounds (ValueError)."""
        check_kind(name, value, int)
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"{name} must be {self}, not {value!r}")


BLOCK_BOUND = Bound(1, 1024)
"""Elements that share a scale."""

LANES_BOUND = Bound(1, 1024)
"""Elements of a beat: hardware, and the time that it takes to make it, grow with them."""

OUTPUTS_BOUND = Bound(0, 4096)
"""Long dot products under way at once: each has an accumulator in a memory."""


def check_kind(name: str, value: Any, kind: type) -> None:
    """Raise TypeError where a parameter is not of its kind; a bool is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} must be of type {kind.__name__}, not {value!r}")


def check_least(name: str, value: int, least: int) -> None:
    """Raise where a parameter is no integer (TypeError) or below the least one (ValueError)."""
    check_kind(name, value, int)
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")


def own_block(element: Operands) -> int:
    """Elements of a block where none are given: those of block formats, 32 of elements alone.

    Raises:
        ValueError: two block formats differ.
    """
    pair = element if isinstance(element, tuple) else (element,)
    sizes = {vector_format(f).block[1] for f in pair if isinstance(f, BlockFormat)} or {32}
    if len(sizes) > 1:
        raise ValueError(f"block must be given: those of a and b differ, {sorted(sizes)}")
    return sizes.pop()


def check_block(block: int, lanes: int | None) -> int:
    """Return the lanes, by default as many as the block; ValueError where they do not fit it."""
    lanes = block if lanes is None else lanes
    BLOCK_BOUND.check("block", block)
    check_kind("lanes", lanes, int)
    if lanes < 1 or block % lanes:
        raise ValueError(f"lanes must divide block = {block}, not {lanes!r}")
    return lanes


def check_fabric(fabric: Fabric) -> Fabric:
    """Return the fabric; ValueError where it is none."""
    known = get_args(Fabric)
    if fabric not in known:
        raise ValueError(f"fabric must be {', '.join(known)}, not {fabric!r}")
    return fabric


def check_rounding(rounding: Rounding, known: Sequence[Rounding]) -> None:
    """Raise where a rounding is none (TypeError) or not among the known ones (ValueError)."""
    check_kind("rounding", rounding, Rounding)
    if rounding not in known:
        names = " or ".join(other.value for other in known)
        raise ValueError(f"rounding must be {names}, not {rounding.value}")


def check_quantizer(
    element: ElementFormat,
    source: WordFormat,
    rule: ScaleRule,
    overflow: Overflow,
    fabric: Fabric,
) -> Fabric:
    """Check what all designs that quantize have in common.

    Returns:
        The fabric to build for: they have nothing to multiply, so ``"dsp"`` is ``"fpga"``.
    """
    check_kind("element", element, ElementFormat)
    check_kind("source", source, WordFormat)
    check_kind("rule", rule, ScaleRule)
    element.limit_code(overflow)
    return "fpga" if check_fabric(fabric) == "dsp" else fabric
