"""The random integers of stochastic rounding: one linear feedback shift register a lane.

The bits of every lane obey ``s[t + 31] = s[t + 3] ^ s[t]`` (the primitive polynomial
``x^31 + x^3 + 1``, period ``2^31 - 1``). A number takes 16 fresh bits, the first of them lowest.
Lane k runs the same sequence ``2^26 * k`` steps ahead of lane 0, so that up to 32 lanes share no
bit within 2^22 numbers. Source: docs/numerics.md section 3 (polynomial and seed are ours).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEGREE", "LANES", "NUMBER_BITS", "TAP", "Lfsr", "seed"]

DEGREE = 31
"""Bits of the register."""

TAP = 3
"""The other bit that makes a new one: ``s[t + DEGREE] = s[t + TAP] ^ s[t]``."""

NUMBER_BITS = 16
"""Steps of the register, and bits of a number, a word (R of docs/numerics.md section 3)."""

LANES = 32
"""Most lanes, so that their parts of the period do not overlap."""

_FIRST = 0x1E3779B9  # seed of lane 0: the low bits of 2**32 divided by the golden ratio
_APART = 26  # lanes are 2**26 steps apart


def seed(lane: int) -> int:
    """Return the register's first content in a lane: 31 bits, the next bit of the sequence lowest.

    Raises:
        ValueError: no such lane.

    >>> hex(seed(0)), hex(seed(1))
    ('0x1e3779b9', '0x72320b1e')
    """
    if not 0 <= lane < LANES:
        raise ValueError(f"lane must be 0 to {LANES - 1}, not {lane!r}")
    state = _FIRST
    for _ in range(lane):
        state = _apply(_jump(), state)
    return state


def _apply(columns: tuple[int, ...], state: int) -> int:
    """Multiply a bit matrix, given by its columns, by a vector."""
    product = 0
    for place, column in enumerate(columns):
        if state >> place & 1:
            product ^= column
    return product


@cache
def _jump() -> tuple[int, ...]:
    """The matrix of ``2**_APART`` steps: that of one step, squared so often."""
    step = tuple(_step(1 << place) for place in range(DEGREE))
    for _ in range(_APART):
        step = tuple(_apply(step, column) for column in step)
    return step


def _step(state: int) -> int:
    return state >> 1 | ((state ^ state >> TAP) & 1) << (DEGREE - 1)


class Lfsr:
    """The numbers of some lanes, in the order in which hardware draws them.

    Args:
        lanes: number of lanes, 1 to 32.

    Raises:
        ValueError: lanes is out of range.

    >>> lfsr = Lfsr(2)
    >>> lfsr.draw(2).tolist()
    [[31161, 2846], [7735, 62002]]
    """

    def __init__(self, lanes: int):
        if not 1 <= lanes <= LANES:
            raise ValueError(f"lanes must be 1 to {LANES}, not {lanes!r}")
        self.lanes = lanes
        states = [seed(lane) for lane in range(lanes)]
        rows = []
        for _ in range(DEGREE):
            rows.append([state & 0xFFFF for state in states])
            for _ in range(NUMBER_BITS):
                states = [_step(state) for state in states]
        # The next DEGREE numbers. Since s[16 (t + 31)] = s[16 (t + 3)] ^ s[16 t], and so for every
        # bit of a number, the numbers obey the recurrence of the bits.
        self._ahead = np.array(rows, np.uint16)

    def draw(self, rows: int) -> NDArray[np.uint16]:
        """Return the next numbers: uint16 of shape (rows, lanes), one row a transfer."""
        total = rows + DEGREE
        numbers = np.empty((total, self.lanes), np.uint16)
        known = DEGREE
        numbers[:known] = self._ahead
        power = 1
        while known < total:
            # Squared k times the recurrence is x[t + 31 p] = x[t + 3 p] ^ x[t], with p = 2**k.
            while DEGREE * power * 2 <= known:
                power *= 2
            start, far, near = known, DEGREE * power, (DEGREE - TAP) * power
            stop = min(total, start + near)
            numbers[start:stop] = (
                numbers[start - near : stop - near] ^ numbers[start - far : stop - far]
            )
            known = stop
        self._ahead = numbers[rows:].copy()
        return numbers[:rows]
