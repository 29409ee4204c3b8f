"""Scripts for the matrix engine: commands, what their streams carry, and the golden answer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.engine.machine import Command, Fault, Machine, Opcode, Output, Tiles, split
from ...golden.formats.block import Rounding
from ...golden.formats.scale import E8M0
from ...golden.formats.word import FP32
from ...golden.quantize.requantizer import requantize
from ...hdl.engine.core import COUNTERS
from ...hdl.engine.matmul import Matmul, machine
from .payload import pack, to_int
from .words import random_words

__all__ = [
    "INPUTS",
    "OUTPUTS",
    "RandomScripts",
    "Script",
    "Writer",
    "random_start",
    "random_tiles",
    "tensor_script",
    "widest",
]

INPUTS: tuple[str, ...] = ("command", "a", "b", "c")
OUTPUTS: tuple[str, ...] = ("o", "t")


@dataclass
class Script:
    """A sequence of commands with all that their streams carry.

    Attributes:
        commands: the commands.
        beats: for each input stream its payloads, as integers.
        answers: for each output stream the golden payloads.
        fault: the first fault among the commands.
        counts: what each counter must have grown by at the end, where that is known.
        abort: cycle in which to abort, None for never.
        moved: filled in by the bench: the beats that each stream transferred.
        aborted: filled in by the bench: whether it was cut off.
    """

    commands: list[Command] = field(default_factory=list)
    beats: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in INPUTS})
    answers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in OUTPUTS})
    fault: Fault = Fault.NONE
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS[1:6], 0))
    abort: int | None = None
    moved: dict[str, int] = field(default_factory=dict)
    aborted: bool = False


def widest(component: Matmul) -> Output:
    """Return the output that gives most: both kinds of tiles, or rows where there is no other."""
    return Output.BOTH if component.requantize else Output.WORDS


class Writer:
    """Runs commands on a golden machine and writes the script of what the design must do.

    Args:
        component: the design.
        golden: its golden machine, as it is when the script begins.
    """

    def __init__(self, component: Matmul, golden: Machine):
        self.component, self.golden, self.script = component, golden, Script()

    def write(
        self, command: Command, tiles: Tiles | None = None, c: NDArray[Any] | None = None
    ) -> NDArray[np.float32] | None:
        """Add a command.

        Args:
            command: the command; a bad one takes and gives nothing.
            tiles: the tiles of a load.
            c: with ``accumulate``, where a product starts: float32 (tiles, n, n).

        Returns:
            The words of a product, float32 (tiles, n, n).
        """
        script = self.script
        script.commands.append(command)
        layout = self.component.command.payload.shape()
        values = {name: [int(getattr(command, name))] for name, _ in layout}
        script.beats["command"] += _integers(layout, values)
        fault = self.golden.fault(command)
        if fault:
            script.fault = script.fault or fault
            return None
        if command.opcode != Opcode.MULTIPLY:
            assert tiles is not None
            side = "a" if command.opcode == Opcode.LOAD_A else "b"
            self.golden.load(command, tiles)
            self._rows(script.beats, side, tiles, self.component.rows)
            script.counts[f"{side}_tiles"] += command.tiles
            return None
        words, quantized = self.golden.multiply(command, c)
        if command.accumulate:
            rows = FP32.words(np.asarray(c, np.float32)).reshape(-1, self.component.tile)
            script.beats["c"] += _integers(self.component.c.payload.shape(), {"words": rows})
        script.counts["steps"] += command.tiles * command.k * self.component.steps
        self._results(command.output, words, quantized)
        return words

    def _results(self, output: Output, words: NDArray[np.float32], quantized: Tiles | None) -> None:
        streams = []
        if quantized is None:
            zeros = np.zeros(words.shape, int), np.zeros(len(words), int)
            streams.append(("o", Tiles(*zeros), FP32.words(words)))
        else:
            turned = Tiles(quantized.codes.swapaxes(1, 2), quantized.scales)
            if output in (Output.STRAIGHT, Output.BOTH):
                streams.append(("o", quantized, np.zeros(words.shape, int)))
            if output in (Output.TRANSPOSED, Output.BOTH):
                streams.append(("t", turned, None))
        for name, tiles, rows in streams:
            self._rows(self.script.answers, name, tiles, 1, rows)
            self.script.counts[f"{name}_tiles"] += len(words)

    def _rows(
        self, beats: dict[str, list[int]], name: str, tiles: Tiles, rows: int, words: Any = None
    ) -> None:
        """Add the beats of tiles to a stream, ``rows`` rows each."""
        size = self.component.tile
        per_tile = size // rows
        number = np.arange(len(tiles.scales) * per_tile) % per_tile
        fields = {
            "codes": tiles.codes.reshape(-1, size * rows),
            "scale": tiles.scales.repeat(per_tile),
            "first": number == 0,
            "last": number == per_tile - 1,
        }
        if words is not None:
            fields["words"] = words.reshape(-1, size)
        layout = getattr(self.component, name).payload.shape()
        beats[name] += _integers(layout, fields)


def _integers(layout: Any, fields: dict[str, Any]) -> list[int]:
    return [to_int(row) for row in pack(layout, fields)]


def random_tiles(random: np.random.Generator, component: Matmul, count: int) -> Tiles:
    """Tiles of any codes, with scales around 1; one in thirty is NaN."""
    size, bits = component.tile, component.element.bits
    codes = random.integers(0, 1 << bits, (count, size, size))
    scales = E8M0.bias + random.integers(-8, 7, count)
    scales[random.random(count) < 1 / 30] = E8M0.nan_code
    return Tiles(codes.astype(component.element.code_dtype), scales.astype(E8M0.code_dtype))


def random_start(random: np.random.Generator, count: int, size: int) -> NDArray[np.float32]:
    """Words of every kind for C to start from: float32 (count, size, size)."""
    tame = random.standard_normal((count, size, size)).astype(np.float32)
    wild = FP32.values(random_words(random, count, size * size, FP32)).reshape(tame.shape)
    return np.where(random.random((count, 1, 1)) < 0.3, wild, tame)


def tensor_script(component: Matmul, values: NDArray[Any]) -> Script:
    """Multiply a float tensor X by itself: X Xt as FP32 rows, Xt X re-quantized, straight and not.

    X is cut to as many tiles as a memory holds.
    """
    size, depth = component.tile, component.depth
    x = np.atleast_2d(values)
    x = x.reshape(-1, x.shape[-1])
    columns = min(-(-x.shape[1] // size), depth)
    rows = min(-(-x.shape[0] // size), depth // columns)
    x = x[: rows * size, : columns * size]
    x = np.pad(x, ((0, rows * size - x.shape[0]), (0, columns * size - x.shape[1])))
    tiles = Tiles(*requantize(split(x, size), component.element, component.rule))
    writer = Writer(component, machine(component))
    writer.write(Command(Opcode.LOAD_A, rows, 1, columns), tiles)
    writer.write(Command(Opcode.LOAD_B, 1, columns, rows), tiles)
    forward = Command(Opcode.MULTIPLY, rows, rows, columns, b_transposed=True, output=Output.WORDS)
    writer.write(forward)
    turned = Command(
        Opcode.MULTIPLY, columns, columns, rows, a_transposed=True, output=widest(component)
    )
    writer.write(turned)
    return writer.script


def repeated_script(component: Matmul, sizes: tuple[int, int, int], times: int) -> Script:
    """The same size of product again and again, operands loaded two products ahead.

    Args:
        component: the design; each of its memories holds the operands of three products.
        sizes: m, n, k.
        times: products.
    """
    m, n, k = sizes
    part = component.depth // 3
    if max(m, n) * k > part:
        raise ValueError(f"operands of {m} x {n} x {k} tiles must fit a third of the memory")
    random = np.random.default_rng(times)
    writer = Writer(component, machine(component))
    for number in range(times + 1):
        if number < times:
            base = part * (number % 3)
            for opcode, tiles in ((Opcode.LOAD_A, m * k), (Opcode.LOAD_B, k * n)):
                load = Command(opcode, m, n, k, base, base)
                writer.write(load, random_tiles(random, component, tiles))
        if number:
            base = part * ((number - 1) % 3)
            output = Output.STRAIGHT if component.requantize else Output.WORDS
            writer.write(Command(Opcode.MULTIPLY, m, n, k, base, base, output=output))
    return writer.script


class RandomScripts:
    """Scripts of random commands, straight after each other, some of them cut off by an abort.

    Sizes, bases, directions and outputs are random; products read what earlier loads have left,
    also those of an earlier script that was cut off; some commands are bad.

    Args:
        component: the design.
        random: source of everything.
        scripts: how many.
        commands: in each.
        aborts: share of scripts with an abort.
        largest: largest size in tiles.
    """

    def __init__(
        self,
        component: Matmul,
        random: np.random.Generator,
        scripts: int,
        commands: int = 12,
        *,
        aborts: float = 0.0,
        largest: int = 4,
    ):
        self.component, self.random = component, random
        self.scripts, self.commands, self.aborts = scripts, commands, aborts
        self.largest = min(largest, component.depth)
        self.golden = machine(component)

    def __iter__(self) -> Iterator[Script]:
        for _ in range(self.scripts):
            before = {
                side: Tiles(tiles.codes.copy(), tiles.scales.copy())
                for side, tiles in self.golden.memories.items()
            }
            writer, loads = Writer(self.component, self.golden), []
            for _ in range(self.commands):
                command = self._command()
                tiles = random_tiles(self.random, self.component, command.tiles)
                start = random_start(self.random, command.tiles, self.component.tile)
                fault = self.golden.fault(command)
                if command.opcode != Opcode.MULTIPLY and not fault:
                    loads.append((command, tiles))
                writer.write(command, tiles, start)
            script = writer.script
            if self.random.random() < self.aborts:
                beats = sum(map(len, (*script.beats.values(), *script.answers.values())))
                script.abort = int(self.random.integers(0, beats + script.counts["steps"]))
            yield script
            if script.aborted:
                self.golden.memories.update(before)
                self.golden.reset()
                self._replay(script, loads)

    def _replay(self, script: Script, loads: list[tuple[Command, Tiles]]) -> None:
        """Write to the golden memories what arrived before an abort, row by row."""
        rows = self.component.rows
        left = {side: script.moved[side] * rows for side in "ab"}
        for command, tiles in loads:
            side, base = ("a", command.a_base)
            if command.opcode == Opcode.LOAD_B:
                side, base = ("b", command.b_base)
            memory = self.golden.memories[side]
            for number in range(command.tiles):
                there = min(left[side], self.component.tile)
                left[side] -= there
                if there:
                    memory.codes[base + number, :there] = tiles.codes[number, :there]
                    memory.scales[base + number] = tiles.scales[number]

    def _command(self) -> Command:
        random, depth = self.random, self.component.depth
        kind = random.random()
        if kind < 0.04:
            return Command(int(random.choice([0, *range(4, 16)])), 1, 1, 1)
        opcode = Opcode.MULTIPLY if kind < 0.6 else random.choice([Opcode.LOAD_A, Opcode.LOAD_B])
        m, n, k = (int(size) for size in random.integers(1, self.largest + 1, 3))
        while max(m, n) * k > depth:
            m, n, k = max(1, m - 1), max(1, n - 1), max(1, k - 1)
        a_base, b_base = (int(random.integers(0, depth - t + 1)) for t in (m * k, k * n))
        if kind > 0.96:  # one field is bad
            sizes = [m, n, k, a_base, b_base]
            place = int(random.integers(0, 5))
            sizes[place] = int(random.choice([0, depth + 1, 0xFFFF])) if place < 3 else depth
            m, n, k, a_base, b_base = sizes
        flags = {
            name: bool(random.random() < 0.5)
            for name in ("a_transposed", "b_transposed", "accumulate")
        }
        output = Output(int(random.integers(0, 4)))
        if not self.component.requantize and random.random() < 0.9:
            output = Output.WORDS  # the only one that is no fault
        asks = 0.5 if self.component.rounding is Rounding.STOCHASTIC else 0.03
        return Command(
            *(int(opcode), m, n, k, a_base, b_base),
            **flags,
            output=output,
            stochastic=bool(random.random() < asks),
        )
