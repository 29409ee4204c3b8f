"""The accelerator in plain Python, to be read beside docs/accelerator.md.

Bits of descriptors by hand, views index by index, products on fractions, memory as a bytearray.
Nothing here comes from ``mxsf.golden.accelerator``. Programs have no faults.
"""

from collections import Counter
from fractions import Fraction

import reference
from mxsf.golden.quantize.lfsr import Lfsr


def bits_of(word, high, low):
    return word >> low & (1 << high - low + 1) - 1


def signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


def index(i, j, run, pitch, jump, crun, cjump):
    return (i // run) * jump + (i % run) * pitch + (j // crun) * cjump + j % crun


class Naive:
    """An accelerator.

    Args:
        element, tile, pes, depth, bus: as built.
        memory: bytes from address 0 on.
        bases: of the four base registers.
    """

    def __init__(self, element, tile, pes, depth, bus, memory, bases):
        self.element, self.tile, self.pes, self.depth = element, tile, pes, depth
        self.beat = bus // 8
        self.memory, self.bases = bytearray(memory), bases
        self.code_record = self.whole(-(-tile * tile * element.bits // 8))
        self.word_record = self.whole(4 * tile * tile)
        blank = ([[0] * tile for _ in range(tile)], 0)
        self.tiles = {side: [blank] * depth for side in "ab"}
        self.counters = Counter()
        self.lfsr = Lfsr(tile)

    def whole(self, size):
        return -(-size // self.beat) * self.beat

    def run(self, program):
        """Run a program; return its descriptors' opcodes."""
        opcodes = []
        while not opcodes or opcodes[-1] != 5:
            data = self.memory[program : program + 64]
            w = [int.from_bytes(data[4 * n : 4 * n + 4], "little") for n in range(16)]
            opcode = bits_of(w[0], 3, 0)
            opcodes.append(opcode)
            self.counters["descriptors"] += 1
            if opcode in (1, 2):
                self.load("a" if opcode == 1 else "b", w)
            elif opcode == 3:
                self.multiply(w)
            program += 64
        return opcodes

    # Memory

    def words(self, address):
        """FP32 bits of a tile, row by row."""
        size = self.tile
        flat = [
            int.from_bytes(self.memory[address + 4 * n : address + 4 * n + 4], "little")
            for n in range(size * size)
        ]
        return [flat[r * size : (r + 1) * size] for r in range(size)]

    def codes(self, address):
        """Codes of a tile, row by row."""
        stream = int.from_bytes(self.memory[address : address + self.code_record], "little")
        width, size = self.element.bits, self.tile
        flat = [bits_of(stream, (n + 1) * width - 1, n * width) for n in range(size * size)]
        return [flat[r * size : (r + 1) * size] for r in range(size)]

    def write_words(self, address, rows):
        data = b"".join(word.to_bytes(4, "little") for row in rows for word in row)
        self.memory[address : address + self.word_record] = data.ljust(self.word_record, b"\0")

    def write_codes(self, address, rows):
        stream = 0
        for place, code in enumerate(code for row in rows for code in row):
            stream |= code << place * self.element.bits
        self.memory[address : address + self.code_record] = stream.to_bytes(
            self.code_record, "little"
        )

    def count_scales(self, addresses):
        """Whole beats of bursts: at most 16 beats, none across a multiple of 4096."""
        position = 0
        while position < len(addresses):
            first = last = addresses[position]
            while addresses[position + 1 : position + 2] == [last + 1]:
                position, last = position + 1, last + 1
            beat, end = first // self.beat, last // self.beat + 1
            while beat < end:
                burst = min(16, end - beat, (4096 - beat * self.beat % 4096) // self.beat)
                self.counters["load_scale_bytes"] += burst * self.beat
                beat += burst
            position += 1

    # Descriptors

    def load(self, side, w):
        rows, columns = bits_of(w[1], 15, 0), bits_of(w[1], 31, 16)
        view = (
            bits_of(w[2], 15, 0),
            *(signed(w[n], 32) for n in (4, 5)),
            bits_of(w[2], 31, 16),
            signed(w[6], 32),
        )
        base = bits_of(w[3], 15, 0)
        codes = self.bases[bits_of(w[0], 13, 12)] + w[14]
        scales = self.bases[bits_of(w[0], 15, 14)] + w[15]
        addresses = []
        for i in range(rows):
            for j in range(columns):
                at = index(i, j, *view)
                tile = self.codes(codes + at * self.code_record), self.memory[scales + at]
                self.tiles[side][(base + i * columns + j) % self.depth] = tile
                addresses.append(scales + at)
        self.counters["load_code_bytes"] += rows * columns * self.code_record
        self.count_scales(addresses)

    def operand(self, side, i, j, base, view, transposed):
        """Rows of codes, and scale, of tile (i, j) of op of a stored matrix."""
        if transposed:
            i, j = j, i
        rows, scale = self.tiles[side][(base + index(i, j, *view)) % self.depth]
        return ([list(row) for row in zip(*rows, strict=True)] if transposed else rows), scale

    def multiply(self, w):
        m, n, k = bits_of(w[1], 15, 0), bits_of(w[1], 31, 16), bits_of(w[2], 15, 0)
        c_view = bits_of(w[2], 31, 16), signed(w[9], 32), signed(w[10], 32), 65536, 0
        a_view = (
            bits_of(w[4], 15, 0),
            signed(bits_of(w[4], 31, 16), 16),
            signed(bits_of(w[5], 15, 0), 16),
            bits_of(w[5], 31, 16),
            signed(bits_of(w[6], 15, 0), 16),
        )
        b_view = (
            bits_of(w[6], 31, 16),
            signed(bits_of(w[7], 15, 0), 16),
            signed(bits_of(w[7], 31, 16), 16),
            bits_of(w[8], 15, 0),
            signed(bits_of(w[8], 31, 16), 16),
        )
        a = bits_of(w[3], 15, 0), a_view, bits_of(w[0], 22, 22)
        b = bits_of(w[3], 31, 16), b_view, bits_of(w[0], 23, 23)
        places = [(i, j) for i in range(m) for j in range(n)]
        starts = [self.start(w, i, j, index(i, j, *c_view)) for i, j in places]
        masks = [self.mask(w, index(i, j, *c_view)) for i, j in places]
        for (i, j), start, mask in zip(places, starts, masks, strict=True):
            tile = start
            for inner in range(k):
                left, right = self.operand("a", i, inner, *a), self.operand("b", inner, j, *b)
                tile = self.tile_product(left, right, tile)
            self.counters["steps"] += k * self.tile**2 // self.pes
            self.store(w, index(i, j, *c_view), self.epilogue(w, tile, mask))

    def tile_product(self, left, right, tile):
        (rows, a_scale), (stored, b_scale) = left, right
        columns = list(zip(*stored, strict=True))
        return [
            [
                reference.dot_block(self.element, row, a_scale, column, b_scale, tile[r][c])
                for c, column in enumerate(columns)
            ]
            for r, row in enumerate(rows)
        ]

    def start(self, w, i, j, at):
        """FP32 bits that the sums of tile (i, j) start from."""
        init, plane = bits_of(w[0], 5, 4), self.bases[bits_of(w[0], 13, 12)] + w[11]
        if init == 1:
            self.counters["init_bytes"] += self.word_record
            return self.words(plane + at * self.word_record)
        if init == 2:
            self.counters["init_bytes"] += self.whole(4 * self.tile)
            return [self.words(plane + j * self.word_record)[0]] * self.tile
        return [[0] * self.tile for _ in range(self.tile)]

    def mask(self, w, at):
        """Whether each word of a tile is masked."""
        if not bits_of(w[0], 7, 7):
            return [[False] * self.tile for _ in range(self.tile)]
        self.counters["mask_bytes"] += self.code_record
        rows = self.codes(self.bases[bits_of(w[0], 15, 14)] + w[12] + at * self.code_record)
        return [[reference.value(self.element, code) == 0 for code in row] for row in rows]

    def epilogue(self, w, tile, mask):
        shift = signed(bits_of(w[0], 31, 24), 8)
        negate, relu = bool(bits_of(w[0], 10, 10)), bool(bits_of(w[0], 6, 6))
        return [
            [
                reference.epilogue(bits, shift, negate, relu, masked)
                for bits, masked in zip(row, hidden, strict=True)
            ]
            for row, hidden in zip(tile, mask, strict=True)
        ]

    def store(self, w, at, tile):
        """Write a tile of C."""
        words, codes, scales = (
            self.bases[bits_of(w[0], low + 1, low)] + w[n]
            for low, n in ((16, 13), (18, 14), (20, 15))
        )
        if bits_of(w[0], 8, 8):
            self.write_words(words + at * self.word_record, tile)
            self.counters["word_bytes"] += self.word_record
        if not bits_of(w[0], 9, 9):
            return
        draws = None
        if bits_of(w[0], 11, 11):
            drawn = [self.lfsr.draw(1)[0] for _ in range(self.tile)]
            draws = [Fraction(int(r), 1 << 16) for row in drawn for r in row]
        flat = [bits for row in tile for bits in row]
        scale, flat = reference.quantize_block(flat, self.element, draws=draws)
        rows = [flat[r * self.tile : (r + 1) * self.tile] for r in range(self.tile)]
        self.write_codes(codes + at * self.code_record, rows)
        self.memory[scales + at] = scale
        self.counters["code_bytes"] += self.code_record
        self.counters["scale_bytes"] += 1
