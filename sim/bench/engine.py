"""Bench of the matrix engine: commands and tiles in, golden tiles out, all streams stalled."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.engine.machine import SIZE_BITS
from ...hdl.checks import Bound
from ...hdl.engine.matmul import COUNTER_BITS, POINTS, ROUNDINGS, Matmul, machine
from ...hdl.interface.axi_engine import AxiEngine
from ...hdl.ports import port_signals
from ...hdl.quantize.requantizer import TILES
from ..design.design import Design
from ..design.engine import PES, REQUANTIZE, idle_quantizer
from ..design.kind import Integer
from ..design.packet import Packets
from ..design.parameter import (
    ELEMENT,
    FABRIC,
    OVERFLOW,
    RULE,
    Parameter,
    registers,
    roundings,
    tile,
)
from ..interface.axi_host import host_bridge
from ..model.engine import Cycle, EngineModel
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Pins, Simulator
from ..stimulus.script import INPUTS, OUTPUTS, RandomScripts, Script, repeated_script, tensor_script
from ..stimulus.vectors import Column, Vectors

__all__ = [
    "DESIGNS",
    "matmul_case",
    "product_cycles",
    "run_matmul",
    "run_scripts",
    "script_vectors",
    "steady_cycles",
]

_IDLE = 40  # cycles after the last beat in which nothing more may come out


def run_scripts(
    simulator: Simulator,
    component: Matmul,
    scripts: Iterable[Script],
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Run scripts one after the other on a design, from reset, every beat and rule compared.

    On every cycle ready and valid of all streams, ``busy``, ``error`` and all counters are those of
    the cycle model (``mxsf.sim.model.engine``), and a payload that is valid is the golden answer,
    so that it does not change before its transfer. At the end of a script all answers have come,
    and nothing follows. A script with ``abort`` is cut off there.

    Args:
        simulator: built on the design.
        component: the design.
        scripts: taken one by one, when the one before is done; ``moved`` and ``aborted`` of each
            are filled in.
        stalls: how to stall each stream.
        progress: see ``Progress``.
    """
    result = Result(simulator.name)
    bench = _Bench(component, stalls, result, progress)

    async def testbench(pins: Pins) -> None:
        bench.idle(pins)
        for script in scripts:
            script.moved = await bench.run(pins, script)
            if result.count:
                return

    simulator.run(testbench)
    return result


def run_matmul(
    simulator: Simulator,
    component: Matmul,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare an engine with the golden machine on a float tensor, or on random commands."""
    if values is not None:
        return run_scripts(
            simulator, component, [tensor_script(component, values)], stalls, progress
        )
    random = np.random.default_rng(stalls.seed)
    scripts = RandomScripts(component, random, 16, aborts=0.3)
    return run_scripts(simulator, component, scripts, stalls, progress)


def script_vectors(component: Matmul, script: Script) -> Vectors:
    """Vectors of a script for a Verilog testbench; its ``abort`` is not looked at."""
    widths = {name: len(signal) for name, (signal, _) in port_signals(component).items()}
    inputs, outputs = (
        {name: Column(widths[f"{name}__payload"], beats[name]) for name in names}
        for names, beats in ((INPUTS, script.beats), (OUTPUTS, script.answers))
    )
    return Vectors(
        inputs,
        outputs,
        streams=True,
        blocks=script.counts["o_tiles"] + script.counts["t_tiles"],
        ties={"abort": Column(1, [0])},
        ends={
            "busy": Column(1, [0]),
            "error": Column(widths["error"], [int(script.fault)]),
            **{f"counters__{n}": Column(COUNTER_BITS, [v]) for n, v in script.counts.items()},
        },
        work=script.counts["steps"],
    )


def matmul_case(component: Matmul, values: NDArray[Any] | None = None, seed: int = 0) -> Vectors:
    """Make the vectors of a product of a float tensor, or of random commands."""
    if values is not None:
        return script_vectors(component, tensor_script(component, values))
    (script,) = RandomScripts(component, np.random.default_rng(seed), 1)
    return script_vectors(component, script)


def product_cycles(component: Matmul, sizes: tuple[int, int, int]) -> int:
    """Cycles from the start of a product to that of the next, operands loaded, nothing stalled.

    One a step, and one to start, unless the product has fewer steps a tile of K than the
    accumulator has registers: then they are what its sums take to go round.

    Args:
        component: the design.
        sizes: m, n, k.
    """
    m, n, k = sizes
    outputs = m * n * component.steps
    return max(outputs * k + 1, (k - 1) * max(outputs, component.loop) + outputs)


def steady_cycles(
    simulator: Simulator, component: Matmul, sizes: tuple[int, int, int], times: int = 3
) -> tuple[int, int]:
    """Measure products of one size after each other while operands load, without stalls.

    Returns:
        Cycles and steps of ``times`` products: those of ``2 * times``, less those of ``times``, so
        that the first loads and the last results do not count.

    Raises:
        RuntimeError: a result was wrong.
    """
    measured = []
    for count in (times, 2 * times):
        script = repeated_script(component, sizes, count)
        result = run_scripts(simulator, component, [script])
        if not result.passed:
            raise RuntimeError(f"{sizes}: {result.mismatches[0]}")
        measured.append((result.cycles, script.counts["steps"]))
    return measured[1][0] - measured[0][0], measured[1][1] - measured[0][1]


class _Bench:
    """Drives the streams of one design, and compares every cycle with its model."""

    def __init__(
        self, component: Matmul, stalls: Stalls, result: Result, progress: Progress | None
    ):
        self.stalls, self.result, self.progress = stalls, result, progress
        self.random = Random(stalls.seed)
        self.model = EngineModel(component, machine(component))
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
        before = dict(self.model.counts)
        # The longest time without a transfer: a product whose results are still to come.
        patience = 500 + 2 * int(script.counts["steps"] / min(stalls.valid, stalls.ready))
        cycle = waited = quiet = 0
        while quiet < _IDLE and not result.count:
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
            command = script.commands[moved["command"]] if offering["command"] else None
            golden = self.model.look(command, offering, readies)
            if cycle == script.abort:
                await self._abort(pins)
                script.aborted = True
                return moved
            self._compare(pins, golden, script, moved)
            transfers = [n for n, ready in golden.ready.items() if ready and offering[n]]
            transfers += [n for n, valid in golden.valid.items() if valid and readies[n]]
            for name in transfers:
                offering[name] = False
                moved[name] += 1
                result.beats += name in OUTPUTS
            if self.progress and transfers and result.beats % 64 == 0:
                self.progress(result.beats, 0)
            self.model.step()
            await pins.tick()
            cycle += 1
            result.cycles += 1
            waited = 0 if transfers else waited + 1
            done = all(moved[name] == len(script.beats[name]) for name in INPUTS)
            quiet = quiet + 1 if done and not golden.busy else 0
            if waited > patience:
                result.note(f"stuck: {moved}")
        for name in OUTPUTS:
            self.result.compare(f"beats of {name}", moved[name], len(script.answers[name]))
        grown = {name: count - before[name] for name, count in self.model.counts.items()}
        for name, count in script.counts.items():
            self.result.compare(f"model of counter {name}", grown[name], count)
        result.blocks += script.counts["o_tiles"] + script.counts["t_tiles"]
        return moved

    async def _abort(self, pins: Pins) -> None:
        """Abort in this cycle, in which nothing may be transferred."""
        pins.set("abort", 1)
        for name in INPUTS:
            self.result.compare(f"{name}.ready in abort", pins.get(f"{name}__ready"), 0)
        for name in OUTPUTS:
            self.result.compare(f"{name}.valid in abort", pins.get(f"{name}__valid"), 0)
        await pins.tick()
        self.result.cycles += 1
        pins.set("abort", 0)
        self.model.abort()
        for name in INPUTS:
            pins.set(f"{name}__valid", 0)
        idle = self.model.look(None, dict.fromkeys(INPUTS, False), dict.fromkeys(OUTPUTS, False))
        self._compare(pins, idle, Script(), dict.fromkeys(OUTPUTS, 0))

    def _compare(self, pins: Pins, golden: Cycle, script: Script, moved: Mapping[str, int]) -> None:
        """Compare the whole interface."""
        for name, ready in golden.ready.items():
            self.result.compare(f"{name}.ready", pins.get(f"{name}__ready"), int(ready))
        for name, valid in golden.valid.items():
            self.result.compare(f"{name}.valid", pins.get(f"{name}__valid"), int(valid))
            number, answers = moved[name], script.answers[name]
            if valid and number >= len(answers):
                self.result.note(f"{name} has a beat more than {len(answers)}")
            elif valid:
                seen = pins.get(f"{name}__payload")
                self.result.compare(f"{name}.payload of beat {number}", seen, answers[number])
        self.result.compare("busy", pins.get("busy"), int(golden.busy))
        self.result.compare("error", pins.get("error"), int(golden.error))
        for name, count in self.model.counts.items():
            self.result.compare(f"counter {name}", pins.get(f"counters__{name}"), count % 2**32)


DESIGNS = (
    Design(
        "matmul",
        "matrix engine: commands and tiles in, products as tiles or FP32 rows out",
        (
            ELEMENT,
            tile(TILES),
            PES,
            Parameter(
                "depth",
                Integer(Bound(2, 1 << (SIZE_BITS - 1)), "d"),
                64,
                "tiles that each tile memory holds",
            ),
            RULE,
            roundings(ROUNDINGS),
            OVERFLOW,
            registers(POINTS),
            FABRIC,
            REQUANTIZE,
        ),
        Matmul,
        bench=run_matmul,
        idle=idle_quantizer,
        vectors=matmul_case,
        latency=(
            "of a one-tile product's command to valid of its",
            "first FP32 row. Commands, memories and counters: docs/engine.md.",
        ),
        packets=lambda engine: Packets(
            source="command", outputs=OUTPUTS, leaves=engine.tile, follows=False, clear="abort"
        ),
        axi=AxiEngine,
        bridge=host_bridge,
    ),
)
