"""Self-test of a matrix engine: what a board does by itself, and the CRC of what must come out.

The test is what a host might send (``mxsf.golden.engine.protocol``): commands, and operands of
random bytes. Source: docs/boards.md.
"""

import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.element import ElementFormat
from ..formats.scale import E8M0
from ..quantize.lfsr import Lfsr
from .machine import Command, Machine, Opcode, Output, Tiles
from .protocol import Request, code_bytes, command_bytes, result_rows

__all__ = ["SCALE", "START", "TIMED", "Fixed", "SelfTest", "Step"]


class Fixed(NamedTuple):
    """Bits of a random byte that are not random: ``byte & random | ones``."""

    random: int
    ones: int


SCALE = Fixed(0x0F, E8M0.bias - 0x0F)
"""Scale bytes: 2**-15 to 2**0, so that products of tiles meet at all distances and few overflow."""

START = Fixed(0x83, 0x3C)
"""Highest byte of an FP32 word where C starts: either sign, 2**-7 to 2**0."""

TIMED = 2
"""Number of the step whose cycles are counted: the first product."""


class Step(NamedTuple):
    """A command of the self-test and the rows that follow it.

    Attributes:
        command: the command.
        kind: of the messages that follow.
        beats: how many of them.
        size: random bytes of each.
    """

    command: Command
    kind: Request
    beats: int
    size: int


@dataclass(frozen=True)
class SelfTest:
    """The self-test of an engine, sized for its memories.

    Both memories are filled, and multiplied straight; transposed, with accumulation; and where
    the engine has a re-quantizer also to tiles, straight and transposed. The next step begins when
    the engine is idle.

    Args:
        element: format of the tiles.
        tile, depth: of the engine.
        rows: rows of a tile in a beat of operands.
        requantize: whether the engine gives tiles.

    >>> from mxsf.golden import MXSF
    >>> test = SelfTest(MXSF, tile=4, depth=16)
    >>> test.macs, [step.beats for step in test.steps]
    (2048, [64, 64, 0, 16, 0, 0])
    >>> hex(test.crc(Machine(tile=4, depth=16)))
    '0xd4276382'
    """

    element: ElementFormat
    tile: int
    depth: int
    rows: int = 1
    requantize: bool = True

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is done, in order."""
        m = 2 if self.depth >= 4 else 1
        sizes = m, m, self.depth // m
        load = self.rows * self.tile * code_bytes(self.element) + 1
        beats = m * sizes[2] * self.tile // self.rows
        products = [
            Command(Opcode.MULTIPLY, *sizes, output=Output.WORDS),
            Command(
                *(Opcode.MULTIPLY, *sizes, 0, 0, True, True),
                accumulate=True,
                output=Output.WORDS,
            ),
        ]
        if self.requantize:
            products += [
                Command(Opcode.MULTIPLY, *sizes, a_transposed=True, output=Output.STRAIGHT),
                Command(Opcode.MULTIPLY, *sizes, b_transposed=True, output=Output.TRANSPOSED),
            ]
        starts = m * m * self.tile
        return (
            Step(Command(Opcode.LOAD_A, *sizes), Request.A, beats, load),
            Step(Command(Opcode.LOAD_B, *sizes), Request.B, beats, load),
            *(
                Step(product, Request.START, starts * product.accumulate, 4 * self.tile)
                for product in products
            ),
        )

    @property
    def macs(self) -> int:
        """Multiplications of elements in the timed product."""
        command = self.steps[TIMED].command
        return command.tiles * command.k * self.tile**3

    def requests(self) -> list[bytes]:
        """Return the messages of each step, as a host would send them."""
        return [
            bytes([Request.COMMAND]) + command_bytes(step.command) + self._rows(step, data)
            for step, data in zip(self.steps, self._random(), strict=True)
        ]

    def crc(self, machine: Machine) -> int:
        """Run the test on a golden engine, fresh from reset: CRC-32 of the rows of all results."""
        crc = 0
        for step, data in zip(self.steps, self._random(), strict=True):
            command = step.command
            if command.opcode != Opcode.MULTIPLY:
                machine.load(command, self._tiles(data))
                continue
            start = data.view("<f4").reshape(-1, self.tile, self.tile) if step.beats else None
            words, tiles = machine.multiply(command, start)
            rows = result_rows(command.output, words, tiles, self.element)
            crc = zlib.crc32(rows.tobytes(), crc)
        return crc

    def _random(self) -> list[NDArray[np.uint8]]:
        """Random bytes of each step: uint8 of shape (beats, size)."""
        lfsr, parts = Lfsr(1), []
        for step in self.steps:
            data = lfsr.draw(step.beats * step.size).astype(np.uint8)  # the low byte of a number
            data = data.reshape(step.beats, step.size)
            if step.kind == Request.START:
                data[:, 3::4] = data[:, 3::4] & START.random | START.ones
            else:
                data[:, -1] = data[:, -1] & SCALE.random | SCALE.ones
            parts.append(data)
        return parts

    def _rows(self, step: Step, data: NDArray[np.uint8]) -> bytes:
        kinds = np.full((step.beats, 1), step.kind, np.uint8)
        return np.concatenate([kinds, data], axis=1).tobytes()

    def _tiles(self, data: NDArray[np.uint8]) -> Tiles:
        """Tiles that a load of rows makes: the scale is that of a tile's last beat."""
        codes: NDArray[Any] = np.ascontiguousarray(data[:, :-1])
        codes = codes.view(f"<u{code_bytes(self.element)}") & ((1 << self.element.bits) - 1)
        codes = codes.astype(self.element.code_dtype)
        beats = self.tile // self.rows
        return Tiles(codes.reshape(-1, self.tile, self.tile), data[beats - 1 :: beats, -1])
