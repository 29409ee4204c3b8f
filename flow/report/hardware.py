"""Hardware: what the components take, by format and target, and how fast they run."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...sim.tool import ToolError
from ..catalogue import Variant, variant
from ..synthesis import Area, area
from ..timing import TARGETS as ROUTED
from ..timing import timing
from .cache import cached, identity
from .content import Figure, Section, Table
from .scope import Scope

__all__ = ["DESIGNS", "designs", "hardware"]

DESIGNS: dict[str, dict[str, Any]] = {
    "decoder": {},
    "encoder": {},
    "requantizer": {"storage": "memory"},
    "product_sum": {"block": 8},
    "accumulator": {"block": 8},
    "dot": {"block": 8},
}
"""Designs with what differs from their defaults; dot = product sum + accumulator + registers."""


def designs(scope: Scope, target: str) -> list[Variant]:
    """The designs of a report, in the structure that suits a target."""
    asic = target == "generic" or target.startswith("liberty=")
    found = []
    for element in scope.elements:
        for name, options in DESIGNS.items():
            fabric = {} if asic or name == "decoder" else {"fabric": _fabric(target)}
            found.append(variant(name, element=element, **options, **fabric))
    return found


def _fabric(target: str) -> str:
    return "dsp" if target.endswith("-dsp") else "fpga"


def hardware(scope: Scope, step: Callable[[str], None], kept: Path) -> Section:
    """Area by component, format and target; clock frequency where nextpnr is there.

    Args:
        scope: elements, targets, routes, and the Yosys.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    section = Section(
        "hardware",
        "Hardware",
        intro=[
            "Every component is synthesized by Yosys, flattened, without a timing constraint, in "
            "the structure that suits the target. A dot product of eight lanes is its product "
            "sum, its accumulator, and the registers between them.",
        ],
        facts={"targets": ", ".join(scope.targets)},
    )
    try:
        scope.yosys.check()
        section.facts["yosys"] = scope.yosys.version()
    except ToolError as problem:
        section.missing.append(f"No areas: {problem}")
        return section
    for target in scope.targets:
        rows, parts, unit = [], {}, ""
        for one in designs(scope, target):
            step(f"synthesizing {one.top} for {target}")
            found = _area(one, target, scope, kept)
            if isinstance(found, str):
                section.missing.append(f"{one.top} for {target}: {found}")
                section.passed = False
                continue
            unit, amount = found.measure
            parts[one.design.name, one.settings()["element"]] = amount
            lanes = getattr(one.component, "lanes", getattr(one.component, "tile", 1))
            cells = [found.gates, found.luts, found.carries, found.flip_flops]
            rows.append(
                [
                    *(one.design.name, one.settings()["element"], one.latency, *cells),
                    *(found.multipliers, found.memories, round(amount / lanes, 1)),
                ]
            )
        if not rows:
            continue
        columns = [
            *("design", "element", "latency", "gates", "LUTs", "carries", "flip-flops"),
            *("multipliers", "memories", f"{unit} a lane"),
        ]
        section.tables.append(
            Table(f"area_{_stem(target)}", f"Area, {target}", columns, rows, brief=True)
        )
        section.figures.append(_stacked(target, unit, parts, scope))
    if scope.routes:
        _routes(section, scope, step, kept)
    return section


def _area(one: Variant, target: str, scope: Scope, kept: Path) -> Area | str:
    """The area, or why there is none."""
    key = ["area", one.netlist.text, identity(target), scope.yosys.version()]
    try:
        return Area(**cached(kept, key, lambda: asdict(area(one.netlist, target, scope.yosys))))
    except ToolError as problem:
        return str(problem)


def _stacked(target: str, unit: str, parts: dict[tuple[str, Any], float], scope: Scope) -> Figure:
    """The dot product by what it is made of."""
    names = [name for name in scope.elements if ("dot", name) in parts]
    sums = [parts.get(("product_sum", name), 0.0) for name in names]
    rests = [parts.get(("accumulator", name), 0.0) for name in names]
    whole = [parts["dot", name] for name in names]
    between = [max(w - s - r, 0.0) for w, s, r in zip(whole, sums, rests, strict=True)]
    return Figure(
        f"dot_{_stem(target)}",
        f"Dot product of 8 lanes by part, {target}",
        "stacked",
        {
            "groups": names,
            "series": {
                "product sum": sums,
                "accumulator": rests,
                "registers between": between,
            },
            "unit": unit,
        },
        "Parts are synthesized by themselves; what the whole takes more is drawn last.",
    )


def _routes(section: Section, scope: Scope, step: Callable[[str], None], kept: Path) -> None:
    """Clock frequency of the dot product on each target that can be routed."""
    rows = []
    for target in (name for name in scope.targets if name in ROUTED):
        family = ROUTED[target]
        try:
            family.nextpnr.check()
        except ToolError as problem:
            section.missing.append(f"No clock frequencies for {target}: {problem}")
            continue
        for element in scope.elements:
            one = variant("dot", element=element, block=8, fabric=_fabric(target))
            versions = [scope.yosys.version(), family.nextpnr.version()]
            key = ["timing", one.netlist.text, target, scope.routes, versions]

            def run(one: Variant = one, target: str = target) -> dict[str, Any]:
                found = timing(
                    one,
                    target,
                    seeds=scope.routes,
                    yosys=scope.yosys,
                    step=lambda what: step(f"{one.top} for {target}: {what}"),
                )
                return {"fmax": found.fmax, "path": str(found.median.path)}

            found = cached(kept, key, run)
            rows.append([target, element, one.latency, round(found["fmax"], 1), found["path"]])
    if rows:
        section.tables.append(
            Table(
                "timing",
                "Dot product of 8 lanes, one beat a cycle: clock frequency after place and route",
                ["target", "element", "latency", "MHz", "critical path"],
                rows,
                f"Median of {scope.routes} seeds by nextpnr; docs/timing.md has the method.",
            )
        )


def _stem(target: str) -> str:
    return "liberty" if target.startswith("liberty=") else target.replace("-", "_")
