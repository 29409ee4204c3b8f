"""Messages between a board and its host: the bytes on the UART, in both directions.

A message is a byte that says its kind, and as many bytes as that kind has. Numbers are unsigned,
their lowest byte first. Source: docs/boards.md.
"""

import enum
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.element import ElementFormat
from ..formats.word import FP32
from .machine import FLAGS, Command, Output, Tiles

__all__ = [
    "COMMAND_BYTES",
    "VERSION",
    "Info",
    "Reply",
    "Report",
    "Request",
    "code_bytes",
    "command_bytes",
    "operand_rows",
    "read_results",
    "result_rows",
    "start_rows",
]

VERSION = 1
"""Version of the protocol."""

COMMAND_BYTES = 12
"""Bytes of a command after its kind."""


class Request(enum.IntEnum):
    """Kinds of messages to the board. A byte that is none of them is skipped."""

    INFO = ord("I")
    """Asks for the board's parameters: ``Reply.INFO``."""
    TEST = ord("S")
    """Runs the self-test, at whose end comes ``Reply.REPORT``."""
    ABORT = ord("X")
    """Ends the self-test, and all that the engine does."""
    COMMAND = ord("C")
    """A command of the engine: ``command_bytes``."""
    A = ord("A")
    """A beat of rows of tiles for memory a: codes, then the scale."""
    B = ord("B")
    """The same for memory b."""
    START = ord("W")
    """A row of FP32 words where a tile of C starts."""


class Reply(enum.IntEnum):
    """Kinds of messages from the board."""

    INFO = ord("i")
    """The board's parameters: ``Info``."""
    REPORT = ord("s")
    """What the self-test found: ``Report``."""
    ROW = ord("r")
    """A row of a tile of results: FP32 words; or codes, scale, and zeros up to the same length."""


class Info(NamedTuple):
    """Parameters of a board.

    Attributes:
        version: of the protocol.
        requantize: whether the engine gives tiles besides FP32 rows.
        tile, pes, depth: of the engine.
        clock: frequency in Hz.
        element: name of the element format, at most 16 characters.
    """

    version: int
    requantize: bool
    tile: int
    pes: int
    depth: int
    clock: int
    element: str

    def pack(self) -> bytes:
        """Bytes after the kind.

        >>> Info.unpack(Info(1, True, 8, 1, 64, 25_000_000, "mxsf").pack()).clock
        25000000
        """
        return _INFO.pack(*self[:-1], self.element.encode())

    @classmethod
    def unpack(cls, data: bytes) -> "Info":
        """Undo ``pack``."""
        version, requantize, tile, pes, depth, clock, name = _INFO.unpack(data)
        element = name.rstrip(b"\0").decode("ascii", "replace")
        return cls(version, requantize, tile, pes, depth, clock, element)


class Report(NamedTuple):
    """What the self-test of a board found.

    Attributes:
        passed: the CRC is the golden one, and there was no error.
        error: fault of the engine: ``mxsf.golden.engine.machine.Fault``.
        crc: CRC-32 of all results.
        cycles: clock cycles of the timed product.
    """

    passed: bool
    error: int
    crc: int
    cycles: int

    def pack(self) -> bytes:
        """Bytes after the kind.

        >>> Report(True, 0, 0xCBF43926, 4096).pack().hex()
        '01002639f4cb00100000'
        """
        return _REPORT.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> "Report":
        """Undo ``pack``."""
        return cls(*_REPORT.unpack(data))


_INFO = struct.Struct("<B?BHHI16s")
_REPORT = struct.Struct("<?BII")


def code_bytes(element: ElementFormat) -> int:
    """Bytes of a code."""
    return -(-element.bits // 8)


def command_bytes(command: Command) -> bytes:
    """Bytes of a command after its kind.

    The opcode; output and ``FLAGS`` from bit 0 up; m, n, k, ``a_base`` and ``b_base``, two bytes
    each.

    >>> command_bytes(Command(3, 1, 2, 4, b_base=5, accumulate=True, output=Output.WORDS)).hex()
    '031001000200040000000500'
    """
    flags = (getattr(command, name) for name in FLAGS)
    packed = int(command.output) | sum(int(flag) << 2 + n for n, flag in enumerate(flags))
    sizes = (command.m, command.n, command.k, command.a_base, command.b_base)
    return struct.pack("<BB5H", command.opcode, packed, *sizes)


def operand_rows(tiles: Tiles, element: ElementFormat, rows: int = 1) -> NDArray[np.uint8]:
    """Return the beats that load tiles: uint8 of shape (beats, bytes), codes then the scale.

    Args:
        tiles: the tiles.
        element: their format.
        rows: rows of a tile in a beat.
    """
    beats = tiles.codes.shape[-1] // rows
    codes = tiles.codes.astype(f"<u{code_bytes(element)}").reshape(len(tiles.scales) * beats, -1)
    scales = tiles.scales.repeat(beats)[:, None]
    return np.concatenate([codes.view(np.uint8), scales], axis=1)


def start_rows(words: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the bytes of FP32 rows: uint8 of shape (rows, 4 * tile) for words (..., tile)."""
    bits = FP32.words(words).astype("<u4").reshape(-1, words.shape[-1])
    return bits.view(np.uint8)


def result_rows(
    output: Output, words: NDArray[np.float32], tiles: Tiles | None, element: ElementFormat
) -> NDArray[np.uint8]:
    """Return what a board sends of the tiles of a product: uint8 of shape (rows, 4 * tile).

    Args:
        output: of the command, not ``Output.BOTH``.
        words: the product, as ``Machine.multiply`` returns it.
        tiles: the same re-quantized, None for ``Output.WORDS``.
        element: the element format.

    >>> from mxsf.golden import MXSF
    >>> tiles = Tiles(np.uint8([[[1, 2], [3, 4]]]), np.uint8([127]))
    >>> result_rows(Output.TRANSPOSED, np.zeros((1, 2, 2), np.float32), tiles, MXSF).tolist()
    [[1, 3, 127, 0, 0, 0, 0, 0], [2, 4, 127, 0, 0, 0, 0, 0]]
    """
    if tiles is None:
        return start_rows(words)
    codes = tiles.codes if output == Output.STRAIGHT else tiles.codes.swapaxes(1, 2)
    packed = operand_rows(Tiles(codes, tiles.scales), element)
    return np.pad(packed, ((0, 0), (0, 4 * words.shape[-1] - packed.shape[1])))


def read_results(data: bytes, tile: int) -> NDArray[Any]:
    """Return the words of FP32 rows: float32 of shape (tiles, tile, tile)."""
    return np.frombuffer(data, "<f4").reshape(-1, tile, tile).astype(np.float32)
