"""Hierarchy: what the larger designs are made of."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ....sim.simulator.program import ToolError
from ...catalogue.catalogue import Variant
from ...synth.breakdown import Part, breakdown
from ..cache import cached, netlist_key, tool_version
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope

__all__ = ["DESIGNS", "KINDS", "hierarchy", "shares"]

DESIGNS = ("encoder", "requantizer", "dot")
"""Designs that are made of others."""

KINDS = {
    "operand": "decoders",
    "multiplier": "multipliers",
    "aligner": "shifts",
    "sum": "adder tree",
    "accumulator": "accumulator",
    "search": "scale finder",
    "banks": "tile buffer",
    "placer": "rounders",
    "chooser": "rounders",
    "incrementer": "rounders",
}
"""Modules by what people call them; what is inside of one is part of it."""

_REST, _REGISTERS = "the rest", "registers"
_NAMES = (*dict.fromkeys(KINDS.values()), _REST, _REGISTERS)


def hierarchy(
    section: Section,
    designs: list[tuple[Variant, int]],
    scope: Scope,
    step: Callable[[str], None],
    kept: Path,
) -> None:
    """Add a table and a figure of designs by what they are made of, generic gates.

    Args:
        section: what to add to.
        designs: each with its cells when it is synthesized flattened.
        scope: the Yosys.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    chosen = [(variant, cells) for variant, cells in designs if variant.design.name in DESIGNS]
    jobs = [
        (f"parts of {variant.top}", partial(_parts, variant, scope, kept)) for variant, _ in chosen
    ]
    rows: list[list[Any]] = []
    for (variant, flat), parts in zip(chosen, side_by_side(jobs, step), strict=True):
        if isinstance(parts, str):
            section.missing.append(f"parts of {variant.top}: {parts}")
            continue
        gates = shares(parts)
        total = sum(gates.values())
        cells = [gates.get(name) for name in _NAMES]
        off = round(100 * (total - flat) / flat, 1)
        rows.append([variant.design.name, variant.settings()["element"], *cells, total, flat, off])
    if not rows:
        return
    rows.sort(key=lambda row: DESIGNS.index(row[0]))
    off = max(abs(row[-1]) for row in rows)
    section.tables.append(
        Table(
            "hierarchy",
            "Cells by part, generic",
            ["design", "element", *_NAMES, "sum", "flattened", "off by %"],
            rows,
            "Gates of each part, all flip-flops as registers, a flip-flop counted as one cell. "
            "Every module is synthesized by itself and counts as often as it is there; the "
            f"flattened design, optimised across the borders, is at most {off:g} % away.",
        )
    )
    section.figures.append(
        Figure(
            "hierarchy",
            "Designs by part, generic",
            "stacked",
            {
                "groups": [f"{row[0]} {row[1]}" for row in rows],
                "series": {
                    name: [row[2 + place] or 0 for row in rows] for place, name in enumerate(_NAMES)
                },
                "unit": "cells (gates and flip-flops)",
            },
            "A dot product has eight lanes, an encoder 32, a re-quantizer tiles of 8x8.",
        )
    )


def shares(parts: list[Part]) -> dict[str, int]:
    """Cells by what people call them: gates of each kind, and all flip-flops."""
    gates: dict[str, int] = {}
    for part in parts:
        known = (KINDS[stem] for stem in part.path if stem in KINDS)
        name = next(known, _REST)
        gates[name] = gates.get(name, 0) + part.gates
        gates[_REGISTERS] = gates.get(_REGISTERS, 0) + part.flip_flops
    return {name: cells for name, cells in gates.items() if cells}


def _parts(variant: Variant, scope: Scope, kept: Path) -> list[Part] | str:
    """The parts, or why there are none."""
    key = ["parts", netlist_key(variant, kept), tool_version(scope.yosys)]
    try:
        rows = cached(
            kept, key, lambda: [asdict(p) for p in breakdown(variant.netlist, scope.yosys)]
        )
    except ToolError as problem:
        return str(problem)
    return [Part(**{**part, "path": tuple(part["path"])}) for part in rows]
