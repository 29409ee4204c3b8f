"""Random programs of the accelerator, with the memory that they run in."""

from typing import NamedTuple

import numpy as np
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, Place, encode
from mxsf.golden.accelerator.fields import Init, Opcode
from mxsf.golden.accelerator.view import WHOLE, View

PROGRAM = 0xE000
BASES = (0, 0x140, 0x1000, 0x4FC0)
_REGIONS = {"codes": (0x0000, 0x4000), "scales": (0x4000, 0x5000), "words": (0x5000, PROGRAM)}


class Random(NamedTuple):
    """Memory with a program at ``PROGRAM``, for base registers ``BASES``; its descriptors."""

    memory: np.ndarray
    descriptors: list


def random_program(built, seed, products=3):
    """A program whose products read what random loads left, everything else random too."""
    rng = np.random.default_rng([seed, built.bus, built.pes])
    maker = _Maker(built, rng)
    descriptors = []
    for _ in range(products):
        descriptors += [maker.load(opcode) for opcode in (Opcode.LOAD_A, Opcode.LOAD_B)]
        descriptors += [maker.multiply(), *([Fence()] if rng.random() < 0.5 else [])]
    descriptors.append(End(irq=bool(rng.integers(2))))
    memory = _memory(built, rng)
    data = b"".join(encode(descriptor) for descriptor in descriptors)
    memory[PROGRAM : PROGRAM + len(data)] = np.frombuffer(data, np.uint8)
    return Random(memory, descriptors)


def _memory(built, rng):
    """Codes with zeros and few NaNs, scales near 1, words of like size; a few odd ones."""
    memory = rng.integers(0, 256, PROGRAM + 0x1000, dtype=np.uint8)
    low, high = _REGIONS["codes"]
    zero = rng.random(high - low) < 0.1
    memory[low:high][zero] = rng.choice([0, 0x80], zero.sum())
    if built.element.has_nan:
        nan = (memory[low:high] & 0x7F == 0x7F) & (rng.random(high - low) < 0.95)
        memory[low:high][nan] ^= 0x41
    low, high = _REGIONS["scales"]
    memory[low:high] = rng.integers(121, 134, high - low)
    odd = rng.random(high - low) < 0.03
    memory[low:high][odd] = rng.choice([0, 1, 254, 255], odd.sum())
    low, high = _REGIONS["words"]
    count = (high - low) // 4
    words = np.ldexp(rng.standard_normal(count), rng.integers(-8, 9, count)).astype("<f4")
    odd = rng.random(count) < 0.02
    words[odd] = rng.choice(np.float32([0, -0.0, np.inf, -np.inf, np.nan, 1e-40]), odd.sum())
    memory[low:high] = words.view(np.uint8)
    return memory


class _Maker:
    def __init__(self, built, rng):
        self.built, self.rng = built, rng

    def size(self, most=3):
        return int(self.rng.integers(1, most + 1))

    def run(self):
        return WHOLE if self.rng.random() < 0.4 else self.size()

    def step(self, reach=8):
        return int(self.rng.integers(-reach, reach + 1))

    def view(self):
        return View(self.run(), self.step(), self.step(12), self.run(), self.step())

    def place(self, kind, view, rows, columns):
        """Somewhere in the region of a kind of plane, with all records of a view inside."""
        built = self.built
        record = {"codes": built.code_record, "scales": 1, "words": built.word_record}[kind]
        indices = [
            i // view.run * view.jump
            + i % view.run * view.pitch
            + j // view.crun * view.cjump
            + j % view.crun
            for i in range(rows)
            for j in range(columns)
        ]
        align = 1 if kind == "scales" else built.beat
        low, high = _REGIONS[kind]
        low, high = low - min(indices) * record, high - (max(indices) + 1) * record
        start = int(self.rng.integers(-(-low // align), high // align + 1)) * align
        register = int(self.rng.choice([r for r, base in enumerate(BASES) if base <= start]))
        return Place(register, start - BASES[register])

    def load(self, opcode):
        rows, columns, view = self.size(4), self.size(4), self.view()
        shape = view, rows, columns
        codes, scales = self.place("codes", *shape), self.place("scales", *shape)
        base = int(self.rng.integers(0, 1 << 16))
        return Load(opcode, rows, columns, codes, scales, view, base, bool(self.rng.integers(2)))

    def multiply(self):
        rng, (m, n) = self.rng, (self.size(), self.size())
        c_view = View(self.run(), self.step(), self.step(12))
        shape, flag = (c_view, m, n), lambda: bool(rng.integers(2))
        kind = int(rng.integers(3))  # words, tiles, or both
        init = int(rng.integers(3))
        words = self.place("words", *shape)
        starts = [words, self.place("words", *shape)][int(rng.integers(2))]
        if init == Init.ROW:
            starts = self.place("words", View(pitch=0), m, n)
        tiles = kind > 0
        return Multiply(
            *(m, n, self.size(), int(rng.integers(1 << 16)), int(rng.integers(1 << 16))),
            *(self.view(), self.view(), flag(), flag(), c_view),
            init=init,
            init_at=starts,
            shift=int(rng.integers(-128, 128)) if rng.random() < 0.1 else int(rng.integers(-3, 4)),
            negate=flag(),
            relu=flag(),
            mask=self.place("codes", *shape) if flag() else None,
            words=words if kind != 1 else None,
            codes=self.place("codes", *shape) if tiles else None,
            scales=self.place("scales", *shape) if tiles else None,
            stochastic=flag() and tiles,
        )
