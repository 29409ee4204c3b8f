"""Block formats: elements that share a scale, and perhaps microexponents or a tensor's factor.

Source: docs/numerics.md sections 2, 3, 7 and 10.
"""

import enum
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

import numpy as np

from .catalogue import E2M1, registered
from .element import ElementFormat, Overflow
from .factor import Factor, FactorAxis
from .quotient_rule import QuotientRule
from .scale import E8M0, UE4M3, ScaleFormat
from .scale_rule import ScaleRule

__all__ = ["BlockFormat", "Rounding", "rule_of", "vector_format"]

_TRANSPOSED: dict[FactorAxis, FactorAxis] = {"tensor": "tensor", "row": "column", "column": "row"}

_EXTRAS = ("factor", "factor_axis", "least", "reciprocal")


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
        rule: the scale rule: a ScaleRule chooses powers of two, a QuotientRule among scales with a
            mantissa.
        rounding: nearest even, stochastic, or half away.
        overflow: ``"saturate"`` or ``"ovf"`` (what rounds beyond the largest value becomes Inf, or
            NaN in a format without Inf).
        micro: rows and columns that share a microexponent, a bit; None for none. They divide the
            block, and the element is a sign-magnitude integer.
        scale: the scale format.
        factor: where the factor of a tensor comes from. All that follows needs a QuotientRule.
        factor_axis: what has a factor: ``"tensor"``, or ``"row"`` or ``"column"``, which a block
            then has one of.
        least: least scale code of a block that is not zero.
        reciprocal: whether elements are multiplied by the reciprocal of the scale, in FP32, as some
            libraries do, instead of divided.
        name: lower-case label, for example ``"mx9"``. Only a label, as that of an element format.

    Raises:
        TypeError: a field is of the wrong kind.
        ValueError: a block of less than one element, ``"ovf"`` in a format without NaN,
            microexponents that do not fit, or a rule that does not fit what stands beside it.
    """

    element: ElementFormat
    block: tuple[int, int] = (1, 32)
    rule: ScaleRule | QuotientRule = ScaleRule.FLOOR
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow = "saturate"
    micro: tuple[int, int] | None = None
    scale: ScaleFormat = E8M0
    factor: Factor = field(default=Factor.NONE, kw_only=True)
    factor_axis: FactorAxis = field(default="tensor", kw_only=True)
    least: int = field(default=1, kw_only=True)
    reciprocal: bool = field(default=False, kw_only=True)
    name: str = field(default="", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.element, ElementFormat):
            raise TypeError(f"element must be an ElementFormat, not {self.element!r}")
        if not isinstance(self.rule, ScaleRule | QuotientRule):
            raise TypeError(f"rule must be a ScaleRule or a QuotientRule, not {self.rule!r}")
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
        self._check_factor()
        self._check_rule()

    def _check_factor(self) -> None:
        if not isinstance(self.factor, Factor):
            raise TypeError(f"factor must be a Factor, not {self.factor!r}")
        axes = get_args(FactorAxis)
        if self.factor_axis not in axes:
            raise ValueError(f"factor_axis must be {', '.join(axes)}, not {self.factor_axis!r}")
        if self.factor_axis == "tensor":
            return
        if self.factor is Factor.NONE:
            raise ValueError(f"factor_axis {self.factor_axis} needs a factor, and there is none")
        if self.block[self.factor_axis == "column"] != 1:
            axis = self.factor_axis
            raise ValueError(f"factor_axis {axis} needs blocks of one {axis}, not {self.block}")

    def _check_rule(self) -> None:
        """Refuse what the rule has no use for, and what it cannot choose among."""
        if isinstance(self.least, bool) or not isinstance(self.least, int):
            raise TypeError(f"least must be an integer, not {self.least!r}")
        if not isinstance(self.reciprocal, bool):
            raise TypeError(f"reciprocal must be True or False, not {self.reciprocal!r}")
        rule = self.rule.value
        if isinstance(self.rule, ScaleRule):
            for label, value in self._extras().items():
                raise ValueError(f"{label} {value} has no effect with the rule {rule}")
            return
        if self.scale.power_of_two:
            raise ValueError(f"rule {rule} needs scales with a mantissa, and {self.scale} has none")
        if self.micro is not None:
            raise ValueError(f"rule {rule} does not go with microexponents")
        if not 0 <= self.least <= self.scale.largest_code:
            last = self.scale.largest_code
            raise ValueError(f"least must be 0 to {last}, not {self.least!r}")
        if self.rule is QuotientRule.FOUR_SIX:
            if (self.element, self.scale) != (E2M1, UE4M3):
                raise ValueError(f"rule {rule} is for {E2M1} with {UE4M3}, not {self}")
            if self.rounding is not Rounding.NEAREST_EVEN:
                raise ValueError(f"rule {rule} needs nearest_even, not {self.rounding.value}")

    def __str__(self) -> str:
        """The name; without one that of the element, and what is no default but the block."""
        if self.name:
            return self.name
        micro = [] if self.micro is None else [f"micro{self.micro[0]}x{self.micro[1]}"]
        rules = (self.rule, ScaleRule.FLOOR), (self.rounding, Rounding.NEAREST_EVEN)
        chosen = [rule.value for rule, default in rules if rule is not default]
        overflow = [self.overflow] if self.overflow != "saturate" else []
        scale = [str(self.scale)] if self.scale != E8M0 else []
        shown = {"least": f"least{self.least}", "reciprocal": "reciprocal"}
        extras = [str(shown.get(label, value)) for label, value in self._extras().items()]
        return "_".join([str(self.element), *micro, *chosen, *overflow, *scale, *extras])

    def _extras(self) -> dict[str, Any]:
        """What only a QuotientRule takes and is no default, as plain data."""
        defaults = {each.name: each.default for each in fields(self)}
        values = {label: getattr(self, label) for label in _EXTRAS}
        return {
            label: value.value if isinstance(value, Factor) else value
            for label, value in values.items()
            if value != defaults[label]
        }

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
        """The same format with rows and columns of the block exchanged, and of factors."""
        micro = None if self.micro is None else self.micro[::-1]
        axis = _TRANSPOSED[self.factor_axis]
        return replace(self, block=self.block[::-1], micro=micro, factor_axis=axis)

    def spec(self) -> dict[str, Any]:
        """The format as plain data, for JSON; ``BlockFormat.from_spec`` reads it back.

        Microexponents and scale are left out where the format has none, or E8M0; and the factor
        and what goes with it where they are the defaults.
        """
        return {
            "element": self.element.spec(),
            "block": list(self.block),
            "rule": self.rule.value,
            "rounding": self.rounding.value,
            "overflow": self.overflow,
            **({} if self.micro is None else {"micro": list(self.micro)}),
            **({} if self.scale == E8M0 else {"scale": self.scale.spec()}),
            **self._extras(),
        }

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "BlockFormat":
        """Build a format from what ``spec`` returned."""
        return cls(
            registered(ElementFormat.from_spec(spec["element"])),
            tuple(spec["block"]),
            rule_of(spec["rule"]),
            Rounding(spec["rounding"]),
            spec["overflow"],
            tuple(spec["micro"]) if "micro" in spec else None,
            ScaleFormat(**spec["scale"]) if "scale" in spec else E8M0,
            **{label: spec[label] for label in _EXTRAS[1:] if label in spec},
            factor=Factor(spec.get("factor", "none")),
        )


def rule_of(name: str) -> ScaleRule | QuotientRule:
    """Return the scale rule of that name.

    Raises:
        ValueError: there is none.

    >>> rule_of("rceil"), rule_of("up")
    (<ScaleRule.RCEIL: 'rceil'>, <QuotientRule.UP: 'up'>)
    """
    for rule in (*ScaleRule, *QuotientRule):
        if rule.value == name:
            return rule
    names = ", ".join(rule.value for rule in (*ScaleRule, *QuotientRule))
    raise ValueError(f"rule must be {names}, not {name!r}")


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
