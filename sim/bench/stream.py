"""The stream bench: drives ``i`` and ``o`` with random stalls and compares the whole interface.

On every clock edge ready, valid and, where valid, the payload are compared with what the cycle
model and the golden model predict. That includes the stream rules, which the model obeys.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from ..model.outputs import Model, Straight
from ..model.pipeline import Pipeline, Token
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.payload import to_int
from ..stimulus.stimulus import Stimulus

__all__ = ["compare_table", "run_stream"]


def run_stream(
    simulator: Simulator,
    stimulus: Stimulus | Mapping[str, Stimulus],
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run a stimulus through a stream design, every cycle compared.

    Args:
        simulator: the simulator, built on the design.
        stimulus: beats into ``i`` and out of ``o``; or for each output its own, where they share
            the beats in and the model. The first one counts blocks.
        stalls: how to stall; each output by itself.
        progress: see ``Progress``.
    """
    cases = {"o": stimulus} if isinstance(stimulus, Stimulus) else stimulus
    first = next(iter(cases.values()))
    cycles = first.model()
    model: Model = Straight(cycles) if isinstance(cycles, Pipeline) else cycles
    result = Result(simulator.name)
    random = np.random.default_rng(stalls.seed)
    offered, total = len(first.inputs), sum(len(case.outputs) for case in cases.values())
    limit = 100 + 40 * int(max(offered, total) / min(stalls.valid, stalls.ready))

    async def testbench(pins: Pins) -> None:
        sent = 0
        offering = False
        filled = started = None
        while result.beats < total and result.cycles < limit:
            if not offering and sent < offered:
                offering = random.random() < stalls.valid
            # An idle input carries noise, so that nobody reads it unseen.
            noise = int.from_bytes(random.bytes(len(first.inputs[0])), "little")
            payload = to_int(first.inputs[sent]) if offering else noise
            readies = {name: bool(random.random() < stalls.ready) for name in cases}
            _drive(pins, payload & ((1 << first.widths[0]) - 1), offering, readies)

            token = first.token(sent) if offering else None
            taken = model.ready(token, readies)
            result.compare("i.ready", pins.get("i__ready"), int(taken))
            for name, case in cases.items():
                expected = model.output(name, token)
                _compare_output(result, pins, name, case, expected)
                if expected is None:
                    continue
                started = result.cycles if started is None else started
                if readies[name]:
                    result.beats += 1
                    result.blocks += expected.last and case is first
                    if progress and result.beats % 64 == 0:
                        progress(result.beats, total)
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

    simulator.run(testbench)
    if result.beats < total:
        result.note(f"only {result.beats} of {total} beats came out")
    return result


def _drive(pins: Pins, payload: int, valid: bool, readies: Mapping[str, bool]) -> None:
    """A beat, or none, into ``i``, and whether outputs are taken."""
    pins.set("i__payload", payload)
    pins.set("i__valid", int(valid))
    for name, ready in readies.items():
        pins.set(f"{name}__ready", int(ready))


def _compare_output(
    result: Result, pins: Pins, name: str, case: Stimulus, expected: Token | None
) -> None:
    """Valid of an output, and its payload where the cycle model expects a beat."""
    result.compare(f"{name}.valid", pins.get(f"{name}__valid"), int(expected is not None))
    if expected is not None:
        golden = to_int(case.outputs[expected.number])
        where = f"{name}.payload of beat {expected.number}"
        result.compare(where, pins.get(f"{name}__payload"), golden)


def compare_table(
    simulator: Simulator,
    inputs: Mapping[str, Iterable[int]],
    outputs: Mapping[str, Iterable[int]],
    progress: Progress | None = None,
) -> Result:
    """Apply rows of inputs to a combinational design and compare all its outputs.

    Args:
        simulator: the simulator, built on the design.
        inputs: for each input port one value a row.
        outputs: for each output port the golden value of each row.
        progress: see ``Progress``; a row is a beat.
    """
    result = Result(simulator.name)
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
            if progress and result.beats % 64 == 0:
                progress(result.beats, len(rows))

    simulator.run(testbench)
    return result
