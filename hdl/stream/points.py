"""Points of a data path at which pipeline registers may stand, by number or by name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

__all__ = ["Points", "Stages"]

Stages = int | Sequence[str]
"""How many registers, placed where they help most, or the names of the points that have one."""

_LEVELS = "sum/k"


@dataclass(frozen=True)
class Points:
    """The points of a design's data path at which a pipeline register may stand.

    A point has the name of the stage of the data path that ends there. In an adder tree ``sum``
    is the end of its last level, and ``sum/k`` stands for any ``k`` from 1: the ends of levels k,
    2k, 3k and so on. Every design keeps ``stages``, what it was given, in the one form that
    ``chosen`` makes of it, and ``points``, where its registers stand, as ``resolve`` says.

    Attributes:
        path: all names, in the order of the data path.
        priority: names in the order in which a number of stages takes them.
        default: stages where none are given: a number, or names.
    """

    path: tuple[str, ...]
    priority: tuple[str, ...]
    default: Stages

    def chosen(self, stages: Stages | None = None) -> Stages:
        """Stages in their one form: a number as it is, names in the order of the data path.

        Args:
            stages: number of registers, 0 to ``len(priority)``, or names, no name for 0; None for
                the default.

        Raises:
            TypeError: stages is neither.
            ValueError: out of range, an unknown name, or one given twice.

        >>> known = Points(("product", "sum/k", "sum", "round"), ("round", "sum", "product"), 1)
        >>> known.chosen(), known.chosen(["sum/2", "product"]), known.chosen([])
        (1, ('product', 'sum/2'), 0)
        """
        stages = self.default if stages is None else stages
        if isinstance(stages, int) and not isinstance(stages, bool):
            if not 0 <= stages <= len(self.priority):
                limits = f"0 to {len(self.priority)}"
                raise ValueError(f"stages must be {limits}, or names, not {stages!r}")
            return stages
        if isinstance(stages, str) or not isinstance(stages, Sequence):
            raise TypeError(f"stages must be a number or a list of names, not {stages!r}")
        return self._sorted(stages) or 0

    def resolve(
        self, stages: Stages | None = None, *, depth: int | None = None, term: str = ""
    ) -> tuple[str, ...]:
        """Names of the points that have a register, in the order of the data path.

        Args:
            stages: as for ``chosen``.
            depth: levels of the adder tree, 0 for a tree of one term: ``sum/k`` and ``sum`` become
                the levels that they stand for. None leaves them as they are.
            term: point before the tree. It takes the register ``sum`` of a tree of one term, whose
                sum is its term.

        Raises:
            TypeError: see ``chosen``.
            ValueError: see ``chosen``, or ``k`` is more than the levels that there are.

        >>> known = Points(("product", "sum/k", "sum", "round"), ("round", "sum", "product"), 1)
        >>> known.resolve(), known.resolve(2), known.resolve(["sum/2", "product"])
        (('round',), ('sum', 'round'), ('product', 'sum/2'))
        >>> known.resolve(["sum/2", "sum", "round"], depth=5)
        ('sum/2', 'sum/4', 'sum/5', 'round')
        >>> known.resolve(2, depth=0, term="product")
        ('product', 'round')
        """
        choice = self.chosen(stages)
        names = self._sorted(self.priority[:choice]) if isinstance(choice, int) else choice
        if depth is None:
            return tuple(names)
        levels = {depth} if "sum" in names else set()
        for name in names:
            step = _step(name)
            if step:
                if step > depth:
                    places = f"sum/1 to sum/{depth}" if depth else "no level, it is one term: sum"
                    raise ValueError(f"stages: of the adder tree use {places}, not {name!r}")
                levels |= set(range(step, depth + 1, step))
        tree = [f"sum/{level}" if level else term for level in sorted(levels)]
        placed: list[str] = []
        for name in names:
            placed += tree if _kind(name) in ("sum", _LEVELS) else [name]
        return tuple(dict.fromkeys(placed))

    def among(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some names that are points of this data path, in their order.

        >>> Points(("product", "sum/k", "sum"), (), 0).among(["product", "sum/2", "round"])
        ('product', 'sum/2')
        """
        return tuple(name for name in names if _kind(name) in self.path)

    @staticmethod
    def within(names: Iterable[str], depth: int) -> tuple[str, ...]:
        """Names without those of levels that an adder tree does not have.

        For names that a number of stages stands for: by themselves they would be refused.

        >>> Points.within(["product", "sum/2", "sum"], 1)
        ('product', 'sum')
        """
        return tuple(name for name in names if _step(name) <= depth)

    def prefer(self, name: str, over: str) -> "Points":
        """The same points, where a number of stages takes a name in place of another."""
        priority = tuple(name if other == over else other for other in self.priority)
        return replace(self, priority=priority)

    def _sorted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names in the order of the data path; ValueError where one is unknown or there twice."""
        by_kind: dict[str, str] = {}
        for name in names:
            kind = _kind(name)
            if kind not in self.path or name == _LEVELS:
                raise ValueError(f"stages must be names of {', '.join(self.path)}, not {name!r}")
            if kind in by_kind:
                raise ValueError(f"stages must name {kind} once, not {tuple(names)!r}")
            by_kind[kind] = name
        return tuple(by_kind[kind] for kind in self.path if kind in by_kind)


def _step(name: str) -> int:
    """``k`` of a name ``sum/k``, 0 for another one."""
    return int(name[4:]) if name.startswith("sum/") else 0


def _kind(name: str) -> str:
    """The name in ``Points.path`` that stands for a name."""
    return re.sub(r"^sum/[1-9][0-9]*$", _LEVELS, name) if isinstance(name, str) else name
