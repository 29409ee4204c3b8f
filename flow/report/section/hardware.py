"""Hardware: what the components take, by format and target, and how fast they run."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from ....sim.simulator.program import ToolError
from ...catalogue.catalogue import CATALOGUE, Variant, variant
from ...synth.area import Area, fabric_of
from ...synth.timing import TARGETS as ROUTED
from ...synth.timing import timing
from ..cache import cached, netlist_key, tool_version
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope
from .areas import kept_area
from .growth import growth
from .hierarchy import hierarchy

__all__ = ["DESIGNS", "built", "designs", "hardware"]

DESIGNS: dict[str, dict[str, Any]] = {
    "decoder": {},
    "encoder": {},
    "requantizer": {"storage": "memory"},
    "product_sum": {"block": 8},
    "accumulator": {"block": 8},
    "dot": {"block": 8},
}
"""Designs with what differs from their defaults; dot = product sum + accumulator + registers."""

_BEATS = (
    "Latency in cycles. Every design takes a beat a cycle: so many codes (decoder), words "
    "(encoder, re-quantizer: a row of a tile) or pairs of codes (product sum, dot product); an "
    "accumulator takes the sum of so many pairs."
)


@cache
def built(name: str, element: str, fabric: str = "asic") -> Variant:
    """A design of the report: one object for all sections, so that it is converted once."""
    structure = {"fabric": fabric} if CATALOGUE[name].takes("fabric") else {}
    return variant(name, element=element, **DESIGNS[name], **structure)


def designs(scope: Scope, target: str) -> list[Variant]:
    """The designs of a report, in the structure that suits a target."""
    fabric = fabric_of(target)
    return [built(name, element, fabric) for element in scope.elements for name in DESIGNS]


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
        section.facts["yosys"] = tool_version(scope.yosys)
    except ToolError as problem:
        section.missing.append(f"No areas: {problem}")
        return section
    for target in scope.targets:
        rows, parts, unit = [], {}, ""
        chosen = designs(scope, target)
        jobs = [
            (f"synthesizing {design.top} for {target}", partial(_area, design, target, scope, kept))
            for design in chosen
        ]
        whole = []
        for design, counted in zip(chosen, side_by_side(jobs, step), strict=True):
            if isinstance(counted, str):
                section.missing.append(f"{design.top} for {target}: {counted}")
                section.passed = False
                continue
            unit, amount = counted.measure
            key = design.design.name, design.settings()["element"]
            parts[key] = amount
            whole.append((design, sum(counted.cells.values())))
            lanes = getattr(design.component, "lanes", getattr(design.component, "tile", 1))
            cells = [counted.gates, counted.luts, counted.carries, counted.flip_flops]
            rows.append(
                [
                    *(*key, design.latency, lanes, *cells),
                    *(counted.multipliers, counted.memories, round(amount / lanes, 1)),
                ]
            )
        if not rows:
            continue
        columns = [
            *("design", "element", "latency", "items a cycle", "gates", "LUTs", "carries"),
            *("flip-flops", "multipliers", "memories", f"{unit} a lane"),
        ]
        section.tables.append(
            Table(f"area_{_stem(target)}", f"Area, {target}", columns, rows, _BEATS, brief=True)
        )
        if target == "generic":
            hierarchy(section, whole, scope, step, kept)
        else:
            section.figures.append(_stacked(target, unit, parts, scope))
    growth(section, scope, step, kept)
    if scope.routes:
        _routes(section, scope, step, kept)
    return section


def _area(design: Variant, target: str, scope: Scope, kept: Path) -> Area | str:
    """The area, or why there is none."""
    try:
        return kept_area(design, target, scope, kept)
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
    jobs = []
    for target in (name for name in scope.targets if name in ROUTED):
        try:
            ROUTED[target].nextpnr.check()
        except ToolError as problem:
            section.missing.append(f"No clock frequencies for {target}: {problem}")
            continue
        for element in scope.elements:
            design = built("dot", element, fabric_of(target))
            work = partial(_route, design, target, scope, step, kept)
            jobs.append((f"routing {design.top} for {target}", work))
    rows = side_by_side(jobs, step)
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


def _route(
    design: Variant, target: str, scope: Scope, step: Callable[[str], None], kept: Path
) -> list[Any]:
    """Row of the table."""
    versions = [tool_version(tool) for tool in (scope.yosys, ROUTED[target].nextpnr)]
    key = ["timing", netlist_key(design, kept), target, scope.routes, versions]

    def run() -> dict[str, Any]:
        timed = timing(
            design,
            target,
            seeds=scope.routes,
            yosys=scope.yosys,
            step=lambda what: step(f"{design.top} for {target}: {what}"),
        )
        return {"fmax": timed.fmax, "path": str(timed.median.path)}

    routed = cached(kept, key, run)
    element = design.settings()["element"]
    return [target, element, design.latency, round(routed["fmax"], 1), routed["path"]]


def _stem(target: str) -> str:
    return "liberty" if target.startswith("liberty=") else target.replace("-", "_")
