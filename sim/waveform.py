"""Waveforms of a design's ports, for engines that have none of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vcd import VCDWriter
from vcd.gtkw import GTKWSave

__all__ = ["Port", "Trace"]


class Port(NamedTuple):
    """A port of the netlist: Verilog name, width in bits, whether it is an input."""

    name: str
    width: int
    input: bool


class Trace:
    """Waveform of the ports, one sample a cycle."""

    def __init__(self, path: Path, ports: Sequence[Port]):
        with path.with_suffix(".gtkw").open("w") as file:
            layout = GTKWSave(file)
            layout.dumpfile(str(path.name))
            for port in ports:
                wide = f"[{port.width - 1}:0]" if port.width > 1 else ""
                layout.trace(f"top.{port.name}{wide}")
        self._file = path.open("w")
        self._writer = VCDWriter(self._file, timescale="1 ns", date="", comment="")
        self._variables = {
            p.name: self._writer.register_var("top", p.name, "wire", size=p.width) for p in ports
        }
        self._clock = self._writer.register_var("top", "clk", "wire", size=1)
        self._time = 0

    def sample(self, values: dict[str, int]) -> None:
        """Write one cycle: values settle while clk is low."""
        self._writer.change(self._clock, self._time, 0)
        for name, value in values.items():
            self._writer.change(self._variables[name], self._time, value)
        self._writer.change(self._clock, self._time + 5, 1)
        self._time += 10

    def close(self) -> None:
        """Finish the file."""
        self._writer.close(self._time)
        self._file.close()
