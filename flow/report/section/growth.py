"""Growth: area against the lanes of a dot product and against the PEs of a matrix engine."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ....golden.formats.catalogue import parse
from ....sim.simulator.program import ToolError
from ...catalogue.catalogue import variant
from ...study.growth import grow
from ..cache import cached, fingerprint, tool_version
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope
from .areas import kept_area

__all__ = ["growth"]

DESIGNS = ("product_sum", "dot")
BLOCK = 32
SIZES = (8, 64)
"""Rows and columns of square matrices whose useful share of cycles is told."""

Step = Callable[[str], None]


def growth(section: Section, scope: Scope, step: Step, kept: Path) -> None:
    """Add a table and a figure of each kind of growth that the scope has.

    Args:
        section: what to add to.
        scope: elements, lanes, PEs, and the Yosys.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    for wanted, add in ((scope.lanes, _lanes), (scope.pes, _engines)):
        try:
            if wanted:
                add(section, scope, step, kept)
        except ToolError as problem:
            section.missing.append(f"No growth: {problem}")
            section.passed = False


def _lanes(section: Section, scope: Scope, step: Step, kept: Path) -> None:
    # The longest first, so that both cores end together.
    chosen = [
        variant(name, element=element, block=BLOCK, lanes=lanes)
        for lanes in sorted(scope.lanes, reverse=True)
        for name in DESIGNS
        for element in scope.elements
    ]
    jobs = [
        (f"synthesizing {design.top}", partial(kept_area, design, "generic", scope, kept))
        for design in chosen
    ]
    rows: list[list[Any]] = []
    for design, size in zip(chosen, side_by_side(jobs, step), strict=True):
        lanes = design.component.lanes
        gates = size.gates or 0
        share = round(gates / lanes, 1)
        names = design.design.name, design.settings()["element"]
        rows.append([*names, lanes, design.latency, gates, size.flip_flops, share])
    rows.sort(key=lambda row: (DESIGNS.index(row[0]), scope.elements.index(row[1]), row[2]))
    columns = ["design", "element", "lanes", "latency", "gates", "flip-flops", "gates a lane"]
    title = f"Area against lanes, blocks of {BLOCK}, generic"
    section.tables.append(Table("area_lanes", title, columns, rows))
    lines: dict[str, list[list[float]]] = {}
    for name, element, lanes, *_, share in rows:
        lines.setdefault(f"{name} {element}", []).append([lanes, share])
    section.figures.append(
        Figure(
            "area_lanes",
            f"Gates a lane against lanes, blocks of {BLOCK}, generic",
            "lines",
            {"lines": lines, "x": "lanes", "y": "gates a lane", "logs": ["x", "y"], "ticks": True},
            "What a design has once, like a dot product's accumulator, is spread over its lanes.",
        )
    )


def _engines(section: Section, scope: Scope, step: Step, kept: Path) -> None:
    element = scope.elements[0]
    jobs = [
        (
            f"synthesizing an engine of {pes} PEs, {element}, for ecp5",
            partial(_engine, pes, element, scope, kept),
        )
        for pes in sorted(scope.pes, reverse=True)
    ]
    rows = side_by_side(jobs, step)[::-1]
    columns = ["PEs", "LUTs", "LUTs a PE", "LUTs of the rest", "carries", "flip-flops", "memories"]
    columns += [f"useful % at {size}x{size}" for size in SIZES]
    title = f"Matrix engine against PEs, {element}, 8x8 tiles, ecp5"
    note = (
        "A PE times their number, and everything else once: commands, tile memories, sequencer, "
        "re-quantizer. Useful is the share of multiplications that are part of a product of "
        "square matrices, operands loaded. docs/engine.md has the schedule."
    )
    section.tables.append(Table("engine_growth", title, columns, rows, note))
    lines = {
        "engine": [[row[0], row[1]] for row in rows],
        "PEs": [[row[0], row[0] * row[2]] for row in rows],
        "the rest": [[row[0], row[3]] for row in rows],
    }
    data = {"lines": lines, "x": "PEs", "y": "LUTs", "logs": ["x", "y"], "ticks": True}
    section.figures.append(Figure("engine_growth", title, "lines", data))


def _engine(pes: int, element: str, scope: Scope, kept: Path) -> list[Any]:
    """Row of the table."""

    def compute() -> list[Any]:
        (engine,) = grow((pes,), parse(element), yosys=scope.yosys)
        cells = [engine.total(name) for name in ("carries", "flip_flops")]
        useful = [round(100 * engine.useful[size], 1) for size in SIZES]
        parts = [part.luts for part in (engine.pe, engine.rest)]
        return [pes, engine.total("luts"), *parts, *cells, engine.memories, *useful]

    return cached(kept, ["growth", fingerprint(), pes, element, tool_version(scope.yosys)], compute)
