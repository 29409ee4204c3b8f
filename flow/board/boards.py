"""Boards of amaranth-boards: which there are, and the top with the pins of one of them.

The engine's netlist goes in as the file that the rest of the flow reads, so that a board needs no
other synthesis; pins, clock, reset and the command lines of the tools are those of the platform.
"""

import importlib
import json
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from amaranth.build import ResourceError
from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, ResetSignal
from amaranth.lib.io import Buffer
from amaranth.vendor import LatticeECP5Platform, LatticeICE40Platform

from ...hdl.board.uart import LEAST_DIVISOR
from ...sim.simulator.program import ToolError
from ..netlist.netlist import Netlist

__all__ = ["BAUD", "BoardKind", "Plan", "boards", "divisor", "find_board", "plan"]

BAUD = 115_200
"""Bits a second on the serial line by default."""

_TOLERANCE = 0.02  # of the bit's length; the receiver on the other side has its own
_PACKAGE = "amaranth_boards"
_ENGINE = "engine.il"
_LIGHTS = {"passed": ("led_g", 0), "failed": ("led_r", 0), "running": ("led", 2)}


@dataclass(frozen=True)
class BoardKind:
    """A board that can be built for: its device has a family here, and it has a clock and a UART.

    Attributes:
        name: what the command line calls it.
        platform: its class in amaranth-boards.
        family: ``"ecp5"`` or ``"ice40"``.
    """

    name: str
    platform: Any
    family: str

    @property
    def device(self) -> str:
        """The FPGA."""
        return self.platform.device

    @property
    def multipliers(self) -> bool:
        """Whether the device has hard multipliers."""
        return self.family == "ecp5" or self.device.startswith("iCE40UP")

    def engine(self) -> dict[str, str]:
        """Parameters of an engine that fits the device; those of ``matmul`` for all others."""
        fabric = "dsp" if self.multipliers else "fpga"
        if self.family == "ecp5":
            return {"pes": "1", "fabric": fabric}
        small = {"tile": "4", "pes": "1", "depth": "16", "requantize": "no"}
        return {**small, "stages": "sum,exponent,add,round", "fabric": fabric}

    def synthesis(self, fabric: str) -> str:
        """Options of the family's Yosys command."""
        if self.family == "ecp5":
            return "" if fabric == "dsp" else "-nodsp"
        device = "-device u" if self.device.startswith("iCE40UP") else ""
        return f"-dsp {device}" if fabric == "dsp" else device


def boards() -> dict[str, BoardKind]:
    """Boards by name, in the order of their names.

    Raises:
        ToolError: amaranth-boards is not installed.
    """
    if find_spec(_PACKAGE) is None:
        raise ToolError("amaranth-boards is not installed: pip install 'mxsf[boards]'")
    package = importlib.import_module(_PACKAGE)
    kinds = {}
    for module in pkgutil.iter_modules(package.__path__, f"{_PACKAGE}."):
        if module.ispkg:
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and (kind := _kind(value)) is not None:
                kinds[kind.name] = kind
    return dict(sorted(kinds.items()))


def find_board(name: str) -> BoardKind:
    """Return the board of a name.

    Raises:
        ToolError: amaranth-boards is not installed.
        ValueError: there is no such board.
    """
    known = boards()
    if name not in known:
        raise ValueError(f"unknown board {name!r}: use {', '.join(known)}")
    return known[name]


def _kind(platform: type) -> BoardKind | None:
    if not issubclass(platform, LatticeECP5Platform | LatticeICE40Platform):
        return None
    device = platform.device
    ecp5 = isinstance(device, str) and device.startswith("LFE5")
    ice40 = issubclass(platform, LatticeICE40Platform) and isinstance(device, str)
    resources = getattr(platform, "resources", None)
    if not (ecp5 or ice40) or not isinstance(resources, list) or platform.default_clk is None:
        return None
    if not any((resource.name, resource.number) == ("uart", 0) for resource in resources):
        return None
    name = re.sub(r"_?Platform$", "", platform.__name__).lower()
    return BoardKind(name, platform, "ecp5" if ecp5 else "ice40")


def divisor(clock: int, baud: int) -> int:
    """Cycles of a bit on the serial line.

    Raises:
        ValueError: the clock does not reach the rate within 2 %, or bits are too short.
    """
    if baud < 1:
        raise ValueError(f"baud must be at least 1, not {baud}")
    cycles = round(clock / baud)
    if cycles < LEAST_DIVISOR or abs(clock / baud / cycles - 1) > _TOLERANCE:
        raise ValueError(f"baud {baud} cannot be made from a clock of {clock / 1e6:g} MHz")
    return cycles


@dataclass(frozen=True)
class Plan:
    """Files and command lines that make a bitstream.

    Attributes:
        files: contents by name.
        commands: program and arguments, one after the other: synthesis, place and route, packing.
        name: stem of the files that the commands write.
    """

    files: Mapping[str, bytes]
    commands: list[list[str]]
    name: str


def plan(kind: BoardKind, netlist: Netlist, fabric: str) -> Plan:
    """Return what has to run for a board.

    Args:
        kind: the board.
        netlist: that of ``mxsf.hdl.board.board.Board``.
        fabric: of the engine.
    """
    platform = kind.platform()
    platform.add_file(_ENGINE, netlist.text)
    made = platform.prepare(
        _Pinned(netlist.top), kind.name, emit_src=False, synth_opts=kind.synthesis(fabric)
    )
    files = {n: c.encode() if isinstance(c, str) else c for n, c in made.files.items()}
    commands = json.loads(files[f"build_{kind.name}.json"])["commands"]
    return Plan(files, commands, kind.name)


class _Pinned(Elaboratable):
    """The top between the pins of a board: serial line 0, and lights where there are some."""

    def __init__(self, top: str):
        self._top = top

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = Buffer("i", uart.rx)
        m.submodules.tx = tx = Buffer("o", uart.tx)
        lights = {}
        for number, (name, (light, index)) in enumerate(_LIGHTS.items()):
            port = _request(platform, light, index) or _request(platform, "led", number)
            if port is not None:
                m.submodules[name] = buffer = Buffer("o", port)
                lights[f"o_{name}"] = buffer.o
        m.submodules.board = Instance(
            self._top,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(allow_reset_less=True),
            i_rx=rx.i,
            o_tx=tx.o,
            **lights,
        )
        return m


def _request(platform: Any, name: str, number: int) -> Any:
    """Return a light, or None: the board has none of that name, or its pin is taken."""
    try:
        return platform.request(name, number, dir="-")
    except ResourceError:
        return None
