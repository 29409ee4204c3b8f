"""Waveforms of a design's ports: written for simulators without their own, and read back."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from vcd import VCDWriter
from vcd.gtkw import GTKWSave
from vcd.reader import ScalarChange, TokenKind, VectorChange, tokenize

from ...golden.files import whole_file

__all__ = ["PERIOD", "Port", "Trace", "check_waveform", "read_samples", "wave_files"]

PERIOD = 1e-8
"""Seconds of a clock cycle in every waveform."""


class Port(NamedTuple):
    """A port of the netlist: Verilog name, width in bits, whether it is an input."""

    name: str
    width: int
    input: bool


class _Text(io.TextIOWrapper):
    """A text file under a name of our own, which a layout quotes."""

    def __init__(self, file: IO[bytes], name: str):
        super().__init__(file, "utf-8")
        self._name = name

    @property
    def name(self) -> str:
        return self._name


def check_waveform(path: Path) -> None:
    """Raise ValueError where the layout would be the waveform."""
    if path.with_suffix(".gtkw") == path:
        raise ValueError(f"the waveform (vcd) {path} would be its own layout: name it otherwise")


@contextmanager
def wave_files(path: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    """Open a waveform (VCD) and its layout (``.gtkw``) for writing.

    They appear when the block ends, by an exception too: then the waveform is wanted most.

    Raises:
        ValueError: the path is that of a layout.
        OSError: one cannot be written.
    """
    check_waveform(path)
    layout = path.with_suffix(".gtkw")
    path.parent.mkdir(parents=True, exist_ok=True)
    problem = None
    with (
        whole_file(path) as data,
        whole_file(layout) as arrangement,
        _Text(data, str(path)) as wave,
        _Text(arrangement, str(layout)) as text,
    ):
        try:
            yield wave, text
        except Exception as raised:
            problem = raised
    if problem is not None:
        raise problem


class Trace:
    """Waveform of the ports, one sample a cycle.

    Args:
        files: the waveform and its layout, open.
        ports: what it shows.
    """

    def __init__(self, files: tuple[IO[str], IO[str]], ports: Sequence[Port]):
        wave, text = files
        layout = GTKWSave(text)
        layout.dumpfile(Path(wave.name).name)
        for port in ports:
            wide = f"[{port.width - 1}:0]" if port.width > 1 else ""
            layout.trace(f"top.{port.name}{wide}")
        self._writer = VCDWriter(wave, timescale="1 ns", date="", comment="")
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
        """Finish the waveform."""
        self._writer.close(self._time)


def read_samples(path: Path, names: Sequence[str], cycles: int) -> dict[str, list[int]]:
    """Read ports of the top module from a waveform (VCD) of any simulator.

    Args:
        path: the file, with its layout (``.gtkw``) beside it.
        names: names of the ports.
        cycles: how many cycles from the start.

    Returns:
        For each port its value in each cycle, as it settled before the rising edge of the clock
        in the middle of the cycle.

    Raises:
        ValueError: the file has no such port.
    """
    samples: dict[str, list[int]] = {name: [] for name in names}
    values = dict.fromkeys(names, 0)
    variables = _variables(path.with_suffix(".gtkw").read_text(), names)
    ports: dict[str, str] = {}  # names by the file's own codes
    scopes: list[str] = []
    taken = 0
    half = 1  # half a cycle in units of the file

    data: Any
    with io.BytesIO(_NAMELESS.sub(b"", path.read_bytes())) as file:
        for kind, _, data in tokenize(file):
            if kind is TokenKind.SCOPE:
                scopes.append(data.ident)
            elif kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif kind is TokenKind.TIMESCALE:
                unit = data.magnitude.value * _SECONDS[data.unit.value]
                half = round(PERIOD / 2 / unit)
            elif kind is TokenKind.VAR and scopes[-1] == "top" and data.reference in variables:
                ports[data.id_code] = variables.pop(data.reference)
            elif kind is TokenKind.CHANGE_TIME:
                while taken < cycles and (2 * taken + 1) * half <= data:
                    _append(samples, values)
                    taken += 1
            elif isinstance(data, (ScalarChange, VectorChange)) and data.id_code in ports:
                values[ports[data.id_code]] = int(data.value)
    for name in names:
        if name not in ports.values():
            raise ValueError(f"{path} has no port {name!r}")
    for _ in range(taken, cycles):
        _append(samples, values)
    return samples


_NAMELESS = re.compile(rb"^\$var \w+ \d+ \S+ \$.*\n", re.M)
"""Declarations of Amaranth's signals without a name, ``$signal``: the reader takes none."""

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}


def _variables(layout: str, names: Sequence[str]) -> dict[str, str]:
    """Port by variable; an inner signal may have a port's name, and the layout says which is it."""
    ports = {}
    for name in names:
        if match := re.search(rf"^[\w.]*\btop\.({name}(?:\$\d+)?)(?:\[\d+:0\])?$", layout, re.M):
            ports[match[1]] = name
    return ports


def _append(samples: dict[str, list[int]], values: dict[str, int]) -> None:
    for name, value in values.items():
        samples[name].append(value)
