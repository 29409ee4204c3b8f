"""Numbers of a design that the logic around it may want, from its parameters and formats."""

from typing import Any, NamedTuple

from ...sim.design.kind import Integer, OneOf
from ..catalogue.variant import Variant

__all__ = ["Constant", "constants"]


class Constant(NamedTuple):
    """A number with a name in capitals and what it is."""

    name: str
    value: int
    comment: str


def constants(variant: Variant, facts: dict[str, Any]) -> list[Constant]:
    """Latency, sizes, and bits and bias of formats, as far as the design has them.

    A size is a parameter that is a number. A pair of formats has its numbers with A and B in front.

    Args:
        variant: the design.
        facts: its manifest.
    """
    found = list[Constant]()
    if facts["latency"] is not None:
        found.append(Constant("LATENCY", facts["latency"], "in cycles"))
    if hasattr(variant.component, "beats"):
        found.append(Constant("BLOCK_BEATS", facts["block_beats"], "beats of a block"))
    for parameter in variant.design.parameters:
        if isinstance(parameter.kind, Integer | OneOf):
            value = facts["parameters"][parameter.name]
            found.append(Constant(parameter.name.upper(), int(value), parameter.help))
    for name, described in facts["formats"].items():
        element = described.get("element", described)
        if "bias" not in element:  # a word
            found.append(
                Constant(f"{name}_bits".upper(), element["bits"], f"bits of {described['name']}")
            )
            continue
        side = name.removeprefix("element").lstrip("_").upper()
        stem, kind = (f"{side}_" if side else ""), described["name"]
        found.append(Constant(f"{stem}CODE_BITS", element["bits"], f"bits of an element of {kind}"))
        found.append(Constant(f"{stem}BIAS", element["bias"], f"of the exponent of {kind}"))
    return found
