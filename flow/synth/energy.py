"""Energy: transitions counted on a mapped netlist, weighed by what the cell library says.

A transition of a net costs half its capacitance times the supply squared, and what the cells at
its ends take inside. Capacitance is that of the pins: there are no wires before a layout. Clock
pins cost twice in every cycle; a clock tree, leakage and the inputs' own drivers are not counted.
"""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...sim.simulator.gates import Gates
from ...sim.simulator.yosys import PINNED, Yosys
from ...sim.stimulus.stimulus import Stimulus
from ..catalogue.variant import Variant
from .area import synthesis
from .liberty import Library

__all__ = ["STREAMS", "Energy", "energy"]

STREAMS = 512
"""Streams that are simulated side by side."""

_RESET_ONLY = "\ndfflegalize -cell $_DFF_P_ 01\nopt_clean"
"""Generic flip-flops with neither enable nor reset, as a library's most often are."""

_JSON = "\nwrite_json netlist.json"


@dataclass(frozen=True)
class Energy:
    """Energy of a beat.

    Attributes:
        target: what the design was mapped to.
        unit: ``"pJ"``, or ``"pins"`` for generic gates: transitions of input pins.
        beats: beats measured.
        logic: of nets that logic or an input drives.
        registers: of nets that flip-flops drive.
        clock: of clock pins.
        settled: of logic, if no net changed more than once in a cycle.
        cells: cells of the netlist.
        depth: cells on the longest path.
    """

    target: str
    unit: str
    beats: int
    logic: float
    registers: float
    clock: float
    settled: float
    cells: int
    depth: int

    @property
    def total(self) -> float:
        """All of it."""
        return self.logic + self.registers + self.clock


def energy(
    variant: Variant, stimulus: Stimulus, target: str = "generic", yosys: Yosys = PINNED
) -> Energy:
    """Map a design, run real beats through it, compare what comes out, count.

    Args:
        variant: a design with a beat out for each beat in, ports ``i`` and ``o``.
        stimulus: the beats, a multiple of ``STREAMS``. Streams are runs of them, each warmed up
            with those before it.
        target: ``"generic"``, or ``liberty=FILE``.
        yosys: the Yosys to use.

    Raises:
        ValueError: another target, or a cell that cannot be simulated.
        YosysError: Yosys failed.
        RuntimeError: the netlist does not compute what the golden model does.
    """
    if target != "generic" and not target.startswith("liberty="):
        raise ValueError(f"energy is known for generic gates and liberty=FILE, not {target!r}")
    files, commands = synthesis(variant.netlist, target)
    commands += _RESET_ONLY if target == "generic" else ""
    mapped = json.loads(yosys.run(commands + _JSON, files, read="netlist.json"))
    design = mapped["modules"][variant.top]
    kinds = {cell["type"] for cell in design["cells"].values()} - {"$scopeinfo"}
    library, functions = None, {}
    if "cells.lib" in files:
        library = Library(files["cells.lib"], kinds)
        script = f"read_liberty -ignore_miss_func cells.lib{_JSON}"
        text = yosys.run(script, {"cells.lib": library.text}, read="netlist.json")
        functions = json.loads(text)["modules"]
    gates = Gates(design, functions)
    warm = variant.latency + 1
    inputs, golden = _streams(stimulus, warm, variant.latency)
    held = {"i__valid": 1, "o__ready": 1}
    seen = gates.activity(held, "i__payload", inputs, "o__payload", warm)
    if not np.array_equal(seen.outputs, golden):
        raise RuntimeError(f"the netlist of {variant.top} does not compute what it should")
    weights, clock = _weights(gates, library)
    kept = np.zeros(gates.count, bool)
    kept[gates.registers] = True

    def of(toggles: NDArray[np.int64], which: NDArray[np.bool_]) -> float:
        return float(toggles[which] @ weights[which]) / seen.cycles

    return Energy(
        target.partition("=")[0],
        "pJ" if library else "pins",
        seen.cycles,
        of(seen.toggles, ~kept),
        of(seen.toggles, kept),
        2 * clock,
        of(seen.settled, ~kept),
        len(design["cells"]),
        gates.depth,
    )


def _streams(
    stimulus: Stimulus, warm: int, latency: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bits in, (cycles, streams, bits), and bits out of the cycles after the warm ones."""
    count = len(stimulus.inputs)
    if count % STREAMS or len(stimulus.outputs) != count:
        raise ValueError(f"beats must be a multiple of {STREAMS}, one out for each in: {count}")
    starts = np.arange(STREAMS) * (count // STREAMS)
    beat = np.arange(-warm, count // STREAMS)[:, None] + starts
    into, out = (
        np.unpackbits(array, axis=1, bitorder="little")[:, :bits]
        for array, bits in zip((stimulus.inputs, stimulus.outputs), stimulus.widths, strict=True)
    )
    return into[beat % count], out[(beat[warm:] - latency) % count]


def _weights(gates: Gates, library: Library | None) -> tuple[NDArray[np.float64], float]:
    """Energy of a transition of each net, and of all clock pins together."""
    if library is None:
        return np.array([float(len(pins)) for pins in gates.loads]), float(len(gates.clocked))
    half = library.voltage**2 / 2
    pins = {pin for driven in gates.loads for pin in driven}
    farads = {pin: library.capacitance(*pin) for pin in pins}
    inside = {pin: library.internal(*pin) for pin in pins}
    per_net = np.zeros(gates.count)
    outputs: dict[tuple[str, str, float], float] = {}
    for net, driven in enumerate(gates.loads):
        load = sum(farads[pin] for pin in driven)
        per_net[net] = half * load + sum(inside[pin] for pin in driven)
        driver = gates.drivers[net]
        if driver is not None:
            key = (*driver, round(load, 5))
            if key not in outputs:
                outputs[key] = library.internal(*driver, load)
            per_net[net] += outputs[key]
    return per_net, sum(half * farads[pin] + inside[pin] for pin in gates.clocked)
