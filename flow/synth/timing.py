"""Timing: a design through Yosys and nextpnr over seeds; clock frequency, cells, critical path.

The design stands between registers on all its inputs and outputs, the harness, and is synthesized
by itself as ``flow.synth.area`` does it, so that what is timed is what ``mxsf area`` counts.
"""

import json
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...sim.simulator.program import Tool, ToolError
from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.catalogue import Variant
from .critical_path import CriticalPath, Labels, critical_path
from .harness import HARNESS, harness
from .net_names import Module, matched, reference_script

__all__ = [
    "TARGETS",
    "Family",
    "Run",
    "Timing",
    "check_options",
    "read_report",
    "read_summary",
    "synthesis_script",
    "timing",
]


class Nextpnr(Tool):
    """Place and route."""

    def reason(self, output: str) -> str:
        """Return its error lines."""
        lines = [line for line in output.splitlines() if line.startswith("ERROR")]
        return " ".join(lines) or super().reason(output)


def _yowasp(family: str) -> Nextpnr:
    function = f"_run_nextpnr_{family}_argv"
    name = f"YoWASP nextpnr-{family}"
    return Nextpnr.of_package(f"yowasp_nextpnr_{family}", function, name, "flow")


@dataclass(frozen=True)
class Family:
    """How a target is synthesized, placed and routed.

    Args:
        synthesis: Yosys command.
        nextpnr: the tool.
        options: its options.
        devices: options of nextpnr and of Yosys by device, the default first.
        speeds: speed grades, the default first; none where the device implies it.
        pins: whether the harness needs few pins, since there is no out-of-context mode.
        cells: types of cells by what people call them.
    """

    synthesis: str
    nextpnr: Nextpnr
    options: tuple[str, ...]
    devices: Mapping[str, tuple[str, str]]
    speeds: tuple[str, ...]
    pins: bool
    cells: Mapping[str, str]


_ECP5 = Family(
    "synth_ecp5 -nodsp",
    _yowasp("ecp5"),
    ("--out-of-context",),
    {name: (f"--{name} --package CABGA381", "") for name in ("85k", "45k", "25k")},
    ("6", "7", "8"),
    pins=False,
    cells={
        "LUT4": r"LUT4",
        "FF": r"TRELLIS_FF",
        "carry": r"CCU2C",
        "DSP": r"MULT\w+|ALU\w+",
        "LUT RAM": r"TRELLIS_DPR16X4",
        "BRAM": r"(PDPW|DP)16KD",
    },
)
_ICE40 = Family(
    "synth_ice40",
    _yowasp("ice40"),
    (),
    {
        "hx8k": ("--hx8k --package ct256", "-device hx"),
        "up5k": ("--up5k --package sg48", "-device u"),
    },
    (),
    pins=True,
    cells={
        "LUT4": r"SB_LUT4",
        "FF": r"SB_DFF\w*",
        "carry": r"SB_CARRY",
        "DSP": r"SB_MAC16",
        "BRAM": r"SB_RAM40\w*",
    },
)
TARGETS: dict[str, Family] = {
    "ecp5": _ECP5,
    "ecp5-dsp": replace(_ECP5, synthesis="synth_ecp5"),
    "ice40": _ICE40,
}
"""What can be placed and routed; synthesis as in ``flow.synth.area`` under the same name."""


@dataclass(frozen=True)
class Run:
    """One place and route.

    Attributes:
        seed: of placement.
        fmax: highest clock frequency in MHz.
        path: the path that limits it.
    """

    seed: int
    fmax: float
    path: CriticalPath


@dataclass(frozen=True)
class Timing:
    """A design's timing on a target.

    Attributes:
        target: the target's name.
        device: device, with its speed grade where it has several.
        cells: the design's own cells by kind, those that are not 0.
        used: cells of the device that the placed design takes, harness included: (used, there).
        runs: one a seed.
    """

    target: str
    device: str
    cells: dict[str, int]
    used: dict[str, tuple[int, int]] = field(repr=False)
    runs: tuple[Run, ...]

    @property
    def median(self) -> Run:
        """The run of median frequency; of an even number the slower one in the middle."""
        middle = statistics.median_low(run.fmax for run in self.runs)
        return next(run for run in self.runs if run.fmax == middle)

    @property
    def fmax(self) -> float:
        """Median frequency in MHz."""
        return self.median.fmax

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest frequency in MHz."""
        return min(run.fmax for run in self.runs), max(run.fmax for run in self.runs)

    def row(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "target": self.target,
            "device": self.device,
            "fmax": round(self.fmax, 2),
            "range": [round(limit, 2) for limit in self.range],
            "cells": self.cells,
            "device_with_harness": {
                kind: {"used": used, "available": there}
                for kind, (used, there) in self.used.items()
            },
            "median_seed": self.median.seed,
            "runs": [
                {"seed": r.seed, "fmax": round(r.fmax, 2), "critical_path": r.path.row()}
                for r in self.runs
            ],
        }


def check_options(
    target: str,
    seeds: int = 1,
    device: str | None = None,
    speed: str | None = None,
    frequency: float = 1,
) -> tuple[Family, str, str | None]:
    """Return family, device and speed grade; ValueError where an option is bad."""
    if target not in TARGETS:
        raise ValueError(f"unknown target {target!r}: use {', '.join(TARGETS)}")
    family = TARGETS[target]
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, not {seeds}")
    if not frequency > 0:
        raise ValueError(f"frequency must be above 0 MHz, not {frequency:g}")
    if device is not None and device not in family.devices:
        raise ValueError(f"unknown device {device!r} for {target}: use {', '.join(family.devices)}")
    if speed is not None and speed not in family.speeds:
        known = f"use {', '.join(family.speeds)}" if family.speeds else "it has none"
        raise ValueError(f"unknown speed grade {speed!r} for {target}: {known}")
    grade = speed or (family.speeds[0] if family.speeds else None)
    return family, device or next(iter(family.devices)), grade


def timing(
    variant: Variant,
    target: str = "ecp5",
    seeds: int = 3,
    *,
    device: str | None = None,
    speed: str | None = None,
    frequency: float = 200,
    yosys: Yosys = PINNED,
    step: Callable[[str], None] = lambda what: None,
) -> Timing:
    """Synthesize, place and route a design.

    Args:
        variant: the design.
        target: a name of ``TARGETS``.
        seeds: number of runs, with placement seeds from 1 on.
        device: a device of the target; its default where None.
        speed: a speed grade of the target; its default where None.
        frequency: what nextpnr is told to reach, in MHz.
        yosys: the Yosys that synthesizes.
        step: called with what runs now.

    Raises:
        ValueError: an option is bad.
        ToolError: a tool is missing or failed; the design may not fit the device.
    """
    family, device, grade = check_options(target, seeds, device, speed, frequency)
    family.nextpnr.check()
    step(f"synthesis ({yosys.label})")
    files = {"design.il": variant.netlist.text, "harness.v": harness(variant.netlist, family.pins)}
    text = yosys.run(synthesis_script(variant.top, family, device), files, read="mapped.json")
    modules: dict[str, Module] = json.loads(text)["modules"]
    gates = json.loads(yosys.run(reference_script(variant.top), files, read="reference.json"))
    design = modules[variant.top]
    labels = Labels(
        {"": modules[HARNESS], "dut.": design}, matched(gates["modules"][variant.top], design)
    )
    options = [*family.options, *family.devices[device][0].split()]
    options += ["--speed", grade] if grade else []
    options += ["--freq", f"{frequency:g}", "--timing-allow-fail", "--quiet"]
    options += ["--json", "mapped.json", "--report", "report.json", "--seed"]
    runs, used = [], {}
    for seed in range(1, seeds + 1):
        note = f" ({family.nextpnr.label})" if seed == 1 else ""
        step(f"place and route, seed {seed} of {seeds}{note}")
        try:
            result = family.nextpnr.call(
                [*options, f"{seed}"], {"mapped.json": text}, "report.json"
            )
        except ToolError as problem:
            raise ToolError(f"{variant.top} on {device}: {problem}") from None
        run, used = read_report(json.loads(result), seed, labels)
        runs.append(run)
    name = f"{device}-{grade}" if grade else device
    return Timing(target, name, _count(design, family), used, tuple(runs))


def read_report(
    report: Mapping[str, Any], seed: int, labels: Labels
) -> tuple[Run, dict[str, tuple[int, int]]]:
    """Return what nextpnr's report says: the run, and (used, available) of each kind of cell."""
    fmax, used = read_summary(report)
    return Run(seed, fmax, critical_path(report, labels)), used


def read_summary(report: Mapping[str, Any]) -> tuple[float, dict[str, tuple[int, int]]]:
    """Return the clock frequency in MHz, and (used, available) of each kind of cell."""
    if len(report["fmax"]) != 1:
        raise ToolError(f"nextpnr reports {len(report['fmax'])} clocks, not one")
    (clock,) = report["fmax"].values()
    used = {
        kind: (count["used"], count["available"])
        for kind, count in report["utilization"].items()
        if count["used"]
    }
    return clock["achieved"], used


def synthesis_script(top: str, family: Family, device: str) -> str:
    """Commands of Yosys that map a design in its harness, and write it for nextpnr."""
    command = f"{family.synthesis} {family.devices[device][1]}"
    # Without -run :check, which has autoname: it makes up names that look like the design's.
    return f"""read_rtlil design.il
setattr -mod -set keep_hierarchy 1 {top}
read_verilog harness.v
{command} -top {HARNESS} -run :check
hierarchy -check
check -noinit
blackbox =A:whitebox
write_json mapped.json"""


def _count(design: Module, family: Family) -> dict[str, int]:
    kinds = [cell["type"] for cell in design["cells"].values()]
    counts = {
        name: sum(1 for kind in kinds if re.fullmatch(pattern, kind))
        for name, pattern in family.cells.items()
    }
    return {name: count for name, count in counts.items() if count}
