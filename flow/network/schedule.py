"""Products in the order in which they run, and what is where in the tile memories meanwhile.

What a product reads is loaded while the one before runs. What is in a tile memory already is not
loaded again. Source: docs/accelerator.md.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator import tiler
from ...golden.accelerator.operand import Operand
from ...golden.accelerator.plane import Matrix, Stored
from ...golden.accelerator.program import Program
from ...golden.accelerator.result import Result
from ...golden.accelerator.view import View

__all__ = ["Job", "Pause", "Product", "Side", "Tiled", "write"]


@dataclass(frozen=True)
class Side:
    """An operand of a product.

    Attributes:
        loads: matrices that lie behind one another in the tile memory.
        rows, columns: of the matrix that the product sees there, as stored.
        view: where its tiles are; None: as they were loaded.
        transposed: whether the product reads the transpose.
        stays: whether it is kept for good, such as a tile of ones.
    """

    loads: tuple[Matrix, ...]
    rows: int
    columns: int
    view: View | None = None
    transposed: bool = False
    stays: bool = False

    @property
    def tiles(self) -> int:
        """Tiles in the memory."""
        return sum(matrix.rows * matrix.columns for matrix in self.loads)


@dataclass(frozen=True)
class Product:
    """One product.

    Attributes:
        layer: whose it is.
        a, b: its operands.
        result: where C goes.
    """

    layer: str
    a: Side
    b: Side
    result: Result


@dataclass(frozen=True)
class Tiled:
    """A product of plain matrices, one of which is larger than a tile memory.

    Attributes:
        layer: whose it is.
        a, b: its operands.
        result: where C goes.
        a_transposed, b_transposed: whether the product reads the transposes.
    """

    layer: str
    a: Matrix
    b: Matrix
    result: Result
    a_transposed: bool = False
    b_transposed: bool = False


@dataclass(frozen=True)
class Pause:
    """The program ends here, with an interrupt; what follows is the next one.

    Attributes:
        layer: what it counts to.
    """

    layer: str


Job = Product | Tiled | Pause


def write(program: Program, jobs: Iterable[Job]) -> list[tuple[str, int]]:
    """Write jobs to a program.

    Args:
        program: where to.
        jobs: in their order.

    Returns:
        For each job its layer and how many descriptors the program has when it is written.

    Raises:
        ValueError: operands do not fit the tile memories.
    """
    writer, marks = _Writer(program), []
    for job, following in itertools.pairwise([*jobs, None]):
        match job:
            case Product():
                writer.product(job, following if isinstance(following, Product) else None)
            case Tiled():
                tiler.multiply(
                    program,
                    job.a,
                    job.b,
                    job.result,
                    a_transposed=job.a_transposed,
                    b_transposed=job.b_transposed,
                )
                writer.written(job.result)
            case Pause():
                program.end()
            case None:
                pass
        if job is not None:
            marks.append((job.layer, len(program.descriptors)))
    return marks


class _Writer:
    """What is where in the tile memories.

    ``_there`` has the operands, with the bytes that they are of, by side and by what was loaded;
    ``_kept`` those that stay, ``_under_way`` those of the last product, ``_next`` where the next
    one goes; ``_hidden`` has the cycles of the last product that no load fills yet.
    """

    def __init__(self, program: Program):
        self.program, self.depth = program, program.built.depth
        self._there: dict[
            tuple[str, tuple[Matrix, ...]], tuple[Operand, list[tuple[int, int]]]
        ] = {}
        self._kept: dict[str, list[Operand]] = {"a": [], "b": []}
        self._under_way: dict[str, Operand] = {}
        self._next = {"a": 0, "b": 0}
        self._hidden = 0

    def product(self, job: Product, following: Product | None) -> None:
        """Load what is missing, that first which need not wait, and multiply."""
        sides = {"a": job.a, "b": job.b}
        found = {name: there for name in sides if (there := self._found(name, sides[name]))}
        missing = [name for name in sides if name not in found]
        waits = {name: any(map(self.program.waits, sides[name].loads)) for name in missing}
        for name in sorted(missing, key=lambda name: waits[name]):
            found[name] = self._load(name, sides[name])
        if following is not None:
            self._ahead(job, following, found)
            if self._fence_helps(job, following):
                self.program.fence()
        self._under_way = found
        self._hidden = self._cycles(job)
        a, b = (_seen(found[name], sides[name]) for name in "ab")
        self.program.product(a, b, job.result)
        self.written(job.result)

    def written(self, result: Result) -> None:
        """What was loaded of a plane that a product writes is out of date."""
        if result.tiles is not None:
            low, high = _span(result.tiles)
            for key, (_, spans) in list(self._there.items()):
                if any(first < high and low < last for first, last in spans):
                    del self._there[key]

    def _found(self, name: str, side: Side) -> Operand | None:
        """The operand, if it is still there."""
        there = self._there.get((name, side.loads))
        return there[0] if there is not None and self.program.holds(there[0]) else None

    def _ahead(self, job: Product, following: Product, found: dict[str, Operand]) -> None:
        """Load for the next product too, where this one is short and the one before long enough."""
        sides = {"a": following.a, "b": following.b}
        missing = {name: side for name, side in sides.items() if not self._found(name, side)}
        beats = sum(self._beats(side) for side in missing.values())
        if not self._cycles(job) < beats <= self._hidden:
            return
        for name, side in missing.items():
            if not any(map(self.program.waits, side.loads)):
                busy = [found[name], *self._busy(name)]
                at = self._place(name, side.tiles, self._kept_in(name) + busy)
                if at is not None:
                    self._load_at(name, side, at)

    def _cycles(self, job: Product) -> int:
        """Steps of a product."""
        rows, inner = job.a.rows, job.a.columns
        columns = job.b.rows if job.b.transposed else job.b.columns
        return rows * inner * columns * self.program.built.steps

    def _beats(self, side: Side) -> int:
        """Beats of a load, about."""
        built = self.program.built
        return side.tiles * (built.code_record // built.beat + 1)

    def _kept_in(self, name: str) -> list[Operand]:
        return [operand for operand in self._kept[name] if self.program.holds(operand)]

    def _busy(self, name: str) -> list[Operand]:
        return [self._under_way[name]] if name in self._under_way else []

    def _load(self, name: str, side: Side) -> Operand:
        """Load an operand where it meets nothing that is needed."""
        if side.tiles > self.depth:
            raise ValueError(f"{side.loads[0]} has {side.tiles} tiles, a memory {self.depth}")
        kept = self._kept_in(name)
        at = self._place(name, side.tiles, kept + self._busy(name))
        if at is None:
            at = self._place(name, side.tiles, kept)
        return self._load_at(name, side, self._next[name] if at is None else at)

    def _load_at(self, name: str, side: Side, at: int) -> Operand:
        """Load an operand to an address."""
        self._hidden -= self._beats(side)
        load = self.program.load_a if name == "a" else self.program.load_b
        operands, where = [], at
        for matrix in side.loads:
            operands.append(load(matrix, where % self.depth))
            where += matrix.rows * matrix.columns
        operand = operands[0] if len(operands) == 1 else self.program.joined(*operands)
        self._next[name] = where % self.depth
        self._there[name, side.loads] = operand, list(map(_span, side.loads))
        if side.stays:
            self._kept[name] = [*self._kept_in(name), operand]
        return operand

    def _place(self, name: str, count: int, needed: list[Operand]) -> int | None:
        """The first address from the last one on with room beside what is needed."""
        taken = np.zeros(self.depth, np.int64)
        for operand in needed:
            taken[operand.addresses(self.depth)] = 1
        around = np.roll(taken, -self._next[name])
        sums = np.concatenate([[0], np.cumsum(np.concatenate([around, around]))])
        free = np.flatnonzero(sums[count : count + self.depth] == sums[: self.depth])
        return int(free[0] + self._next[name]) % self.depth if free.size else None

    def _fence_helps(self, job: Product, following: Product) -> bool:
        """Whether the next loads wait for something older than this product.

        Then they can run beside this product, if a FENCE comes before it.
        """
        loads = [
            matrix
            for name, side in (("a", following.a), ("b", following.b))
            if self._found(name, side) is None
            for matrix in side.loads
            if self.program.waits(matrix)
        ]
        if not loads:
            return False
        tiles = job.result.tiles
        written = np.zeros(0, np.int64) if tiles is None else _records(tiles)
        return not any(np.isin(_records(matrix), written).any() for matrix in loads)


def _seen(operand: Operand, side: Side) -> Operand:
    """What a product sees of an operand."""
    seen = operand
    if side.view is not None:
        seen = operand.seen(side.rows, side.columns, side.view)
    return seen.T if side.transposed else seen


def _records(matrix: Matrix) -> NDArray[np.int64]:
    """Addresses of the records of codes, one after another."""
    indices = matrix.view.indices(matrix.rows, matrix.columns).reshape(-1)
    return matrix.codes.place.offset + indices * matrix.codes.record


def _span(matrix: Stored) -> tuple[int, int]:
    """First byte of the codes of a matrix, and the one after the last."""
    assert isinstance(matrix, Matrix)
    records = _records(matrix)
    return int(records.min()), int(records.max()) + matrix.codes.record
