"""Random programs of the accelerator, with the memory that they run in.

Views walk backwards and wrap in the tile memories, runs do not divide, planes overlap where no
order is missing; all starts of sums, epilogues and outputs occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import BASES, Configuration
from ...golden.accelerator.descriptor import (
    Descriptor,
    End,
    Fence,
    Load,
    Multiply,
    Place,
    encode,
)
from ...golden.accelerator.fault import Window
from ...golden.accelerator.fields import SIZE, Init, Opcode
from ...golden.accelerator.machine import Done, Machine
from ...golden.accelerator.view import WHOLE, View
from ...golden.formats.block import Rounding

__all__ = ["RandomProgram", "random_program"]

_DESCRIPTORS = 64  # most of a program
_REACH = {"codes": 256, "scales": 4096, "words": 160}  # records of each region


@dataclass
class RandomProgram:
    """A program and what it runs in.

    Attributes:
        memory: uint8.
        start: address of the program.
        bases: of the base registers.
        descriptors: the program.
        origin: address of the first byte of memory.
        window: of planes, None for all addresses.
    """

    memory: NDArray[np.uint8]
    start: int
    bases: tuple[int, ...]
    descriptors: list[Descriptor]
    origin: int = 0
    window: Window | None = None

    def machine(self, built: Configuration) -> Machine:
        """The golden machine on a copy of the memory."""
        machine = Machine(built, self.memory.copy(), self.origin)
        machine.bases[:] = self.bases
        machine.window = self.window or machine.window
        return machine


def random_program(
    built: Configuration,
    seed: int,
    products: int = 3,
    *,
    irq: bool | None = None,
    origin: int = 0,
    fills: bool = False,
) -> RandomProgram:
    """Draw programs until one has no hazard.

    Args:
        built: the accelerator.
        seed: of all that is random.
        products: MULTIPLYs of the program, at most 20.
        irq: whether its END raises the interrupt; None for at random.
        origin: address of memory, a multiple of 4096.
        fills: begins with LOADs of all tiles of both memories.
    """
    random = np.random.default_rng(seed)
    while True:
        made = _Maker(built, random, origin).program(products, irq, fills)
        every = list(made.machine(built).steps(made.start))
        if not any(done.breaches for done in every):
            made.window = _window(every) if random.integers(2) else None
            return made


def _window(every: Sequence[Done]) -> Window:
    """The addresses that planes have, and no other."""
    touched = [each for done in every for each in done.touched]
    low = min(int(each.addresses.min()) for each in touched)
    return Window(low, max(int(each.addresses.max()) + each.record for each in touched))


class _Maker:
    """Makes descriptors whose planes lie in the regions of their kind."""

    def __init__(self, built: Configuration, random: np.random.Generator, origin: int):
        self.built, self.random, self.origin = built, random, origin
        self.records = {"codes": built.code_record, "scales": 1, "words": built.word_record}
        self.regions, start = dict[str, tuple[int, int]](), origin
        for kind, count in _REACH.items():
            end = start + -(-count * self.records[kind] // SIZE) * SIZE
            self.regions[kind], start = (start, end), end
        self.start = start
        # From the first one all is within reach of an offset.
        bases = [int(random.integers(origin, start)) for _ in range(BASES - 1)]
        self.bases = (origin - int(random.integers(min(origin, 1 << 31) + 1)), *bases)

    def program(self, products: int, irq: bool | None, fills: bool) -> RandomProgram:
        """Loads and products, some FENCEs, an END."""
        descriptors = self._fill() if fills else list[Descriptor]()
        for _ in range(products):
            descriptors += [self._load(opcode) for opcode in (Opcode.LOAD_A, Opcode.LOAD_B)]
            descriptors.append(self._multiply())
            if self._flag():
                descriptors.append(Fence())
        drawn = self._flag()
        descriptors.append(End(irq=drawn if irq is None else irq))
        memory = self._memory()
        data = b"".join(encode(descriptor) for descriptor in descriptors)
        place = self.start - self.origin
        memory[place : place + len(data)] = np.frombuffer(data, np.uint8)
        return RandomProgram(memory, self.start, self.bases, descriptors, self.origin)

    def _fill(self) -> list[Descriptor]:
        """All tiles of both memories, then a FENCE."""
        depth = self.built.depth
        columns = min(depth, _REACH["codes"] // 2)
        view, rows = View(pitch=0), depth // columns
        codes, scales = (self._place(kind, view, rows, columns) for kind in ("codes", "scales"))
        sides = (Opcode.LOAD_A, Opcode.LOAD_B)
        return [*(Load(side, rows, columns, codes, scales, view) for side in sides), Fence()]

    def _memory(self) -> NDArray[np.uint8]:
        """Codes with zeros and few NaNs, scales near 1, words of like size; a few odd ones."""
        random, element = self.random, self.built.element
        size = self.start - self.origin + _DESCRIPTORS * SIZE
        memory = random.integers(0, 256, size, dtype=np.uint8)
        low, high = self._part("codes")
        zero = random.random(high - low) < 0.1
        memory[low:high][zero] = random.choice([0, 0x80], zero.sum())
        if element.has_nan:
            nan = (memory[low:high] & 0x7F == 0x7F) & (random.random(high - low) < 0.95)
            memory[low:high][nan] ^= 0x41
        low, high = self._part("scales")
        memory[low:high] = random.integers(121, 134, high - low)
        odd = random.random(high - low) < 0.03
        memory[low:high][odd] = random.choice([0, 1, 254, 255], odd.sum())
        low, high = self._part("words")
        count = (high - low) // 4
        words = np.ldexp(random.standard_normal(count), random.integers(-8, 9, count))
        odd = random.random(count) < 0.02
        words[odd] = random.choice([0, -0.0, np.inf, -np.inf, np.nan, 1e-40], odd.sum())
        memory[low:high] = words.astype("<f4").view(np.uint8)
        return memory

    def _part(self, kind: str) -> tuple[int, int]:
        low, high = self.regions[kind]
        return low - self.origin, high - self.origin

    def _flag(self) -> bool:
        return bool(self.random.integers(2))

    def _size(self, most: int = 3) -> int:
        return int(self.random.integers(1, most + 1))

    def _run(self) -> int:
        return WHOLE if self.random.random() < 0.4 else self._size()

    def _step(self, reach: int = 8) -> int:
        return int(self.random.integers(-reach, reach + 1))

    def _view(self) -> View:
        return View(self._run(), self._step(), self._step(12), self._run(), self._step())

    def _place(self, kind: str, view: View, rows: int, columns: int) -> Place:
        """Somewhere in the region of a kind of plane, with all records of a view inside."""
        record, indices = self.records[kind], view.indices(rows, columns)
        align = 1 if kind == "scales" else self.built.beat
        low, high = self.regions[kind]
        low, high = low - int(indices.min()) * record, high - (int(indices.max()) + 1) * record
        start = int(self.random.integers(-(-low // align), high // align + 1)) * align
        usable = [n for n, base in enumerate(self.bases) if base <= start]
        register = int(self.random.choice(usable))
        return Place(register, start - self.bases[register])

    def _load(self, opcode: Opcode) -> Load:
        most = 4 if self.built.depth >= 16 else 1
        rows, columns, view = self._size(most), self._size(most), self._view()
        codes, scales = (self._place(kind, view, rows, columns) for kind in ("codes", "scales"))
        base = int(self.random.integers(0, 1 << 16))
        return Load(opcode, rows, columns, codes, scales, view, base, self._flag())

    def _multiply(self) -> Multiply:
        random, built, flag = self.random, self.built, self._flag
        m, n = self._size(), self._size()
        c_view = View(self._run(), self._step(), self._step(12))
        shape = c_view, m, n
        kind = int(random.integers(3)) if built.requantize else 0  # words, tiles, or both
        init = int(random.integers(3))
        words = self._place("words", *shape)
        start = words if flag() else self._place("words", *shape)
        if init == Init.ROW:
            start = self._place("words", View(pitch=0), m, n)
        tiles = kind > 0
        return Multiply(
            *(m, n, self._size(), int(random.integers(1 << 16)), int(random.integers(1 << 16))),
            *(self._view(), self._view(), flag(), flag(), c_view),
            init=init,
            init_at=start,
            shift=int(random.integers(-128, 128)) if random.random() < 0.1 else self._step(3),
            negate=flag(),
            relu=flag(),
            mask=self._place("codes", *shape) if flag() else None,
            words=words if kind != 1 else None,
            codes=self._place("codes", *shape) if tiles else None,
            scales=self._place("scales", *shape) if tiles else None,
            stochastic=tiles and built.rounding is Rounding.STOCHASTIC and flag(),
        )
