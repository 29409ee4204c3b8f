"""Points of a data path at which pipeline registers may stand, by number or by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Points", "Stages", "named_points", "points", "register_places"]

Stages = int | Sequence[str]
"""How many registers, placed where they help most, or the names of their places."""


@dataclass(frozen=True)
class Points:
    """The points of a design's data path at which a pipeline register may stand.

    Attributes:
        path: all names, in the order of the data path; ``sum/k`` stands for any ``k`` from 1.
        priority: names in the order in which a number of stages takes them.
        default: stages where none are given: a number, or names.
    """

    path: tuple[str, ...]
    priority: tuple[str, ...]
    default: Stages

    def resolve(self, stages: Stages | None = None) -> tuple[str, ...]:
        """Names of the points that have a register, in the order of the data path.

        Args:
            stages: number of registers, 0 to ``len(priority)``, or names; None for the default.

        Raises:
            TypeError: stages is neither.
            ValueError: out of range, an unknown name, or one given twice.

        >>> known = Points(("product", "sum/k", "sum", "round"), ("round", "sum", "product"), 1)
        >>> known.resolve(), known.resolve(2), known.resolve(["sum/2", "product"])
        (('round',), ('sum', 'round'), ('product', 'sum/2'))
        """
        return points(self.default if stages is None else stages, self.priority, self.path)


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
    return named_points("stages", stages, known)


def named_points(label: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The same for a parameter ``label`` that takes names only."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise TypeError(f"{label} must be a list of names, not {names!r}")
    found = []
    for name in names:
        kind = re.sub(r"^sum/[1-9][0-9]*$", "sum/k", name) if isinstance(name, str) else name
        if kind not in known or name == "sum/k":
            raise ValueError(f"{label} must be names of {', '.join(known)}, not {name!r}")
        if kind in (k for k, _ in found):
            raise ValueError(f"{label} must name {kind} once, not {tuple(names)!r}")
        found.append((kind, name))
    return tuple(name for _, name in sorted(found, key=lambda item: known.index(item[0])))


def register_places(points: Sequence[str], depth: int, term: str) -> tuple[str, ...]:
    """Where the registers of some points stand: those of an adder tree are ``sum/level``.

    Args:
        points: names in the order of the data path.
        depth: levels of the tree, 0 for a tree of one term.
        term: place before the tree. It takes the register ``sum`` of a tree of one term, whose
            sum is its term.

    >>> register_places(("product", "sum/2", "sum", "round"), 5, "product")
    ('product', 'sum/2', 'sum/4', 'sum/5', 'round')
    >>> register_places(("sum", "round"), 0, "product")
    ('product', 'round')
    """
    levels = {depth} if "sum" in points else set()
    for point in points:
        if point.startswith("sum/"):
            levels |= set(range(int(point[4:]), depth + 1, int(point[4:])))
    tree = [f"sum/{level}" if level else term for level in sorted(levels)]
    found: list[str] = []
    for point in points:
        found += tree if point.startswith("sum") else [point]
    return tuple(dict.fromkeys(found))
