"""The stream bench: drives ``i`` and ``o`` with random stalls and compares the whole interface.

On every clock edge ready, valid and, where valid, the payload are compared with what the cycle
model and the golden model predict. That includes the stream rules, which the model obeys.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Pins
from .outputs import Model, Straight
from .payload import to_int
from .pipeline import Pipeline, Token

__all__ = ["NO_STALLS", "Progress", "Result", "Stalls", "Stimulus", "compare_table", "run_stream"]

Progress = Callable[[int], None]

_MOST = 20  # mismatches kept; more say nothing new


@dataclass(frozen=True)
class Stimulus:
    """Beats in and the beats that must come out.

    Attributes:
        inputs: payloads, uint8 of shape (n, bytes).
        outputs: golden payloads, uint8 of shape (beats out, bytes).
        last: whether a beat ends a block, bool of shape (n,).
        blocks: number of blocks.
        model: makes the cycle model, fresh from reset.
        widths: bits of an input and of an output payload.
        tokens: what the cycle model sees of the beats in; default: each becomes a beat out.
    """

    inputs: NDArray[np.uint8]
    outputs: NDArray[np.uint8]
    last: NDArray[np.bool_]
    blocks: int
    model: Callable[[], Pipeline | Model]
    widths: tuple[int, int]
    tokens: Sequence[Token] | None = None

    def token(self, number: int) -> Token:
        """Return what the cycle model sees of a beat."""
        if self.tokens is not None:
            return self.tokens[number]
        return Token(number, bool(self.last[number]))


@dataclass(frozen=True)
class Stalls:
    """How a bench stalls: probabilities that input is offered and output taken in a cycle."""

    valid: float = 1.0
    ready: float = 1.0
    seed: int = 0


NO_STALLS = Stalls()


@dataclass
class Result:
    """What a bench saw.

    Attributes:
        engine: name of the engine.
        cycles: clock cycles.
        beats: beats received and compared.
        blocks: blocks compared.
        mismatches: one line each, the first twenty.
        count: number of all mismatches.
        latency: cycles from the transfer of the first block's last beat to valid of its first
            beat out; None where there was a stall between.
    """

    engine: str
    cycles: int = 0
    beats: int = 0
    blocks: int = 0
    mismatches: list[str] = field(default_factory=list)
    count: int = 0
    latency: int | None = None

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it was right."""
        return not self.count and self.beats > 0

    def note(self, text: str) -> None:
        """Record a mismatch."""
        self.count += 1
        if self.count <= _MOST:
            self.mismatches.append(f"cycle {self.cycles}: {text}")

    def compare(self, what: str, seen: object, golden: object) -> None:
        """Record a mismatch where something is not what it must be."""
        if seen != golden:
            shown = [f"{x:#x}" if isinstance(x, int) else str(x) for x in (seen, golden)]
            self.note(f"{what} is {shown[0]}, must be {shown[1]}")


def run_stream(
    engine: Engine,
    stimulus: Stimulus | Mapping[str, Stimulus],
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run a stimulus through a stream design, every cycle compared.

    Args:
        engine: the engine, built on the design.
        stimulus: beats into ``i`` and out of ``o``; or for each output its own, where they share
            the beats in and the model. The first one counts blocks.
        stalls: how to stall; each output by itself.
        progress: called with the number of beats received, now and then.
    """
    cases = {"o": stimulus} if isinstance(stimulus, Stimulus) else stimulus
    given = next(iter(cases.values()))
    found = given.model()
    model: Model = Straight(found) if isinstance(found, Pipeline) else found
    result = Result(engine.name)
    random = np.random.default_rng(stalls.seed)
    offered, total = len(given.inputs), sum(len(case.outputs) for case in cases.values())
    limit = 100 + 40 * int(max(offered, total) / min(stalls.valid, stalls.ready))

    def compare_output(pins: Pins, name: str, expected: Token | None) -> None:
        valid = pins.get(f"{name}__valid")
        result.compare(f"{name}.valid", valid, int(expected is not None))
        if expected is not None:
            golden = to_int(cases[name].outputs[expected.number])
            where = f"{name}.payload of beat {expected.number}"
            result.compare(where, pins.get(f"{name}__payload"), golden)

    async def testbench(pins: Pins) -> None:
        sent = 0
        offering = False
        filled = started = None
        while result.beats < total and result.cycles < limit:
            if not offering and sent < offered:
                offering = random.random() < stalls.valid
            # An idle input carries noise, so that nobody reads it unseen.
            noise = int.from_bytes(random.bytes(len(given.inputs[0])), "little")
            payload = to_int(given.inputs[sent]) if offering else noise
            readies = {name: bool(random.random() < stalls.ready) for name in cases}
            pins.set("i__payload", payload & ((1 << given.widths[0]) - 1))
            pins.set("i__valid", int(offering))
            for name, ready in readies.items():
                pins.set(f"{name}__ready", int(ready))

            token = given.token(sent) if offering else None
            taken = model.ready(token, readies)
            result.compare("i.ready", pins.get("i__ready"), int(taken))
            for name, case in cases.items():
                expected = model.output(name, token)
                compare_output(pins, name, expected)
                if expected is None:
                    continue
                started = result.cycles if started is None else started
                if readies[name]:
                    result.beats += 1
                    result.blocks += expected.last and case is given
                    if progress and result.beats % 64 == 0:
                        progress(result.beats)
            model.step(token, readies)
            if token is not None and taken:
                if filled is None and token.last and token.final:
                    filled = result.cycles
                sent += 1
                offering = False
            await pins.tick()
            result.cycles += 1
        if started is not None and filled is not None and stalls.valid == stalls.ready == 1:
            result.latency = started - filled

    engine.run(testbench)
    if result.beats < total:
        result.note(f"only {result.beats} of {total} beats came out")
    return result


def compare_table(
    engine: Engine, inputs: Mapping[str, Iterable[int]], outputs: Mapping[str, Iterable[int]]
) -> Result:
    """Apply rows of inputs to a combinational design and compare all its outputs.

    Args:
        engine: the engine, built on the design.
        inputs: for each input port one value a row.
        outputs: for each output port the golden value of each row.
    """
    result = Result(engine.name)
    rows = [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]
    golden = [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]

    async def testbench(pins: Pins) -> None:
        for row, answer in zip(rows, golden, strict=True):
            for port, value in row.items():
                pins.set(port, int(value))
            for port, value in answer.items():
                result.compare(f"{port} for {row}", pins.get(port), int(value))
            await pins.tick()
            result.cycles += 1
            result.beats += 1
            result.blocks += 1

    engine.run(testbench)
    return result
