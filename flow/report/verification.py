"""Verification: every design on the shipped tensors, every cycle compared with the golden model."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...sim.bench import Stalls
from ..catalogue import Variant, tensors, variant
from ..simulate import default_engine, make_engine
from .cache import cached, fingerprint
from .content import Section, Table
from .hardware import DESIGNS
from .scope import Scope

__all__ = ["STALLS", "verification"]

STALLS = (Stalls(), Stalls(valid=0.8, ready=0.8, seed=1))
_FEW = 128 * 32  # numbers of each tensor for the slow engine


def verification(scope: Scope, step: Callable[[str], None], kept: Path) -> Section:
    """Simulate every design of the report.

    Args:
        scope: elements.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    engine = default_engine()
    rows: list[list[Any]] = []
    section = Section(
        "verification",
        "Verification",
        intro=[
            "Each netlist ran on the tensors of one training step (digits), without and with "
            "random stalls. On every clock edge ready, valid and payload were compared with the "
            "golden model and a cycle model. docs/verification.md says how everything else is "
            "proved.",
        ],
        facts={
            "engine": engine,
            "stalls": "; ".join(str(stalls) for stalls in STALLS),
            "tensors": ", ".join(f"{n} {x.shape}" for n, x in tensors().items()),
            "amaranth": version("amaranth"),
            "numpy": version("numpy"),
        },
    )
    for element in scope.elements:
        for name, options in DESIGNS.items():
            one = variant(name, element=element, **options)
            step(f"simulating {one.top}")
            key = ["simulation", fingerprint(), one.top, engine]
            found = cached(kept, key, lambda one=one: _simulate(one, engine))
            right = found["blocks"] > 0 and not found["mismatches"]
            section.passed &= right
            counts = [found["blocks"], found["cycles"], found["mismatches"]]
            rows.append([name, element, one.latency, *counts, "passed" if right else "FAILED"])
            if found["first"]:
                section.missing += [f"{one.top}: {line}" for line in found["first"][:3]]
    section.tables.append(
        Table(
            "simulation",
            "Blocks and cycles compared",
            ["design", "element", "latency", "blocks", "cycles", "mismatches", ""],
            rows,
            "A block of a decoder is a code.",
            brief=True,
        )
    )
    return section


def _simulate(one: Variant, name: str) -> dict[str, Any]:
    engine = make_engine(one, name)
    found: dict[str, Any] = {"blocks": 0, "cycles": 0, "mismatches": 0, "first": []}
    for values in tensors().values():
        if name == "amaranth":
            values = values.reshape(-1)[:_FEW]
        for stalls in STALLS if one.clocked else STALLS[:1]:
            result = asdict(one.bench(engine, values, stalls))
            found["blocks"] += result["blocks"]
            found["cycles"] += result["cycles"]
            found["mismatches"] += result["count"]
            found["first"] += result["mismatches"]
    return found
