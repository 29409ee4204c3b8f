"""Products of any size: cut into blocks, whose loads come while other blocks are multiplied.

Source: docs/accelerator.md.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from .blocking import Blocking, Problem, choose, cuts
from .operand import Operand
from .plane import Matrix, Words
from .program import Program
from .result import Result

__all__ = ["multiply"]


def multiply(
    program: Program,
    a: Matrix,
    b: Matrix,
    result: Result,
    *,
    a_transposed: bool = False,
    b_transposed: bool = False,
    blocking: Blocking | None = None,
) -> Blocking:
    """Write a product of matrices in memory to a program, whatever their size.

    The bits are those of one product (random numbers come in the order of the blocks). What the
    tile memories held is lost.

    Args:
        program: where to.
        a: left matrix.
        b: right matrix.
        result: where C goes, what it starts from, its epilogue.
        a_transposed: whether the product reads the transpose of ``a``.
        b_transposed: whether the product reads the transpose of ``b``.
        blocking: how it is cut; None: as costs least.

    Returns:
        How it was cut.

    Raises:
        ValueError: sizes do not agree, or the cut does not fit.
    """
    (m, k), (inner, n) = _shape(a, a_transposed), _shape(b, b_transposed)
    if k != inner:
        raise ValueError(f"inner sizes differ: {k} tiles of {a} and {inner} of {b}")
    pitch = result.pitch(m, n)
    problem = Problem(m, n, k, a_transposed, b_transposed)
    built = program.built
    cut = blocking
    if cut is None:
        written = 0 if result.words is None else built.word_record
        written += 0 if result.tiles is None else built.code_record + 1
        cut = choose(problem, built, written=written)
    cut.check(built.depth)
    sums = result.words
    if sums is None and cut.inner < k:
        size = built.tile
        sums = program.words("sums", (m * size, pitch * size))[:, 0:n]
    _Writer(program, problem, cut, {"a": a, "b": b}, result, sums).write()
    return cut


def _shape(matrix: Matrix, transposed: bool) -> tuple[int, int]:
    if transposed:
        return matrix.columns, matrix.rows
    return matrix.rows, matrix.columns


class _Range(NamedTuple):
    """Tiles of an operand: of its outer axis and of K."""

    first: int
    last: int
    chunk: tuple[int, int]


@dataclass(frozen=True)
class _Visit:
    """A panel that passes by a block: a product for each part."""

    panel: _Range
    parts: list[_Range]


class _Writer:
    """Writes the products of a cut, and the loads in between.

    Attributes of loads: ``_parts`` by their place in the block, ``_panels`` by the half of the
    memory that they are in.
    """

    def __init__(
        self,
        program: Program,
        problem: Problem,
        cut: Blocking,
        matrices: dict[str, Matrix],
        result: Result,
        sums: Words | None,
    ):
        self.program, self.problem, self.cut = program, problem, cut
        self.matrices, self.result, self.sums = matrices, result, sums
        self._parts: dict[int, tuple[_Range, Operand]] = {}
        self._panels: dict[int, tuple[_Range, Operand]] = {}
        self._passing: _Range | None = None  # the panel of the visit

    def write(self) -> None:
        """Write all products, with the loads that the next ones need behind each."""
        visits = [*self._visits(), None]
        before = None
        for visit, following in itertools.pairwise(visits):
            assert visit is not None
            for _ in self._pieces(visit.panel, 1):
                pass
            self._passing = visit.panel
            pieces = self._pieces(following and following.panel, len(visit.parts))
            for place, part in enumerate(visit.parts):
                self._part(place, part)
                self._product(visit.panel, place, part)
                next(pieces, None)
                self._prefetch_parts(before, visit, following, place)
            for _ in pieces:
                pass
            before = visit

    def _visits(self) -> Iterator[_Visit]:
        """Blocks one after the other; panels go back and forth, so that the last one is reused."""
        problem, cut = self.problem, self.cut
        turn = False
        for chunk in cuts(problem.k, cut.inner):
            for top, bottom in cuts(problem.outer(cut.stationary), cut.block):
                parts = [
                    _Range(top + first, top + last, chunk)
                    for first, last in cuts(bottom - top, cut.part)
                ]
                panels = cuts(problem.outer(cut.streamed), cut.panel)
                for first, last in panels[::-1] if turn else panels:
                    yield _Visit(_Range(first, last, chunk), parts)
                turn = not turn

    def _prefetch_parts(
        self, before: _Visit | None, visit: _Visit, following: _Visit | None, place: int
    ) -> None:
        """Load a part where the product under way, that of ``place``, leaves room for it."""
        if before is None:  # the first block of all comes part by part
            ahead = [place + 1]
        elif before.parts != visit.parts and place == 0:  # its last part had no room before
            ahead = list(range(len(visit.parts)))
        else:
            ahead = []
        for other in ahead:
            if other < len(visit.parts):
                self._part(other, visit.parts[other])
        ends = following is not None and following.parts != visit.parts
        if ends and following is not None and 1 <= place <= len(following.parts):
            self._part(place - 1, following.parts[place - 1])

    def _part(self, place: int, part: _Range) -> None:
        """Load a part to its place, unless it is there."""
        if place in self._parts and self._parts[place][0] == part:
            return
        cut = self.cut
        at = place * cut.part * cut.inner
        operand = self._load(cut.stationary, self._stored(cut.stationary, part), at)
        self._parts[place] = part, operand

    def _pieces(self, panel: _Range | None, count: int) -> Iterator[None]:
        """Load a panel in so many pieces, unless it is there, beside the one that passes."""
        there = {half: found for half, (found, _) in self._panels.items()}
        if panel is None or panel in there.values():
            return
        cut = self.cut
        half = 1 if self._passing is not None and there.get(0) == self._passing else 0
        self._panels.pop(half, None)
        stored = self._stored(cut.streamed, panel)
        at, loaded = half * cut.panel * cut.inner, []
        for first, last in cuts(stored.rows, -(-stored.rows // count)):
            where = at + first * stored.columns
            loaded.append(self._load(cut.streamed, stored[first:last, :], where))
            if last == stored.rows:
                self._panels[half] = panel, self.program.joined(*loaded)
            yield

    def _stored(self, side: str, range_: _Range) -> Matrix:
        """The part of a stored matrix."""
        outer, inner = slice(range_.first, range_.last), slice(*range_.chunk)
        if self.problem.outer_first(side):
            return self.matrices[side][outer, inner]
        return self.matrices[side][inner, outer]

    def _load(self, side: str, matrix: Matrix, at: int) -> Operand:
        load = self.program.load_a if side == "a" else self.program.load_b
        return load(matrix, at)

    def _product(self, panel: _Range, place: int, part: _Range) -> None:
        """Multiply a part by a panel."""
        (streamed,) = (operand for found, operand in self._panels.values() if found == panel)
        sides = {self.cut.stationary: self._parts[place][1], self.cut.streamed: streamed}
        a, b = sides["a"], sides["b"]
        if self.problem.a_transposed:
            a = a.T
        if self.problem.b_transposed:
            b = b.T
        rows, columns = slice(part.first, part.last), slice(panel.first, panel.last)
        if self.cut.stationary == "b":
            rows, columns = columns, rows
        self.program.product(a, b, self._result(part.chunk)[rows, columns])

    def _result(self, chunk: tuple[int, int]) -> Result:
        """Where the sums of a part of K start and go."""
        result = self.result
        if chunk[0] > 0:
            result = replace(result, init=self.sums, bias=None)
        if chunk[1] < self.problem.k:
            return Result(self.sums, init=result.init, bias=result.bias)
        return result
