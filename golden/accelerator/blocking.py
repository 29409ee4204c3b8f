"""How a product is cut into blocks that fit the tile memories, and which cut costs least.

Source: docs/accelerator.md.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .configuration import Configuration
from .cost import TIMING, Timing, product_cycles

__all__ = ["Blocking", "Problem", "choose", "cuts", "estimate"]


class Problem(NamedTuple):
    """A product of stored matrices.

    Attributes:
        m, n, k: sizes in tiles.
        a_transposed, b_transposed: whether it reads their transposes.
    """

    m: int
    n: int
    k: int
    a_transposed: bool = False
    b_transposed: bool = False

    def outer(self, side: str) -> int:
        """Rows of op(A), or columns of op(B)."""
        return self.m if side == "a" else self.n

    def outer_first(self, side: str) -> bool:
        """Whether rows of the stored matrix run over the outer axis, its columns over K."""
        return not self.a_transposed if side == "a" else self.b_transposed


@dataclass(frozen=True)
class Blocking:
    """A cut of a product.

    One operand is stationary: a block of ``parts * part`` rows of A (columns of B) fills its tile
    memory, and comes once. The other one passes by it in panels, of which its memory holds two.
    Every product is of a part and a panel, so that parts and panels can come one after the other.

    Attributes:
        stationary: ``"a"`` or ``"b"``.
        part: tiles of a part along the outer axis.
        parts: how many lie in the memory.
        panel: tiles of a panel along the outer axis.
        inner: tiles of K that a product takes.
    """

    stationary: str
    part: int
    parts: int
    panel: int
    inner: int

    @property
    def streamed(self) -> str:
        """The other side."""
        return "b" if self.stationary == "a" else "a"

    @property
    def block(self) -> int:
        """Tiles of a block along the outer axis."""
        return self.part * self.parts

    def check(self, depth: int) -> None:
        """Raise ValueError where it does not fit tile memories of ``depth``."""
        if min(self.part, self.parts, self.panel, self.inner) < 1:
            raise ValueError(f"sizes must be at least 1, not {self}")
        for what, count in (("block", self.block), ("two panels", 2 * self.panel)):
            if count * self.inner > depth:
                raise ValueError(f"{what} of {self} do not fit {depth} tiles")


def cuts(size: int, most: int) -> list[tuple[int, int]]:
    """Ranges of at most ``most``, in order.

    >>> cuts(10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    return [(first, min(first + most, size)) for first in range(0, size, most)]


def even(size: int, most: int) -> int:
    """The least size of a piece that needs no more pieces than ``most`` does.

    >>> even(10, 4), even(9, 4)
    (4, 3)
    """
    count = -(-size // most)
    return -(-size // count)


def candidates(problem: Problem, depth: int) -> Iterator[Blocking]:
    """Cuts worth looking at: K whole, where two rows of A fit a memory, and in a few chunks."""
    fewest = -(-problem.k // (depth // 2))
    inners = {even(problem.k, -(-problem.k // (fewest * n))) for n in _CHUNKS}
    for side, inner in itertools.product("ab", sorted(inners)):
        block = even(problem.outer(side), depth // inner)
        panel = even(problem.outer("b" if side == "a" else "a"), depth // (2 * inner))
        sizes = {max(1, size) for n in _PIECES for size in (block // n, -(-block // n))}
        panels = {max(1, panel // n) for n in _PIECES}
        for part, width in itertools.product(sorted(sizes), sorted(panels)):
            parts = min(-(-block // part), depth // (part * inner))
            yield Blocking(side, part, parts, width, inner)


_CHUNKS = (1, 2, 4)
"""How many times the fewest chunks of K are looked at."""

_PIECES = (1, 2, 4, 8)
"""How many parts a block is cut into, and how many panels the largest one."""


class Estimate(NamedTuple):
    """What a cut costs, about.

    Attributes:
        cycles: of the busiest of array, reads and writes, and what nothing hides.
        bytes: read and written.
        products: how many.
    """

    cycles: float
    bytes: float
    products: int


def estimate(
    problem: Problem, cut: Blocking, built: Configuration, timing: Timing, written: int
) -> Estimate:
    """What a cut costs, about.

    A product takes as long as the load behind it, if that is longer: the next one waits for it.

    Args:
        problem: sizes and transposes.
        cut: the cut.
        built: the accelerator.
        timing: its cycles.
        written: bytes of a tile of C.
    """
    chunks = len(cuts(problem.k, cut.inner))
    outer = cuts(problem.outer(cut.stationary), cut.block)
    blocks, panels = len(outer), len(cuts(problem.outer(cut.streamed), cut.panel))
    parts = sum(-(-(last - first) // cut.part) for first, last in outer)
    together = parts / blocks  # parts of a block
    loads = panels if panels <= 2 else panels * blocks - (blocks - 1)
    part, panel = (
        _tile_bytes(problem, side, width, cut.inner, built) * width * cut.inner / built.beat
        for side, width in ((cut.stationary, cut.part), (cut.streamed, cut.panel))
    )
    piece, read = panel / together, parts * part + loads * panel
    sums = problem.m * problem.n * built.word_record / built.beat
    write = problem.m * problem.n * written / built.beat

    one = product_cycles((cut.part, cut.panel, cut.inner), built.steps, timing.registers)

    def shown(load: float) -> float:
        return max(0, timing.latency + load - one)

    array = parts * panels * one + (loads - 1) * together * shown(piece)
    array += (together - 1) * shown(part + piece) + (blocks - 1) * (
        timing.latency + part if together == 1 else together * shown(part)
    )
    summing = array + parts * panels * timing.latency  # sums come from memory
    cycles = [max(array, read, sums if chunks > 1 else write)]
    cycles += [max(summing, read + sums, sums)] * (chunks - 2)
    cycles += [max(summing, read + sums, write)] * (chunks > 1)
    ends = chunks * (2 * timing.latency + timing.drain + part + panel)
    ends += cut.part * cut.panel * written / built.beat
    moved = chunks * read + 2 * (chunks - 1) * sums + write
    return Estimate(sum(cycles) + ends, moved * built.beat, parts * panels * chunks)


def _tile_bytes(problem: Problem, side: str, width: int, inner: int, built: Configuration) -> float:
    """Bytes that are read of a tile: scales of a short run take more than their own."""
    run = inner if problem.outer_first(side) else width
    return built.code_record + (run - 1 + built.beat) / run


def choose(
    problem: Problem, built: Configuration, timing: Timing = TIMING, written: int | None = None
) -> Blocking:
    """The cut that costs least: cycles, to a hundredth; then bytes; then products.

    Args:
        problem: sizes and transposes.
        built: the accelerator.
        timing: its cycles.
        written: bytes of a tile of C; None: those of words.
    """
    size = built.word_record if written is None else written
    found = [
        (estimate(problem, cut, built, timing, size), cut)
        for cut in candidates(problem, built.depth)
    ]
    least = min(cost.cycles for cost, _ in found)
    near = [(cost, cut) for cost, cut in found if cost.cycles <= 1.01 * least]
    return min(near, key=lambda each: (each[0].bytes, each[0].products))[1]
