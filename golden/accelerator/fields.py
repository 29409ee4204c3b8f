"""The bits of a descriptor, the 64-byte instruction of a program.

``FIELDS`` is the one description: encoding, decoding, the hardware, the C header and
docs/accelerator.md follow it.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

__all__ = ["FIELDS", "SIZE", "WORDS", "Field", "Init", "Opcode", "pack", "reserved", "unpack"]

WORDS = 16
"""32-bit words of a descriptor."""

SIZE = 4 * WORDS
"""Bytes of a descriptor."""


class Opcode(enum.IntEnum):
    """What a descriptor does. Every other number is a fault; 0 too: zeros are no program."""

    LOAD_A = 1
    LOAD_B = 2
    MULTIPLY = 3
    FENCE = 4
    END = 5


class Init(enum.IntEnum):
    """Where the sums of a product start."""

    ZERO = 0
    WORDS = 1
    """From the words of a plane, tile by tile."""
    ROW = 2
    """Every row of column j of tiles from row 0 of record j of a plane: a bias."""


class Field(NamedTuple):
    """Some bits of a descriptor.

    Attributes:
        name: what it is called.
        word: which 32-bit word.
        low: its lowest bit there.
        width: bits.
        title: what it says.
        signed: whether it is a two's complement number.
    """

    name: str
    word: int
    low: int
    width: int
    title: str
    signed: bool = False


def _low(word: int, name: str, title: str, signed: bool = False) -> Field:
    return Field(name, word, 0, 16, title, signed)


def _high(word: int, name: str, title: str, signed: bool = False) -> Field:
    return Field(name, word, 16, 16, title, signed)


_OPCODE = Field("opcode", 0, 0, 4, "what to do")
_VIEW = ("rows of a run", "tiles from a row to the next", "tiles from a run to the next")
_COLUMNS = ("columns of a run", "tiles from a run of columns to the next")
_LOAD = (
    _OPCODE,
    Field("free", 0, 4, 1, "does not wait for the product under way"),
    Field("codes_reg", 0, 12, 2, "base register of the codes"),
    Field("scales_reg", 0, 14, 2, "base register of the scales"),
    _low(1, "rows", "rows of tiles"),
    _high(1, "columns", "columns of tiles"),
    _low(2, "run", _VIEW[0]),
    _high(2, "crun", _COLUMNS[0]),
    Field("base", 3, 0, 16, "first tile in the tile memory"),
    Field("pitch", 4, 0, 32, _VIEW[1], True),
    Field("jump", 5, 0, 32, _VIEW[2], True),
    Field("cjump", 6, 0, 32, _COLUMNS[1], True),
    Field("codes", 14, 0, 32, "offset of the codes, bytes"),
    Field("scales", 15, 0, 32, "offset of the scales, bytes"),
)
_MULTIPLY = (
    _OPCODE,
    Field("init", 0, 4, 2, "where the sums start: " + ", ".join(f"{i} {i.name}" for i in Init)),
    Field("relu", 0, 6, 1, "negative words become 0"),
    Field("mask", 0, 7, 1, "words are 0 where codes of the mask plane are"),
    Field("to_words", 0, 8, 1, "leaves as words"),
    Field("to_tiles", 0, 9, 1, "leaves as re-quantized tiles"),
    Field("negate", 0, 10, 1, "flips signs"),
    Field("stochastic", 0, 11, 1, "tiles are rounded by random numbers"),
    Field("init_reg", 0, 12, 2, "base register of the start of the sums"),
    Field("mask_reg", 0, 14, 2, "base register of the mask"),
    Field("words_reg", 0, 16, 2, "base register of the words"),
    Field("codes_reg", 0, 18, 2, "base register of the codes"),
    Field("scales_reg", 0, 20, 2, "base register of the scales"),
    Field("a_transposed", 0, 22, 1, "op(A) is the stored A transposed"),
    Field("b_transposed", 0, 23, 1, "op(B) is the stored B transposed"),
    Field("shift", 0, 24, 8, "words are multiplied by 2**shift", True),
    _low(1, "m", "rows of tiles of C"),
    _high(1, "n", "columns of tiles of C"),
    _low(2, "k", "tiles of the inner axis"),
    _high(2, "c_run", _VIEW[0]),
    _low(3, "a_base", "first tile of A"),
    _high(3, "b_base", "first tile of B"),
    _low(4, "a_run", _VIEW[0]),
    _high(4, "a_pitch", _VIEW[1], True),
    _low(5, "a_jump", _VIEW[2], True),
    _high(5, "a_crun", _COLUMNS[0]),
    _low(6, "a_cjump", _COLUMNS[1], True),
    _high(6, "b_run", _VIEW[0]),
    _low(7, "b_pitch", _VIEW[1], True),
    _high(7, "b_jump", _VIEW[2], True),
    _low(8, "b_crun", _COLUMNS[0]),
    _high(8, "b_cjump", _COLUMNS[1], True),
    Field("c_pitch", 9, 0, 32, _VIEW[1], True),
    Field("c_jump", 10, 0, 32, _VIEW[2], True),
    Field("init_at", 11, 0, 32, "offset of the start of the sums, bytes"),
    Field("mask_at", 12, 0, 32, "offset of the mask, bytes"),
    Field("words", 13, 0, 32, "offset of the words, bytes"),
    Field("codes", 14, 0, 32, "offset of the codes, bytes"),
    Field("scales", 15, 0, 32, "offset of the scales, bytes"),
)

FIELDS: dict[int, tuple[Field, ...]] = {
    Opcode.LOAD_A: _LOAD,
    Opcode.LOAD_B: _LOAD,
    Opcode.MULTIPLY: _MULTIPLY,
    Opcode.FENCE: (_OPCODE,),
    Opcode.END: (_OPCODE, Field("irq", 0, 4, 1, "raises the interrupt")),
}
"""Fields of the descriptors of each opcode; all other bits are reserved and 0."""


def pack(values: Mapping[str, int]) -> bytes:
    """Bytes of a descriptor from its fields, little-endian.

    Raises:
        ValueError: a field does not fit, or there is no such opcode.

    >>> pack({"opcode": Opcode.END, "irq": 1})[:4].hex()
    '15000000'
    """
    words = [0] * WORDS
    if values["opcode"] not in FIELDS:
        raise ValueError(
            f"opcode must be {', '.join(map(str, map(int, FIELDS)))}, not {values['opcode']}"
        )
    for field in FIELDS[values["opcode"]]:
        value = int(values[field.name])
        low = -(1 << field.width - 1) if field.signed else 0
        if not low <= value < low + (1 << field.width):
            high = low + (1 << field.width) - 1
            raise ValueError(f"{field.name} must be {low} to {high}, not {value}")
        words[field.word] |= (value & (1 << field.width) - 1) << field.low
    return np.array(words, "<u4").tobytes()


def unpack(data: bytes) -> dict[str, int] | None:
    """Fields of the bytes of a descriptor, None where no opcode is like that.

    >>> unpack(pack({"opcode": Opcode.END, "irq": 1}))
    {'opcode': 5, 'irq': 1}
    """
    words = np.frombuffer(data, "<u4").tolist()
    values = {}
    for field in FIELDS.get(words[0] & 0xF, ()):
        value = words[field.word] >> field.low & (1 << field.width) - 1
        if field.signed and value >> field.width - 1:
            value -= 1 << field.width
        values[field.name] = value
    return values or None


def reserved(opcode: int) -> tuple[int, ...]:
    """Bits that are 0 in a descriptor of an opcode: a mask for each word."""
    masks = [0xFFFFFFFF] * WORDS
    for field in FIELDS[opcode]:
        masks[field.word] &= ~((1 << field.width) - 1 << field.low)
    return tuple(masks)
