"""Points of a data path at which pipeline registers may stand, by number or by name."""

import re
from collections.abc import Sequence

__all__ = ["Stages", "points", "tree_levels"]

Stages = int | Sequence[str]
"""How many registers, placed where they help most, or the names of their places."""


def points(stages: Stages, order: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Names of the places of registers, in the order of the data path.

    Args:
        stages: number of registers, 0 to ``len(order)``, or names.
        order: names in the order in which a number takes them.
        known: all names in the order of the data path; ``sum/k`` stands for any ``k`` from 1.

    Raises:
        TypeError: stages is neither.
        ValueError: out of range, an unknown name, or one given twice.

    >>> points(2, ("round", "sum", "product"), ("product", "sum/k", "sum", "round"))
    ('sum', 'round')
    >>> points(["sum/2", "product"], (), ("product", "sum/k", "sum", "round"))
    ('product', 'sum/2')
    """
    if isinstance(stages, int) and not isinstance(stages, bool):
        if not 0 <= stages <= len(order):
            raise ValueError(f"stages must be 0 to {len(order)}, or names, not {stages!r}")
        stages = order[:stages]
    if isinstance(stages, str) or not isinstance(stages, Sequence):
        raise TypeError(f"stages must be a number or a list of names, not {stages!r}")
    found = []
    for name in stages:
        kind = re.sub(r"^sum/[1-9][0-9]*$", "sum/k", name) if isinstance(name, str) else name
        if kind not in known or name == "sum/k":
            raise ValueError(f"stages must be names of {', '.join(known)}, not {name!r}")
        if kind in (k for k, _ in found):
            raise ValueError(f"stages must name {kind} once, not {tuple(stages)!r}")
        found.append((kind, name))
    return tuple(name for _, name in sorted(found, key=lambda item: known.index(item[0])))


def tree_levels(places: Sequence[str], depth: int) -> list[int]:
    """Levels of an adder tree, 1 to ``depth``, after which a register stands.

    >>> tree_levels(("product", "sum/2", "sum"), 5)
    [2, 4, 5]
    """
    levels = {depth} if "sum" in places else set()
    for place in places:
        if place.startswith("sum/"):
            levels |= set(range(int(place[4:]), depth + 1, int(place[4:])))
    return sorted(level for level in levels if level > 0)
