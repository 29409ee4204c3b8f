"""Registers that say what a design was built as: its numbers, its format, its quantizer."""

from collections.abc import Sequence

from ...golden.formats.element import ElementFormat, Overflow
from ...golden.formats.scale_rule import ScaleRule
from ..register_map import Access, BitField, Register

__all__ = ["Facts", "capability", "constant", "format_registers", "quantizer_facts"]

_SPECIALS = ("none", "nan", "ieee")
_RULES = (ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.EVEN, ScaleRule.RCEIL)
_OVERFLOWS = ("saturate", "ovf")
_NESTS = 8  # formats nested in each other that a register has room for

Facts = dict[str, tuple[int, int, int, str]]
"""By field: lowest bit, width, value, help."""


def capability(name: str, offset: int, title: str, facts: Facts) -> Register:
    """Return a register whose fields always have the values of some facts."""
    placed = tuple(BitField(field, low, width, t) for field, (low, width, _, t) in facts.items())
    value = sum(value << low for low, _, value, _ in facts.values())
    return Register(name, offset, Access.READ, title, placed, value, built=True)


def constant(name: str, offset: int, title: str, value: int, meaning: str) -> Register:
    """Return a register that has one value in every design; ``meaning`` says of what kind."""
    return Register(name, offset, Access.READ, title, (BitField("value", 0, 32, meaning),), value)


def format_registers(element: ElementFormat, offset: int) -> tuple[Register, Register]:
    """Registers that say what an element code means, as ``ElementFormat`` does.

    Args:
        element: the format.
        offset: byte address of the first of both.

    Raises:
        ValueError: so many formats are nested that no register has room for them.
    """
    nests = list[ElementFormat]()
    while (inner := (nests or [element])[-1].subnormal) is not None:
        nests.append(inner)
    if len(nests) > _NESTS:
        raise ValueError(f"element: registers describe at most {_NESTS} nested formats: {element}")
    layout: Facts = {
        "exponent_bits": (0, 4, element.exponent_bits, "bits of the exponent, below the sign"),
        "mantissa_bits": (4, 4, element.mantissa_bits, "bits of the mantissa, below the exponent"),
        "nested": (8, 4, len(nests), "formats nested below each other: see register nested"),
        "special": (
            *(12, 2, _SPECIALS.index(element.special)),
            "special codes: 0 none, 1 all ones is NaN, 2 the highest exponent is Inf and NaN",
        ),
        "twos_complement": (14, 1, int(element.twos_complement), "a two's complement integer"),
        "bias": (16, 12, (element.bias or 0) & 0xFFF, "exponent bias, signed (two's complement)"),
        "scale": (28, 4, 0, "format of scales: 0 E8M0"),
    }
    exponents: Facts = {
        f"exponent_bits_{number + 1}": (
            *(4 * number, 4, nests[number].exponent_bits if number < len(nests) else 0),
            f"of nested format {number + 1}, which has the mantissa of the one before",
        )
        for number in range(_NESTS)
    }
    return (
        capability("element", offset, "What a code of an element means", layout),
        capability(
            "nested", offset + 4, "What codes of exponent field 0 mean, where nested", exponents
        ),
    )


def quantizer_facts(rule: ScaleRule, overflow: Overflow, *, requantize: bool) -> Facts:
    """Facts of a re-quantizer; all 0 where there is none."""
    values = (_RULES.index(rule), _OVERFLOWS.index(overflow)) if requantize else (0, 0)
    rules = _numbered([known.value for known in _RULES])
    return {
        "rule": (0, 2, values[0], f"scale rule: {rules}"),
        "overflow": (8, 1, values[1], f"beyond the largest value: {_numbered(_OVERFLOWS)}"),
    }


def _numbered(names: Sequence[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))
