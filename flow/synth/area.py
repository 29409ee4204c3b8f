"""Area: a netlist through Yosys for a target, its cells counted.

The targets: generic two-input gates, Lattice iCE40 and ECP5, Xilinx 7 series, and any standard
cell library in Liberty format.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...hdl.layouts import Fabric
from ...sim.simulator.yosys import PINNED, Yosys, YosysError
from ..netlist.netlist import Netlist
from .liberty import cell_texts, read_liberty

__all__ = ["TARGETS", "Area", "area", "check_target", "fabric_of", "synthesis"]

TARGETS = {
    "generic": "synth -flatten -top {top}",
    "ice40": "synth_ice40 -flatten -top {top}",
    "ecp5": "synth_ecp5 -flatten -nodsp -top {top}",
    "ecp5-dsp": "synth_ecp5 -flatten -top {top}",
    "xilinx": "synth_xilinx -flatten -family xc7 -noiopad -noclkbuf -top {top}",
}
"""Yosys command of each target; ``liberty=FILE`` is the one more."""

_LIBERTY = """synth -flatten -top {top}
dfflibmap -liberty cells.lib
abc -liberty cells.lib
opt_clean"""

_FLIP_FLOP = re.compile(r"\$_.*DFF|^SB_DFF|^TRELLIS_FF|^FD[RSPC]E")
_LUT = re.compile(r"^SB_LUT4$|^LUT\d$")
_CARRY = re.compile(r"^SB_CARRY$|^CCU2C$|^CARRY4$")
_MULTIPLIER = re.compile(r"^MULT|^SB_MAC16|^DSP48")
_MEMORY = re.compile(r"^DP16KD|^TRELLIS_DPR16X4|^SB_RAM40|^RAMB|^RAM\d")


@dataclass(frozen=True)
class Area:
    """What a design takes on a target.

    Attributes:
        target: the target's name.
        cells: number of cells by type.
        gates: combinational cells (generic and Liberty), not counting constants.
        luts: look-up tables (FPGAs).
        carries: carry cells (FPGAs).
        flip_flops: flip-flops and latches.
        multipliers: hard multipliers.
        memories: block RAMs and LUTs as memory (FPGAs).
        square_microns: cell area, um^2 (Liberty).
        nand2: cell area in areas of the smallest two-input NAND (Liberty).
    """

    target: str
    cells: dict[str, int] = field(repr=False)
    gates: int | None = None
    luts: int | None = None
    carries: int | None = None
    flip_flops: int = 0
    multipliers: int = 0
    memories: int = 0
    square_microns: float | None = None
    nand2: float | None = None

    @property
    def measure(self) -> tuple[str, float]:
        """The figure that says how large it is: its unit and the amount."""
        if self.square_microns is not None:
            return "um^2", self.square_microns
        if self.luts is not None:
            return "LUTs", float(self.luts)
        return "gates", float(self.gates or 0)

    def row(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def check_target(target: str) -> None:
    """Raise ValueError where a target is none."""
    if target.startswith("liberty="):
        path = Path(target.removeprefix("liberty="))
        if not path.is_file():
            raise ValueError(f"no liberty file {path}")
    elif target not in TARGETS:
        known = ", ".join(TARGETS)
        raise ValueError(f"unknown target {target!r}: use {known} or liberty=FILE")


def fabric_of(target: str) -> Fabric:
    """The fabric whose structures suit a target.

    >>> fabric_of("generic"), fabric_of("ice40"), fabric_of("ecp5-dsp")
    ('asic', 'fpga', 'dsp')
    """
    if target == "generic" or target.startswith("liberty="):
        return "asic"
    return "dsp" if target.endswith("-dsp") else "fpga"


def synthesis(design: Netlist, target: str) -> tuple[dict[str, str], str]:
    """Files and commands of Yosys that map a netlist.

    Raises:
        ValueError: the target is unknown.
    """
    check_target(target)
    files = {"design.il": design.text}
    commands = TARGETS.get(target, _LIBERTY)
    if target.startswith("liberty="):
        files["cells.lib"] = read_liberty(Path(target.removeprefix("liberty=")))
    return files, f"read_rtlil design.il\n{commands.format(top=design.top)}"


def area(design: Netlist, target: str = "generic", yosys: Yosys = PINNED) -> Area:
    """Synthesize a netlist and count its cells.

    Args:
        design: the netlist.
        target: a name of ``TARGETS``, or ``liberty=FILE`` (also gzipped).
        yosys: the Yosys to use.

    Raises:
        ValueError: the target is unknown.
        YosysError: Yosys failed or gave no area.
    """
    files, commands = synthesis(design, target)
    options = "-liberty cells.lib" if "cells.lib" in files else ""
    script = f"{commands}\ntee -q -o stat.json stat -json {options}"
    report = json.loads(yosys.run(script, files, read="stat.json"))
    total = report["design"]
    counts = {k.lstrip("\\"): int(_number(v)) for k, v in total["num_cells_by_type"].items()}
    cells = {kind: n for kind, n in counts.items() if kind != "$scopeinfo"}  # flatten's notes
    if not cells and not design.only_wires:
        raise YosysError(f"{yosys.name} found no cells in {design.top}")
    if target.startswith("liberty="):
        return _of_liberty(target, cells, float(total.get("area", 0)), files["cells.lib"])
    count = _counter(cells)
    flip_flops, multipliers = count(_FLIP_FLOP), count(_MULTIPLIER)
    if target == "generic":
        return Area(target, cells, gates=sum(cells.values()) - flip_flops, flip_flops=flip_flops)
    return Area(
        target,
        cells,
        luts=count(_LUT),
        carries=count(_CARRY),
        flip_flops=flip_flops,
        multipliers=multipliers,
        memories=count(_MEMORY),
    )


def _of_liberty(target: str, cells: dict[str, int], total: float, library: str) -> Area:
    if cells and not total:
        raise YosysError("Yosys gave no area; is this a Liberty file of standard cells?")
    areas: dict[str, float] = {}
    sequential: set[str] = set()
    for name, body in cell_texts(library).items():
        if match := re.search(r"\barea\s*:\s*([\d.eE+-]+)", body):
            areas[name] = float(match[1])
        if re.search(r"\b(ff|latch)\s*\(", body):
            sequential.add(name)
    flip_flops = sum(n for cell, n in cells.items() if cell in sequential)
    nands = [a for name, a in areas.items() if re.search(r"nand_?2", name, re.I) and a > 0]
    return Area(
        target,
        cells,
        gates=sum(cells.values()) - flip_flops,
        flip_flops=flip_flops,
        square_microns=total,
        nand2=total / min(nands) if nands else None,
    )


def _counter(cells: dict[str, int]) -> Any:
    return lambda kind: sum(n for cell, n in cells.items() if kind.search(cell))


def _number(value: Any) -> float:
    """Yosys writes a count as a number, or as an object with a count, by version."""
    return value["count"] if isinstance(value, dict) else value
