"""A serial line in simulation: what the other end of a UART does, cycle by cycle. 8N1."""

from collections import deque

__all__ = ["LineReader", "LineWriter"]


class LineWriter:
    """Bytes to the level of a line.

    Args:
        divisor: cycles of a bit.

    >>> line = LineWriter(1)
    >>> line.send(b"A")
    >>> [line.step() for _ in range(11)]
    [0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1]
    """

    def __init__(self, divisor: int):
        self._divisor = divisor
        self._bits: deque[int] = deque()
        self._left = 0
        self._level = 1

    def send(self, data: bytes) -> None:
        """Queue bytes."""
        for byte in data:
            self._bits += [0, *(byte >> n & 1 for n in range(8)), 1]

    @property
    def idle(self) -> bool:
        """Whether all bits are out."""
        return not self._bits and self._left == 0

    def step(self) -> int:
        """Return the level in the next cycle."""
        if self._left == 0:
            if not self._bits:
                return 1
            self._level, self._left = self._bits.popleft(), self._divisor
        self._left -= 1
        return self._level


class LineReader:
    """Levels of a line to bytes.

    Args:
        divisor: cycles of a bit.

    >>> line = LineReader(1)
    >>> for level in [1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1]:
    ...     line.step(level)
    >>> line.take()
    b'A'
    """

    def __init__(self, divisor: int):
        self._divisor = divisor
        self._wait = -1  # cycles to the next sample; below 0 while the line is idle
        self._bits: list[int] = []
        self._bytes = bytearray()

    def step(self, level: int) -> None:
        """See the level in the next cycle.

        Raises:
            ValueError: a byte has no stop bit.
        """
        if self._wait < 0:
            if level:
                return
            self._wait = self._divisor // 2
        if self._wait:
            self._wait -= 1
            return
        self._bits.append(level)
        self._wait = self._divisor - 1
        if len(self._bits) == 10:
            if not self._bits[-1]:
                raise ValueError("a byte has no stop bit")
            self._bytes.append(sum(bit << n for n, bit in enumerate(self._bits[1:9])))
            self._bits.clear()
            self._wait = -1

    def take(self) -> bytes:
        """Return what has come since the last call."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
