"""Block formats: elements that share a scale, and perhaps microexponents.

Source: docs/numerics.md sections 2, 3 and 7.
"""

import enum
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .catalogue import registered
from .element import ElementFormat, Overflow
from .scale import E8M0, ScaleFormat
from .scale_rule import ScaleRule

__all__ = ["BlockFormat", "Rounding", "vector_format"]


class Rounding(enum.Enum):
    """How an element is rounded to a code."""

    NEAREST_EVEN = "nearest_even"
    STOCHASTIC = "stochastic"
    HALF_AWAY = "half_away"
    """To nearest, ties away from zero."""


@dataclass(frozen=True)
class BlockFormat:
    """Everything that fixes a block of codes: element, shape, rules, microexponents, scale.

    Args:
        element: the element format.
        block: rows and columns that share a scale, both at least 1; ``(1, 32)`` is OCP's vector
            block, ``(8, 8)`` a square tile.
        rule: the scale rule.
        rounding: nearest even, stochastic, or half away.
        overflow: ``"saturate"`` or ``"ovf"`` (what rounds beyond the largest value becomes Inf, or
            NaN in a format without Inf).
        micro: rows and columns that share a microexponent, a bit; None for none. They divide the
            block, and the element is a sign-magnitude integer.
        scale: the scale format.
        name: lower-case label, for example ``"mx9"``. Only a label, as that of an element format.

    Raises:
        TypeError: a field is of the wrong kind.
        ValueError: a block of less than one element, ``"ovf"`` in a format without NaN, or
            microexponents that do not fit.
    """

    element: ElementFormat
    block: tuple[int, int] = (1, 32)
    rule: ScaleRule = ScaleRule.FLOOR
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = "saturate"
    micro: tuple[int, int] | None = None
    scale: ScaleFormat = E8M0
    name: str = field(default="", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.element, ElementFormat):
            raise TypeError(f"element must be an ElementFormat, not {self.element!r}")
        if not isinstance(self.rule, ScaleRule):
            raise TypeError(f"rule must be a ScaleRule, not {self.rule!r}")
        if not isinstance(self.rounding, Rounding):
            raise TypeError(f"rounding must be a Rounding, not {self.rounding!r}")
        if not isinstance(self.scale, ScaleFormat):
            raise TypeError(f"scale must be a ScaleFormat, not {self.scale!r}")
        object.__setattr__(self, "block", _pair("block", self.block))
        if self.micro is not None:
            object.__setattr__(self, "micro", micro := _pair("micro", self.micro))
            if any(size % part for size, part in zip(self.block, micro, strict=True)):
                raise ValueError(f"micro {micro} must divide the block {self.block}")
            if self.element.exponent_bits or self.element.twos_complement:
                raise ValueError(f"micro needs a sign-magnitude integer, not {self.element}")
        self.element.limit_code(self.overflow)  # raises where the policy does not fit

    def __str__(self) -> str:
        """The name; without one that of the element, and what is no default but the block."""
        if self.name:
            return self.name
        micro = [] if self.micro is None else [f"micro{self.micro[0]}x{self.micro[1]}"]
        rules = (self.rule, ScaleRule.FLOOR), (self.rounding, Rounding.NEAREST_EVEN)
        chosen = [rule.value for rule, default in rules if rule is not default]
        overflow = [self.overflow] if self.overflow != "saturate" else []
        scale = [str(self.scale)] if self.scale != E8M0 else []
        return "_".join([str(self.element), *micro, *chosen, *overflow, *scale])

    @property
    def unit_exponent(self) -> int:
        """Exponent that all values of a block have, beside its scale: those of the elements.

        A microexponent of 1 halves them.
        """
        return self.element.unit_exponent - (self.micro is not None)

    @property
    def max_shift(self) -> int:
        """Largest shift of an unpacked element (see ``mxsf.golden.dot.decoder``)."""
        return self.element.max_shift + (self.micro is not None)

    @property
    def transposed(self) -> "BlockFormat":
        """The same format with rows and columns of the block exchanged."""
        micro = None if self.micro is None else self.micro[::-1]
        return replace(self, block=self.block[::-1], micro=micro)

    def spec(self) -> dict[str, Any]:
        """The format as plain data, for JSON; ``BlockFormat.from_spec`` reads it back.

        Microexponents and scale are left out where the format has none, or E8M0.
        """
        return {
            "element": self.element.spec(),
            "block": list(self.block),
            "rule": self.rule.value,
            "rounding": self.rounding.value,
            "overflow": self.overflow,
            **({} if self.micro is None else {"micro": list(self.micro)}),
            **({} if self.scale == E8M0 else {"scale": self.scale.spec()}),
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "BlockFormat":
        """Build a format from what ``spec`` returned."""
        return cls(
            registered(ElementFormat.from_spec(spec["element"])),
            tuple(spec["block"]),
            ScaleRule(spec["rule"]),
            Rounding(spec["rounding"]),
            spec["overflow"],
            tuple(spec["micro"]) if "micro" in spec else None,
            ScaleFormat(**spec["scale"]) if "scale" in spec else E8M0,
        )


def vector_format(element: ElementFormat | BlockFormat) -> BlockFormat:
    """Return the block format of vectors that a format stands for: an element format has defaults.

    Raises:
        TypeError: it is no format.
        ValueError: its blocks have several rows.

    >>> from mxsf.golden import MX9, MXSF
    >>> vector_format(MXSF).block, vector_format(MX9) is MX9
    ((1, 32), True)
    """
    if isinstance(element, ElementFormat):
        return BlockFormat(element)
    if not isinstance(element, BlockFormat):
        raise TypeError(f"element must be an ElementFormat or a BlockFormat, not {element!r}")
    if element.block[0] != 1:
        raise ValueError(f"element must have blocks of one row, not {element.block}")
    return element


def _pair(name: str, value: Any) -> tuple[int, int]:
    """Rows and columns, checked."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} must be a pair (rows, columns), not {value!r}")
    for size in value:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise TypeError(f"{name} must hold integers, not {size!r}")
        if size < 1:
            raise ValueError(f"{name} must be at least 1 in both directions, not {value!r}")
    return int(value[0]), int(value[1])
