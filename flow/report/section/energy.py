"""Energy of a multiplication with its addition: MX dot products beside BF16 baselines."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ....golden.baseline import Method
from ....golden.formats.catalogue import parse
from ....sim.bench.baseline import baseline_stimulus
from ....sim.bench.dot import dot_stimulus
from ....sim.simulator.program import ToolError
from ....sim.stimulus.stimulus import Stimulus
from ...catalogue.catalogue import Variant, variant
from ...study.operands import LANES, PRODUCTS, tensor_blocks, tensor_pairs
from ...synth.energy import STREAMS, Energy, energy
from ..cache import cached, fingerprint, identity, tool_version
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope

__all__ = ["PAPER", "energy_section"]

PAPER = 24.9
"""Percent by which the total energy of the MXSF accelerator of the MX-SAFE paper is below that of
its BF16 baseline: abstract, arXiv 2605.24391."""

_BASELINES: dict[str, Method] = {"bf16 window": "window", "bf16 tree": "tree"}
_REFERENCE = "bf16 window"
_STAGES = {
    "bf16 window": "product,largest,align,sum/2,sum,add,normalise,round",
    "bf16 tree": "product,sum/1,sum,round",
}
"""Registers of the pipelined baselines; dot products have as many as the window, eight."""

_BIT_COSTS = [round(10 ** (n / 8), 4) for n in range(-24, 17)]  # of a bit read, in the same unit


class _Row(NamedTuple):
    """A design's energy a MAC: without and with glitches."""

    name: str
    pipelined: bool
    latency: int
    spent: Energy

    @property
    def least(self) -> float:
        """All of it, every net changing once in a cycle at most."""
        spent = self.spent
        return (spent.settled + spent.registers + spent.clock) / LANES

    @property
    def most(self) -> float:
        """All of it, pulses of one cell's delay among them."""
        return self.spent.total / LANES


def energy_section(scope: Scope, step: Callable[[str], None], kept: Path) -> Section:
    """Energies a MAC, bits read a MAC, and what both make together.

    Args:
        scope: elements, beats, the Yosys, and a target ``liberty=FILE`` or generic gates.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    target = scope.gates
    unit = "pins" if target == "generic" else "pJ"
    section = Section("energy", "Energy", facts={"beats": scope.beats, "streams": STREAMS})
    try:
        scope.yosys.check()
        rows = _measure(scope, target, step, kept)
    except (ToolError, ImportError) as problem:
        section.missing.append(f"No energies: {problem}")
        return section
    if target == "generic":
        section.missing.append(
            "Energies are transitions of input pins of generic gates; in pJ with a cell library: "
            "mxsf report --only energy --target liberty=FILE"
        )
    section.facts |= {
        "operands": "; ".join(PRODUCTS),
        "yosys": tool_version(scope.yosys),
        "command": "mxsf report --only energy --target liberty=FILE",
    }
    section.tables = [_energies(rows, unit), _bits(scope)]
    by_name = {row.name: row for row in rows if row.pipelined}
    if "mxsf" in by_name and _REFERENCE in by_name:
        section.tables.append(_savings(rows))
        section.figures.append(_curve(by_name, unit))
        section.intro = [_sentence(by_name, unit)]
    section.intro = [
        "Dot products of eight lanes were mapped, and ran on the products of one training step "
        "(digits, 8x8 tiles): both layers forward, the gradient between them, both weight "
        "gradients. Every result was compared with the golden model. Each transition of a net "
        "costs what its pins' capacitances and the cells' internal energies say; clock pins cost "
        "two in every cycle.",
        "Limits: no wires, clock tree, memories or leakage. Glitches are counted as if each cell "
        "took the same time and had no inertia, which is more than real ones; without them is "
        "less. The truth lies between the two figures.",
        *section.intro,
    ]
    return section


def _measure(scope: Scope, target: str, step: Callable[[str], None], kept: Path) -> list[_Row]:
    """Logic alone, then pipelined, of every format and baseline."""
    version = tool_version(scope.yosys)
    cases = [
        (name, pipelined, _design(name, pipelined))
        for pipelined in (False, True)
        for name in (*scope.elements, *_BASELINES)
    ]

    def measure(name: str, design: Variant) -> dict[str, Any]:
        key = ["energy", fingerprint(), design.top, identity(target), scope.beats, version]

        def run() -> dict[str, Any]:
            return asdict(energy(design, _stimulus(design, name, scope.beats), target, scope.yosys))

        return cached(kept, key, run)

    jobs = [
        (f"energy of {design.top}", partial(measure, name, design)) for name, _, design in cases
    ]
    measured = side_by_side(jobs, step)
    return [
        _Row(name, pipelined, design.latency, Energy(**values))
        for (name, pipelined, design), values in zip(cases, measured, strict=True)
    ]


def _design(name: str, pipelined: bool) -> Variant:
    method = _BASELINES.get(name)
    stages = _STAGES.get(name, 8) if pipelined else 0
    if method is None:
        return variant("dot", element=name, block=LANES, stages=stages)
    return variant("baseline", method=method, block=LANES, stages=stages)


def _stimulus(design: Variant, name: str, beats: int) -> Stimulus:
    method = _BASELINES.get(name)
    if method is None:
        return dot_stimulus(design.component, tensor_pairs(parse(name), beats))
    return baseline_stimulus(design.component, tensor_blocks(method, beats))


def _energies(rows: list[_Row], unit: str) -> Table:
    cells = [
        [
            *(row.name, "pipelined" if row.pipelined else "logic", row.latency, row.spent.cells),
            *(row.spent.depth, *(round(x / LANES, 4) for x in _parts(row.spent))),
            *(round(row.least, 4), round(row.most, 4)),
        ]
        for row in rows
    ]
    columns = [
        *("design", "structure", "latency", "cells", "depth"),
        *("logic", "glitches", "registers", "clock", "without glitches", "with glitches"),
    ]
    note = "Latency in cycles; depth in cells of the longest path between registers."
    return Table("energy", f"Energy a MAC in {unit}, eight lanes", columns, cells, note, brief=True)


def _parts(spent: Energy) -> tuple[float, ...]:
    return spent.settled, spent.logic - spent.settled, spent.registers, spent.clock


def _element_bits(name: str) -> float:
    """Bits of an operand's element with its share of the scale."""
    return 16.0 if name in _BASELINES else parse(name).bits + 8 / LANES**2


def _bits(scope: Scope) -> Table:
    rows = [
        [name, bits, 2 * bits, 2 * bits / LANES]
        for name in (*scope.elements, _REFERENCE)
        for bits in (_element_bits(name),)
    ]
    return Table(
        "energy_bits",
        "Bits read a MAC",
        ["format", "bits an element", "each element read for each MAC", "read for 8 MACs"],
        rows,
        "Both operands; a scale is a byte for 64 elements. An engine of 8x8 tiles uses what it "
        "has read for eight outputs.",
    )


def _savings(rows: list[_Row]) -> Table:
    """How much less MXSF takes than each other design."""
    cells = []
    for pipelined in (False, True):
        by_name = {row.name: row for row in rows if row.pipelined is pipelined}
        mine = by_name["mxsf"]
        for name, row in by_name.items():
            if name != "mxsf":
                less = (_less(mine.least, row.least), _less(mine.most, row.most))
                cells.append([name, "pipelined" if pipelined else "logic", *less])
    return Table(
        "energy_savings",
        "MXSF takes so much less than another design, in percent",
        ["design", "structure", "without glitches", "with glitches"],
        cells,
        f"The MX-SAFE paper has {PAPER} % for its whole accelerator against its BF16 baseline "
        "(arXiv 2605.24391, abstract): other hardware, another process, memories among it.",
        brief=True,
    )


def _less(mine: float, other: float) -> float:
    return round(100 * (1 - mine / other), 1)


def _with_memory(row: _Row, cost: float) -> float:
    """Energy a MAC without glitches and of its bits, each read for eight MACs."""
    return row.least + cost * 2 * _element_bits(row.name) / LANES


def _curve(rows: dict[str, _Row], unit: str) -> Figure:
    lines = {
        f"less than {name}": [
            [cost, _less(_with_memory(rows["mxsf"], cost), _with_memory(rows[name], cost))]
            for cost in _BIT_COSTS
        ]
        for name in _BASELINES
    }
    lines["MX-SAFE paper, whole accelerator"] = [[cost, PAPER] for cost in _BIT_COSTS]
    return Figure(
        "energy_memory",
        "MXSF against BF16 by what it costs to read a bit, pipelined",
        "lines",
        {"lines": lines, "x": f"{unit} to read a bit", "y": "percent less", "logs": ["x"]},
        "Bits are read for eight MACs. On the left the logic decides, on the right the bits.",
    )


def _sentence(rows: dict[str, _Row], unit: str) -> str:
    """The ratio to put beside the paper's, plainly."""
    mine, other = rows["mxsf"], rows[_REFERENCE]
    least, most = _less(mine.least, other.least), _less(mine.most, other.most)
    text = (
        f"Pipelined, the MXSF dot product takes {least} % less energy a MAC than the smaller "
        f"BF16 baseline without glitches and {most} % less with them; the paper states {PAPER} % "
        "for a whole accelerator."
    )
    bits = 2 * (_element_bits(_REFERENCE) - _element_bits("mxsf")) / LANES
    lacking = PAPER / 100 * other.least - (other.least - mine.least)
    share = bits - PAPER / 100 * 2 * _element_bits(_REFERENCE) / LANES
    if lacking > 0 and share > 0:
        text += (
            f" With memories it is the paper's {PAPER} % where reading a bit costs "
            f"{lacking / share:.2g} {unit}."
        )
    return text
