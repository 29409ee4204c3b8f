"""The critical path of a placed and routed design, in the design's own names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .net_names import Bit, Module, names, nets

__all__ = ["CriticalPath", "Labels", "Step", "critical_path"]

_PACKED = re.compile(r"(_LC|_DFFLC|_CARRY_LC|\$CCU2_COMB\d)$")  # what nextpnr appends when it packs
_NOISE = re.compile(r"\$|^_\d+_$")


@dataclass(frozen=True)
class Step:
    """One step of a path.

    Attributes:
        kind: clk-to-q, logic, routing or setup.
        delay: nanoseconds.
        net: readable name of the net that the step drives or routes; empty where it has none.
        cell: cell at its end, as the tools call it.
        port: port of that cell.
        location: column and row of that cell.
    """

    kind: str
    delay: float
    net: str
    cell: str
    port: str
    location: tuple[int, int]


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path between two registers.

    Attributes:
        start: signal of the register where it starts.
        end: signal of the register where it ends.
        steps: every step between.
    """

    start: str
    end: str
    steps: tuple[Step, ...]

    @property
    def delay(self) -> float:
        """Whole delay, setup included, in nanoseconds."""
        return sum(step.delay for step in self.steps)

    @property
    def routing(self) -> float:
        """Delay of the wires in nanoseconds."""
        return sum(step.delay for step in self.steps if step.kind == "routing")

    @property
    def logic(self) -> float:
        """Delay of the cells in nanoseconds: clock to output, logic and setup."""
        return self.delay - self.routing

    @property
    def wires(self) -> int:
        """Wires that the path takes; carry chains and what is inside a slice take none."""
        return sum(1 for step in self.steps if step.kind == "routing" and step.delay > 0)

    def passed(self) -> list[str]:
        """Signals between start and end in order, without bit numbers, each once."""
        ends = {_signal(self.start), _signal(self.end)}
        between = (_signal(step.net) for step in self.steps if step.net)
        return [name for name in dict.fromkeys(between) if name not in ends]

    def __str__(self) -> str:
        way = " > ".join([self.start, *self.passed(), self.end])
        return (
            f"{self.delay:.2f} ns = {self.logic:.2f} logic + {self.routing:.2f} routing "
            f"over {self.wires} wires:\n  {way}"
        )

    def row(self) -> dict[str, Any]:
        """Plain data for JSON, all steps."""
        facts = {
            "start": self.start,
            "passed": self.passed(),
            "end": self.end,
            "delay": round(self.delay, 3),
            "logic": round(self.logic, 3),
            "routing": round(self.routing, 3),
            "wires": self.wires,
        }
        return facts | {"steps": [asdict(step) for step in self.steps]}


class Labels:
    """Readable names of the cells and nets that nextpnr reports.

    Args:
        modules: the two modules of the mapped netlist by instance path: the harness under ``""``
            and the design under ``"dut."``.
        signals: names of the design's bits.
    """

    def __init__(self, modules: Mapping[str, Module], signals: Mapping[Bit, str]):
        self._modules = modules
        self._nets = {prefix: nets(module) for prefix, module in modules.items()}
        harness, ports = modules[""], modules["dut."]["ports"]
        registers = {name: net for name, net in harness["netnames"].items() if name in ports}
        own = names({**harness, "netnames": registers})
        self._names: dict[str, Mapping[Bit, str]] = {
            "": {bit: f"port {labels[0]}" for bit, labels in own.items()},
            "dut.": signals,
        }
        outside = harness["cells"]["dut"]["connections"]
        self._outside: dict[Bit, Bit] = {}  # bit of the harness by bit of the design
        for port, wires in outside.items():
            if ports[port]["direction"] == "output":
                self._outside.update(zip(ports[port]["bits"], wires, strict=True))

    def net(self, name: str) -> str:
        """Name of a net, empty where the design has none for it."""
        prefix, rest = self._split(name)
        bit = self._nets[prefix].get(rest)
        return "" if bit is None else self._names[prefix].get(bit, "")

    def register(self, cell: str, net: str = "") -> str:
        """Name of the register that is in a cell.

        Args:
            cell: the cell's name.
            net: the net that it drives, where known.
        """
        prefix, rest = self._split(_PACKED.sub("", cell))
        inside = self._modules[prefix]["cells"].get(rest)
        if inside is None:
            return self.net(net) or cell
        if "Q" in inside["connections"]:
            label = self._names[prefix].get(inside["connections"]["Q"][0], "")
        else:
            label = self._behind(prefix, _outputs(inside))
        if not label and not _NOISE.search(rest):
            return rest
        if not label:  # a multiplier or a memory: what it drives tells which
            known = (self._names[prefix].get(bit) for bit in sorted(_outputs(inside), key=str))
            label = next((f"{inside['type']} of {name}" for name in known if name), "")
        return label or self.net(net) or f"{inside['type']} {rest}"

    def _behind(self, prefix: str, bits: set[Bit]) -> str:
        """Name of the register that stores one of some bits: nextpnr packs it with their LUT."""
        for cell in self._modules[prefix]["cells"].values():
            pins = cell["connections"]
            if "Q" in pins and not bits.isdisjoint(pins.get("D") or pins.get("DI", ())):
                return self._names[prefix].get(pins["Q"][0], "")
        outside = {self._outside[bit] for bit in bits if bit in self._outside}
        return self._behind("", outside) if prefix and outside else ""

    def _split(self, name: str) -> tuple[str, str]:
        return ("dut.", name[4:]) if name.startswith("dut.") else ("", name)


def critical_path(report: Mapping[str, Any], labels: Labels) -> CriticalPath:
    """Read the slowest path from register to register out of nextpnr's report.

    Args:
        report: nextpnr's ``--report``, parsed.
        labels: readable names.

    Raises:
        ValueError: the report has no such path.
    """
    paths = [
        path["path"]
        for path in report["critical_paths"]
        if "<async>" not in (path["from"], path["to"]) and path["path"]
    ]
    if not paths:
        raise ValueError("nextpnr reports no path from register to register")
    raw = max(paths, key=lambda path: sum(step["delay"] for step in path))
    steps = tuple(
        Step(
            step["type"],
            round(step["delay"], 4),
            labels.net(step.get("net", "")),
            step["to"].get("cell", ""),
            step["to"].get("port", ""),
            tuple(step["to"]["loc"]),
        )
        for step in raw
    )
    start = labels.register(raw[0]["from"].get("cell", ""), _first_net(raw))
    return CriticalPath(start, labels.register(raw[-1]["to"].get("cell", "")), steps)


def _first_net(path: Sequence[Mapping[str, Any]]) -> str:
    return next((step["net"] for step in path if step.get("net")), "")


def _outputs(cell: Mapping[str, Any]) -> set[Any]:
    directions = cell.get("port_directions", {})
    return {
        bit
        for port, bits in cell["connections"].items()
        if directions.get(port) == "output"
        for bit in bits
    }


def _signal(name: str) -> str:
    return re.sub(r"\[\d+\]", "", name).lstrip("~")
