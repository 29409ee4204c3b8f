"""The host's side of a board: messages over a serial line, products compared with the golden model.

The protocol is that of ``mxsf.golden.engine.protocol`` and docs/boards.md.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...golden.dot.matmul import matmul
from ...golden.engine.machine import Command, Machine, Opcode, Output, Tiles, join, split
from ...golden.engine.protocol import (
    VERSION,
    Info,
    Reply,
    Report,
    Request,
    command_bytes,
    operand_rows,
    read_results,
    start_rows,
)
from ...golden.engine.self_test import SelfTest
from ...golden.formats.catalogue import parse
from ...golden.quantize.encoder import quantize
from ...golden.quantize.tensor import BlockTensor

__all__ = ["Host", "HostError", "Line", "Product", "open_line"]

_TIMEOUT = 10.0  # seconds without a byte after which a board is taken for dead
_FIRST = 2.0  # seconds to wait for the first answer, before a message is taken for unfinished
_QUIET = 0.2  # seconds after which nothing of an earlier conversation is under way any more
_LONGEST = 2 * 32 * 32 + 1  # bytes of the longest message after its kind


class HostError(RuntimeError):
    """The board does not answer, or not as it should."""


class Line(Protocol):
    """What is needed of a serial port: ``serial.Serial`` has it."""

    @property
    def timeout(self) -> float | None:
        """Seconds that ``read`` waits."""
        ...

    @timeout.setter
    def timeout(self, seconds: float | None, /) -> None: ...

    def read(self, size: int = 1) -> bytes:
        """Return up to ``size`` bytes, fewer after ``timeout`` seconds."""
        ...

    def write(self, data: bytes, /) -> Any:
        """Send bytes."""
        ...


def open_line(port: str, baud: int) -> Line:
    """Open a serial port.

    Raises:
        HostError: pyserial is not installed.
        OSError: there is no such port.
    """
    if find_spec("serial") is None:
        raise HostError("pyserial is not installed: pip install 'mxsf[host]'")
    import serial

    return serial.Serial(port, baud, timeout=_TIMEOUT)


class Product(NamedTuple):
    """A product that a board has computed.

    Attributes:
        values: float32 (M, N).
        golden: what the golden model says, the same shape.
    """

    values: NDArray[np.float32]
    golden: NDArray[np.float32]

    @property
    def mismatches(self) -> int:
        """Words that differ in any bit."""
        seen, golden = self.values.view(np.uint32), self.golden.view(np.uint32)
        return int((seen != golden).sum())


class Host:
    """A conversation with a board.

    What was under way on the board is ended first.

    Args:
        line: the serial port.

    Attributes:
        info: what the board says of itself.

    Raises:
        HostError: no answer, or one of another version.
    """

    def __init__(self, line: Line):
        self._line = line
        self.info = self._hello()
        self.element = parse(self.info.element)

    @property
    def test(self) -> SelfTest:
        """The board's self-test."""
        info = self.info
        return SelfTest(
            self.element, info.tile, info.depth, rows=self._rows, requantize=info.requantize
        )

    def golden(self) -> Machine:
        """Return the golden model of the board's engine, as after reset."""
        info = self.info
        return Machine(self.element, tile=info.tile, depth=info.depth, requantize=info.requantize)

    def self_test(self) -> Report:
        """Run the self-test on the board."""
        self._line.write(bytes([Request.TEST]))
        return Report.unpack(self._reply(Reply.REPORT, len(Report(False, 0, 0, 0).pack())))

    def multiply(
        self,
        a: ArrayLike,
        b: ArrayLike,
        step: Callable[[int, int], None] = lambda done, total: None,
    ) -> Product:
        """Quantize two matrices in tiles, multiply them on the board, and in the golden model.

        Args:
            a: floats (M, K).
            b: floats (K, N).
            step: called with the tiles of the product that are done, and all.

        Raises:
            ValueError: the shapes do not agree.
            HostError: the board does not answer.
        """
        size = self.info.tile
        x, y = (np.asarray(matrix) for matrix in (a, b))
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0]:
            raise ValueError(f"matrices must be (M, K) and (K, N), not {x.shape} and {y.shape}")
        left, right = (quantize(matrix, self.element, (size, size)) for matrix in (x, y))
        tiles = [_tiles(tensor) for tensor in (left, right)]
        (m, k), n = left.scales.shape, right.scales.shape[1]
        product = np.zeros((m, n, size, size), np.float32)
        for row, column in np.ndindex(m, n):
            step(row * n + column, m * n)
            across = Tiles(tiles[0].codes[row], tiles[0].scales[row])
            down = Tiles(tiles[1].codes[:, column], tiles[1].scales[:, column])
            product[row, column] = self._tile(
                across, down, keep=column > 0 and k <= self.info.depth
            )
        values = join(product.reshape(m * n, size, size), m, n)[: x.shape[0], : y.shape[1]]
        return Product(np.ascontiguousarray(values), matmul(left, right))

    @property
    def _rows(self) -> int:
        """Rows of a tile in a beat of operands."""
        return max(1, self.info.pes // self.info.tile)

    def _tile(self, a: Tiles, b: Tiles, keep: bool) -> NDArray[np.float32]:
        """One tile of a product: as much of K at a time as the memories hold.

        With ``keep`` memory a has the tiles of A already.

        All words where a tile of C starts are taken before its first row comes back, so that
        neither side ever waits for the other.
        """
        size, words = self.info.tile, None
        loads = [(Opcode.LOAD_B, Request.B, b)]
        if not keep:
            loads.append((Opcode.LOAD_A, Request.A, a))
        for low in range(0, len(a.scales), self.info.depth):
            part = slice(low, low + self.info.depth)
            count = len(a.scales[part])
            for opcode, kind, side in loads:
                self._command(Command(opcode, 1, 1, count))
                tiles = Tiles(side.codes[part], side.scales[part])
                self._send(kind, operand_rows(tiles, self.element, self._rows))
            accumulate = words is not None
            self._command(
                Command(Opcode.MULTIPLY, 1, 1, count, accumulate=accumulate, output=Output.WORDS)
            )
            if words is not None:
                self._send(Request.START, start_rows(words))
            rows = (self._reply(Reply.ROW, 4 * size) for _ in range(size))
            words = read_results(b"".join(rows), size)[0]
        assert words is not None
        return words

    def _hello(self) -> Info:
        """Find out who is there; a board may be in the middle of a message."""
        for filler in (b"", bytes(_LONGEST)):
            self._line.write(filler + bytes([Request.ABORT]))
            self._line.timeout = _QUIET
            while self._line.read(4096):
                pass
            self._line.write(bytes([Request.INFO]))
            self._line.timeout = _TIMEOUT if filler else _FIRST
            data = self._line.read(1 + len(Info(0, False, 0, 0, 0, 0, "").pack()))
            self._line.timeout = _TIMEOUT
            if data[:1] == bytes([Reply.INFO]):
                info = Info.unpack(data[1:])
                if info.version != VERSION:
                    raise HostError(f"the board speaks version {info.version}, not {VERSION}")
                return info
        raise HostError("the board does not answer: is this its port, and its rate?")

    def _command(self, command: Command) -> None:
        self._line.write(bytes([Request.COMMAND]) + command_bytes(command))

    def _send(self, kind: Request, rows: NDArray[np.uint8]) -> None:
        kinds = np.full((len(rows), 1), kind, np.uint8)
        self._line.write(np.concatenate([kinds, rows], axis=1).tobytes())

    def _reply(self, kind: Reply, size: int) -> bytes:
        data = self._line.read(1 + size)
        if len(data) != 1 + size:
            raise HostError(f"the board sent {len(data)} of {1 + size} bytes of a reply")
        if data[0] != kind:
            raise HostError(f"the board sent a reply of kind {data[0]}, not {kind.value}")
        return data[1:]


def _tiles(tensor: BlockTensor) -> Tiles:
    """Tiles by row and column of tiles, filled up with zeros: codes (m, n, tile, tile)."""
    size, counts = tensor.block[0], tensor.scales.shape
    padding = [(0, -axis % size) for axis in tensor.shape]
    codes = split(np.pad(tensor.codes, padding), size)
    return Tiles(codes.reshape(*counts, size, size), tensor.scales)
