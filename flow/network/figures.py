"""What each layer of a program costs: cycles, useful share, bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.cost import Cost, cost
from ...golden.accelerator.descriptor import Descriptor, End
from ...golden.accelerator.program import Program

__all__ = ["LayerCost", "layer_costs"]


@dataclass(frozen=True)
class LayerCost:
    """What a layer costs.

    Attributes:
        layer: its name.
        cycles: from the end of the layer before to its own.
        useful: share of these in which the array multiplies, loads for the next layer among them.
        read, written: bytes on the bus.
        products: multiplications.
    """

    layer: str
    cycles: int
    useful: float
    read: int
    written: int
    products: int


def layer_costs(program: Program, marks: Sequence[tuple[str, int]]) -> list[LayerCost]:
    """What each layer costs, in the order of the program; the sums are what the program costs.

    Args:
        program: it.
        marks: a layer, and how many descriptors there are behind a product of it; in order.
    """
    ends: list[tuple[str, int]] = []
    for layer, count in marks:
        if ends and ends[-1][0] == layer:
            ends.pop()
        ends.append((layer, count))
    if ends:
        ends[-1] = ends[-1][0], len(program.descriptors)
    found, before = [], None
    for layer, count in ends:
        after = _until(program.descriptors, count, program.built)
        found.append(_between(layer, before, after))
        before = after
    return found


def _until(descriptors: Sequence[Descriptor], count: int, built: Configuration) -> Cost:
    some = list(descriptors[:count])
    return cost(some if isinstance(some[-1], End) else [*some, End()], built)


def _between(layer: str, before: Cost | None, after: Cost) -> LayerCost:
    names = ("cycles", "steps", "read", "written", "products")
    values = {name: getattr(after, name) - getattr(before, name, 0) for name in names}
    steps = values.pop("steps")
    return LayerCost(layer, useful=steps / values["cycles"], **values)
