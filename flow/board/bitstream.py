"""Bitstreams: a self-testing engine for a board, through Yosys, nextpnr and the packer.

amaranth-boards' own flow would run its tools once, from a script, in a shell. Here the same files
and command lines (``flow.boards.plan``) are run one by one: several seeds share one synthesis, the
pinned WebAssembly tools serve, and each error is one line.
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ...golden.files import write_whole
from ...hdl.board.board import make_board
from ...sim.simulator.program import Tool, ToolError
from ...sim.simulator.yosys import PINNED
from ..catalogue.catalogue import CATALOGUE, Variant, variant
from ..netlist.netlist import netlist
from ..synth.timing import TARGETS, read_summary
from .boards import BAUD, BoardKind, Plan, divisor, plan

__all__ = ["ENGINE", "Bitstream", "build", "write_bitstream"]

ENGINE = CATALOGUE["matmul"]
"""The design that is put on boards."""


def _packer(family: str, name: str) -> Tool:
    module = f"yowasp_nextpnr_{family}"
    return Tool.of_package(module, f"_run_{name}_argv", f"YoWASP {name}", "boards")


_PACKERS = {"ecp5": _packer("ecp5", "ecppack"), "ice40": _packer("ice40", "icepack")}
_CONFIGS = {"ecp5": "config", "ice40": "asc"}
_SUFFIXES = {"ecp5": "bit", "ice40": "bin"}
_REPORT = "report.json"


@dataclass(frozen=True)
class Bitstream:
    """A bitstream and what is known of it.

    Attributes:
        kind: the board.
        engine: the engine on it, a variant of ``ENGINE``.
        clock: in Hz, that of the board.
        baud: bits a second on the serial line.
        expected: golden CRC of the self-test.
        macs: multiplications of the product that the self-test times.
        runs: highest clock frequency in MHz by placement seed.
        used: cells of the device by kind: (used, available), of the fastest run.
        data: the bitstream, of the fastest run.
    """

    kind: BoardKind
    engine: Variant
    clock: int
    baud: int
    expected: int
    macs: int
    runs: dict[int, float]
    used: dict[str, tuple[int, int]]
    data: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.kind.name}_{self.engine.top}"

    @property
    def fmax(self) -> float:
        """Median clock frequency in MHz; of an even number of runs the lower one in the middle."""
        return statistics.median_low(self.runs.values())

    @property
    def meets_timing(self) -> bool:
        """Whether the run that made the bitstream is as fast as the board's clock."""
        return max(self.runs.values()) * 1e6 >= self.clock

    def row(self) -> dict[str, Any]:
        """Plain data for JSON."""
        packages = ("mxsf", "amaranth", "amaranth-boards", PINNED.needs)
        packages += (f"yowasp-nextpnr-{self.kind.family}",)
        return {
            "schema": 1,
            "board": self.kind.name,
            "device": self.kind.device,
            "engine": self.engine.top,
            "parameters": self.engine.settings(),
            "clock_hz": self.clock,
            "baud": self.baud,
            "self_test": {"crc": f"{self.expected:08x}", "macs": self.macs},
            "fmax_mhz": round(self.fmax, 2),
            "runs": [{"seed": s, "fmax_mhz": round(f, 2)} for s, f in self.runs.items()],
            "utilisation": {
                kind: {"used": used, "available": there}
                for kind, (used, there) in self.used.items()
            },
            "versions": {name: version(name) for name in packages},
        }


def build(
    kind: BoardKind,
    options: dict[str, Any],
    *,
    seeds: int = 1,
    baud: int = BAUD,
    step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Bitstream:
    """Make a bitstream; the fastest of some placements.

    Args:
        kind: the board.
        options: parameters of the engine that differ from ``BoardKind.engine``, text or values.
        seeds: placements, with seeds from 1 on.
        baud: bits a second on the serial line.
        step: called with what runs now, jobs done, and all jobs.

    Raises:
        ValueError: a parameter is bad.
        ToolError: a tool is missing or failed; the design may not fit the device.
    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, not {seeds}")
    clock = int(kind.platform().default_clk_frequency)
    engine = variant(ENGINE.name, **{**kind.engine(), **options})
    engine.check_effect(options)
    cycles = divisor(clock, baud)
    packer = _PACKERS[kind.family]
    packer.check()
    PINNED.check()
    total = seeds + 3
    step(f"{engine.top}: netlist and golden answer", 0, total)
    board = make_board(engine.component, clock=clock, divisor=cycles)
    work = plan(kind, netlist(board, f"mxsf_{kind.name}"), engine.values["fabric"])
    step(f"{engine.top} for {kind.name}: synthesis ({PINNED.label})", 1, total)
    mapped = _synthesize(work)
    placed_by_seed: dict[int, _Placed] = {}
    for seed in range(1, seeds + 1):
        step(f"place and route, seed {seed} of {seeds}", 1 + seed, total)
        placed_by_seed[seed] = _place(kind, work, mapped, seed)
    fastest = max(placed_by_seed.values(), key=lambda placed: placed.fmax)
    step("packing", seeds + 2, total)
    return Bitstream(
        kind=kind,
        engine=engine,
        clock=clock,
        baud=baud,
        expected=board.tester.expected,
        macs=board.test.macs,
        runs={seed: placed.fmax for seed, placed in placed_by_seed.items()},
        used=fastest.used,
        data=_pack(kind, work, fastest.config),
    )


def write_bitstream(made: Bitstream, folder: Path) -> tuple[Path, Path]:
    """Write the bitstream and its JSON into a folder, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{made.name}.{_SUFFIXES[made.kind.family]}", folder / f"{made.name}.json"
    write_whole(paths[0], made.data)
    write_whole(paths[1], json.dumps(made.row(), indent=2) + "\n")
    return paths


def _synthesize(work: Plan) -> bytes:
    """Yosys: the netlist of the device's cells."""
    _, *arguments = work.commands[0]
    output = f"{work.name}.json"
    return PINNED.collect(arguments, work.files, [output])[1][output]


class _Placed(NamedTuple):
    """A placement: frequency in MHz, cells (used, available), and the configuration as text."""

    fmax: float
    used: dict[str, tuple[int, int]]
    config: bytes


def _place(kind: BoardKind, work: Plan, mapped: bytes, seed: int) -> _Placed:
    """Place and route."""
    _, *arguments = work.commands[1]
    arguments += ["--seed", f"{seed}", "--report", _REPORT, "--timing-allow-fail"]
    config = f"{work.name}.{_CONFIGS[kind.family]}"
    files = {**work.files, f"{work.name}.json": mapped}
    try:
        _, outputs = TARGETS[kind.family].nextpnr.collect(arguments, files, [_REPORT, config])
    except ToolError as problem:
        raise ToolError(f"{kind.name}: {problem}") from None
    return _Placed(*read_summary(json.loads(outputs[_REPORT])), outputs[config])


def _pack(kind: BoardKind, work: Plan, config: bytes) -> bytes:
    """Configuration to bitstream."""
    _, *arguments = work.commands[2]
    output = f"{work.name}.{_SUFFIXES[kind.family]}"
    files = {f"{work.name}.{_CONFIGS[kind.family]}": config}
    return _PACKERS[kind.family].collect(arguments, files, [output])[1][output]
