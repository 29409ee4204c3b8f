"""Breakdown of an area: the cells of each module of a design, its hierarchy kept.

The netlist is synthesized without flattening, so that every module stands once in the result and
counts once for each place where it is. What that costs against the flattened design, which is
optimised across the borders, is for the caller to say: a few percent.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...sim.simulator.yosys import PINNED, Yosys
from ..netlist.netlist import Netlist

__all__ = ["Part", "breakdown"]

_SCRIPT = """read_rtlil design.il
synth -top {top}
tee -q -o stat.json stat -json"""

Modules = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Part:
    """Cells of a module's own, without those of the modules in it.

    Attributes:
        path: concepts of the modules around it and its own, from below the top; empty for the top.
        instances: places where it stands under this path.
        gates: combinational two-input gates in all of them.
        flip_flops: flip-flops in all of them.
    """

    path: tuple[str, ...]
    instances: int
    gates: int
    flip_flops: int


def breakdown(design: Netlist, yosys: Yosys = PINNED) -> list[Part]:
    """Synthesize for generic gates, module by module, and count the cells of each.

    Args:
        design: the netlist.
        yosys: the Yosys to use.

    Returns:
        The parts, the top first; those of one path are one.

    Raises:
        YosysError: Yosys failed.
    """
    script = _SCRIPT.format(top=design.top)
    report = json.loads(yosys.run(script, {"design.il": design.text}, read="stat.json"))
    modules = {
        name.lstrip("\\"): {kind.lstrip("\\"): n for kind, n in module["num_cells_by_type"].items()}
        for name, module in report["modules"].items()
    }
    parts: dict[tuple[str, ...], Part] = {}
    for part in _walk(modules, design.top, design.top, (), 1):
        before = parts.get(part.path, Part(part.path, 0, 0, 0))
        parts[part.path] = Part(
            part.path,
            before.instances + part.instances,
            before.gates + part.gates,
            before.flip_flops + part.flip_flops,
        )
    return list(parts.values())


def _walk(
    modules: Modules, top: str, name: str, path: tuple[str, ...], times: int
) -> Iterator[Part]:
    cells = modules[name]
    flip_flops = sum(n for kind, n in cells.items() if "DFF" in kind)
    inner = {kind: n for kind, n in cells.items() if kind in modules}
    gates = sum(cells.values()) - flip_flops - sum(inner.values())
    yield Part(path, times, times * gates, times * flip_flops)
    for kind, count in inner.items():
        yield from _walk(modules, top, kind, (*path, _concept(kind, top)), times * count)


def _concept(name: str, top: str) -> str:
    """What a module is called in every design: without the top's name and the number."""
    stem, _, number = name.removeprefix(f"{top}__").rpartition("_")
    return stem if number.isdigit() else name.removeprefix(f"{top}__")
