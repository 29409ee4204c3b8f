"""The stream bench: drives ``i`` and ``o`` with random stalls and compares the whole interface.

On every clock edge ready, valid and, where valid, the payload are compared with what the cycle
model and the golden model predict. That includes the stream rules, which the model obeys.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Pins
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
    model: Callable[[], Pipeline]
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


def run_stream(
    engine: Engine,
    stimulus: Stimulus,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run a stimulus through a stream design, every cycle compared.

    Args:
        engine: the engine, built on the design.
        stimulus: beats in and out.
        stalls: how to stall.
        progress: called with the number of beats received, now and then.
    """
    result = Result(engine.name)
    random = np.random.default_rng(stalls.seed)
    model = stimulus.model()
    offered, total = len(stimulus.inputs), len(stimulus.outputs)
    limit = 100 + 40 * int(offered / min(stalls.valid, stalls.ready))

    async def testbench(pins: Pins) -> None:
        sent = 0
        offering = False
        filled = started = None
        while result.beats < total and result.cycles < limit:
            if not offering and sent < offered:
                offering = random.random() < stalls.valid
            # An idle input carries noise, so that nobody reads it unseen.
            noise = int.from_bytes(random.bytes(len(stimulus.inputs[0])), "little")
            payload = to_int(stimulus.inputs[sent]) if offering else noise
            ready = bool(random.random() < stalls.ready)
            pins.set("i__payload", payload & ((1 << stimulus.widths[0]) - 1))
            pins.set("i__valid", int(offering))
            pins.set("o__ready", int(ready))

            token = stimulus.token(sent) if offering else None
            expected, taken = model.output(token), model.ready(token, ready)
            _check(result, "i.ready", pins.get("i__ready"), int(taken))
            _check(result, "o.valid", pins.get("o__valid"), int(expected is not None))
            if expected is not None:
                if started is None:
                    started = result.cycles
                golden = to_int(stimulus.outputs[expected.number])
                _check(result, "o.payload", pins.get("o__payload"), golden, expected.number)
            model.step(token, ready)
            if expected is not None and ready:
                result.beats += 1
                result.blocks += expected.last
                if progress and result.beats % 64 == 0:
                    progress(result.beats)
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
                _check(result, f"{port} for {row}", pins.get(port), int(value))
            await pins.tick()
            result.cycles += 1
            result.beats += 1
            result.blocks += 1

    engine.run(testbench)
    return result


def _check(result: Result, what: str, seen: int, golden: int, beat: int | None = None) -> None:
    if seen != golden:
        where = "" if beat is None else f" of beat {beat}"
        result.note(f"{what}{where} is {seen:#x}, must be {golden:#x}")
