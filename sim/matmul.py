"""Bench of the matrix engine: commands and tiles in, golden tiles out, all streams stalled."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ..golden.machine import Command, Fault, Machine, Opcode, Output, Tiles
from ..golden.words import FP32
from ..hdl.core import COUNTERS
from ..hdl.matmul import Matmul
from .bench import NO_STALLS, Progress, Result, Stalls
from .engine import Engine, Pins
from .payload import pack, to_int

__all__ = ["INPUTS", "OUTPUTS", "Script", "Writer", "machine", "run_scripts"]

INPUTS = ("command", "a", "b", "c")
OUTPUTS = ("o", "t")

_IDLE = 40  # cycles after the last beat in which nothing more may come out


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
    """

    commands: list[Command] = field(default_factory=list)
    beats: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in INPUTS})
    answers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in OUTPUTS})
    fault: Fault = Fault.NONE
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS[1:6], 0))
    abort: int | None = None


def machine(component: Matmul) -> Machine:
    """Build the golden machine of a design."""
    return Machine(
        component.element,
        tile=component.tile,
        depth=component.depth,
        rule=component.rule,
        rounding=component.rounding,
        overflow=component.overflow,
    )


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
        words, found = self.golden.multiply(command, c)
        if command.accumulate:
            rows = FP32.words(np.asarray(c, np.float32)).reshape(-1, self.component.tile)
            script.beats["c"] += _integers(self.component.c.payload.shape(), {"words": rows})
        script.counts["steps"] += command.tiles * command.k * self.component.steps
        self._results(command.output, words, found)
        return words

    def _results(self, output: Output, words: NDArray[np.float32], found: Tiles | None) -> None:
        streams = []
        if found is None:
            zeros = np.zeros(words.shape, int), np.zeros(len(words), int)
            streams.append(("o", Tiles(*zeros), FP32.words(words)))
        else:
            turned = Tiles(found.codes.swapaxes(1, 2), found.scales)
            if output in (Output.STRAIGHT, Output.BOTH):
                streams.append(("o", found, np.zeros(words.shape, int)))
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


def run_scripts(
    engine: Engine,
    component: Matmul,
    scripts: Iterable[Script],
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
    *,
    after: Callable[[Script, dict[str, int]], None] | None = None,
) -> Result:
    """Run scripts one after the other on a design, from reset, every beat and rule compared.

    On every cycle: valid of an output does not fall and its payload does not change before the
    transfer; what leaves is the golden answer, in order, and nothing more. At the end of a script:
    ``busy`` is low, ``error`` and the counters are right. A script with ``abort`` is cut off there.

    Args:
        engine: the engine, built on the design.
        component: the design.
        scripts: taken one by one, when the one before is done.
        stalls: how to stall each stream.
        progress: called with the number of beats received, now and then.
        after: called after each script with the beats that each stream transferred.
    """
    result = Result(engine.name)
    bench = _Bench(component, stalls, result, progress)

    async def testbench(pins: Pins) -> None:
        bench.idle(pins)
        for script in scripts:
            moved = await bench.run(pins, script)
            if after:
                after(script, moved)
            if result.count:
                return

    engine.run(testbench)
    return result


class _Bench:
    """Drives the streams of one design."""

    def __init__(
        self, component: Matmul, stalls: Stalls, result: Result, progress: Progress | None
    ):
        self.stalls, self.result, self.progress = stalls, result, progress
        self.random = Random(stalls.seed)
        self.widths = {
            name: Shape.cast(getattr(component, name).payload.shape()).width for name in INPUTS
        }

    def idle(self, pins: Pins) -> None:
        """Drive what only an abort changes."""
        pins.set("abort", 0)

    async def run(self, pins: Pins, script: Script) -> dict[str, int]:
        """Run a script; returns the beats that each stream transferred."""
        result, random, stalls = self.result, self.random, self.stalls
        moved = dict.fromkeys((*INPUTS, *OUTPUTS), 0)
        offering = dict.fromkeys(INPUTS, False)
        held: dict[str, int] = {}
        before = _counters(pins)
        total = sum(map(len, (*script.beats.values(), *script.answers.values())))
        work = total + 8 * script.counts["steps"]
        limit = 500 + 30 * int(work / min(stalls.valid, stalls.ready))
        cycle, quiet = 0, 0
        while quiet < _IDLE:
            aborting = cycle == script.abort
            if aborting:
                pins.set("abort", 1)
            for name in INPUTS:
                left = moved[name] < len(script.beats[name])
                if not offering[name] and left:
                    offering[name] = random.random() < stalls.valid
                # An idle input carries noise, so that nobody reads it unseen.
                noise = random.getrandbits(self.widths[name])
                payload = script.beats[name][moved[name]] if offering[name] else noise
                pins.set(f"{name}__payload", payload)
                pins.set(f"{name}__valid", int(offering[name]))
            readies = {name: random.random() < stalls.ready for name in OUTPUTS}
            for name, ready in readies.items():
                pins.set(f"{name}__ready", int(ready))
            taken = [name for name in INPUTS if pins.get(f"{name}__ready")]
            for name in OUTPUTS:
                valid = bool(pins.get(f"{name}__valid"))
                if aborting:
                    self._expect(f"{name}.valid in abort", valid, False)
                    continue
                if name in held:
                    self._expect(f"{name}.valid before the transfer", valid, True)
                if not valid:
                    continue
                seen = pins.get(f"{name}__payload")
                if name in held:
                    self._expect(f"{name}.payload before the transfer", seen, held[name])
                answers, number = script.answers[name], moved[name]
                if number >= len(answers):
                    result.note(f"{name} has a beat more than {len(answers)}")
                    return moved
                self._expect(f"{name}.payload of beat {number}", seen, answers[number])
                held[name] = seen
                if readies[name]:
                    held.pop(name)
                    moved[name] += 1
                    result.beats += 1
                    if self.progress and result.beats % 64 == 0:
                        self.progress(result.beats)
            if aborting:
                self._expect("ready in abort", taken, [])
            for name in taken:
                if offering[name]:
                    offering[name] = False
                    moved[name] += 1
            await pins.tick()
            cycle += 1
            result.cycles += 1
            if aborting:
                pins.set("abort", 0)
                self._expect("busy after abort", pins.get("busy"), 0)
                self._expect("error after abort", pins.get("error"), 0)
                return moved
            quiet = quiet + 1 if sum(moved.values()) == total else 0
            if cycle > limit:
                result.note(f"stuck: {moved}")
                return moved
            if result.count:
                return moved
        self._expect("busy", pins.get("busy"), 0)
        self._expect("error", pins.get("error"), script.fault)
        grown = {n: (now - before[n]) % 2**32 for n, now in _counters(pins).items()}
        for name, count in script.counts.items():
            self._expect(f"counter {name}", grown[name], count)
        result.blocks += script.counts["o_tiles"] + script.counts["t_tiles"]
        return moved

    def _expect(self, what: str, seen: Any, golden: Any) -> None:
        if seen != golden:
            shown = [f"{x:#x}" if isinstance(x, int) else str(x) for x in (seen, golden)]
            self.result.note(f"{what} is {shown[0]}, must be {shown[1]}")


def _counters(pins: Pins) -> dict[str, int]:
    return {name: pins.get(f"counters__{name}") for name in COUNTERS}
