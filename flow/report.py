"""The main job: every design from real tensors to gates, in one table.

For each design: generate Verilog and manifest, simulate the netlist against the golden model on
the tensors that ship with the project, every cycle compared, and synthesize it. Results go into
``report.json``, from which a page can be made.
"""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sim.bench import Result, Stalls
from ..sim.yosys import PINNED, Yosys, YosysError
from .catalogue import Variant, tensors, variant
from .simulate import default_engine, make_engine
from .synthesis import Area, area
from .verilog import generate, write_whole

__all__ = ["DEFAULT_ELEMENTS", "Row", "report"]

DEFAULT_ELEMENTS = ("mxsf", "e2m5", "e4m3", "int8")
DESIGNS: dict[str, dict[str, Any]] = {"decoder": {}, "encoder": {}, "dot": {"block": 8}}
"""Designs of the report with what differs from their defaults; the rest are parts of them."""

TARGETS = ("generic", "ecp5")
STALLS = (Stalls(), Stalls(valid=0.8, ready=0.8, seed=1))
_FEW = 128  # blocks of each tensor for the slow engine


@dataclass
class Row:
    """One line of the report.

    Attributes:
        design: name in the catalogue.
        top: module name.
        parameters: values of the parameters.
        latency: cycles.
        blocks: blocks (of a decoder: codes) simulated.
        cycles: clock cycles simulated.
        mismatches: differences from the golden model.
        first: the first mismatches, one line each.
        areas: area by target; a text where a target failed.
    """

    design: str
    top: str
    parameters: dict[str, Any]
    latency: int
    blocks: int = 0
    cycles: int = 0
    mismatches: int = 0
    first: list[str] = field(default_factory=list)
    areas: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether something was simulated, all of it right, and every synthesis succeeded."""
        synthesized = all(isinstance(found, Area) for found in self.areas.values())
        return self.blocks > 0 and not self.mismatches and synthesized


def report(
    folder: Path,
    elements: Iterable[str] = DEFAULT_ELEMENTS,
    yosys: Yosys = PINNED,
    step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Row]:
    """Run the whole flow for every design and element format.

    Synthesis runs beside the simulations: the first use of YoWASP Yosys compiles it, which takes
    about a minute.

    Args:
        folder: where everything goes.
        elements: element formats by name.
        yosys: the Yosys that synthesizes.
        step: called with what runs now, jobs done, and all jobs.

    Returns:
        One row a design, and the same as ``report.json`` in the folder.
    """
    started = time.monotonic()
    variants = [variant(name, element=e, **DESIGNS[name]) for e in elements for name in DESIGNS]
    folder.mkdir(parents=True, exist_ok=True)
    engine, data = default_engine(), tensors()
    total = len(variants) * (2 + len(TARGETS))
    done = 0

    def advance(what: str) -> None:
        nonlocal done
        done += 1
        step(what, done, total)

    step(f"starting {yosys.name} beside the simulations (its first use may compile it)", 0, total)
    rows = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        jobs: list[dict[str, Future[Area | str]]] = [
            {target: pool.submit(_synthesize, v, target, yosys) for target in TARGETS}
            for v in variants
        ]
        for one in variants:
            generate(one, folder)
            advance(f"generated {one.top}")
            rows.append(_simulate(one, engine, data))
            advance(f"simulated {one.top}")
        for row, job in zip(rows, jobs, strict=True):
            for target, future in job.items():
                row.areas[target] = future.result()
                advance(f"synthesized {row.top} for {target}")
    facts = {
        "schema": 1,
        "engine": engine,
        "tensors": {name: list(values.shape) for name, values in data.items()},
        "stalls": [asdict(stalls) for stalls in STALLS],
        "seconds": round(time.monotonic() - started, 1),
        "rows": [_plain(row) for row in rows],
    }
    write_whole(folder / "report.json", json.dumps(facts, indent=2) + "\n")
    return rows


def _simulate(one: Variant, engine_name: str, data: dict[str, NDArray[np.float32]]) -> Row:
    row = Row(one.design.name, one.top, one.settings(), one.latency)
    engine = make_engine(one, engine_name)
    for values in data.values():
        if engine_name == "amaranth":
            values = values.reshape(-1)[: _FEW * 32]
        for stalls in STALLS if one.clocked else STALLS[:1]:
            result: Result = one.bench(engine, values, stalls)
            row.blocks += result.blocks
            row.cycles += result.cycles
            row.mismatches += result.count
            row.first += result.mismatches
    return row


def _synthesize(one: Variant, target: str, yosys: Yosys) -> Area | str:
    try:
        return area(one.netlist, target, yosys)
    except YosysError as problem:
        return str(problem)


def _plain(row: Row) -> dict[str, Any]:
    areas = {t: a.row() if isinstance(a, Area) else {"error": a} for t, a in row.areas.items()}
    return asdict(row) | {"areas": areas, "passed": row.passed}
