"""Liberty files: what is read of a standard cell library."""

import gzip
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Library", "cell_texts", "read_liberty"]

TRANSITION = 0.05
"""Slope of the inputs at which internal energies are read, in the file's unit of time (ns)."""

_CELL = re.compile(r"^\s*cell\s*\(\s*\"?([\w.$]+)\"?\s*\)", re.M)


def read_liberty(path: Path) -> str:
    """Text of a Liberty file, also of a gzipped one."""
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


def cell_texts(library: str) -> dict[str, str]:
    """Text of each cell of a Liberty file, by name."""
    return _split(library)[1]


def _split(library: str) -> tuple[str, dict[str, str]]:
    """What stands before the cells, and the text of each."""
    starts = list(_CELL.finditer(library))
    places = [*(match.start() for match in starts), library.rstrip().rfind("}")]
    cells = {
        match[1]: library[start:end]
        for match, start, end in zip(starts, places, places[1:], strict=False)
    }
    return library[: places[0]], cells


class Library:
    """Capacitances and energies of some cells.

    Args:
        text: the Liberty file.
        cells: the names of the cells.

    Attributes:
        text: a Liberty file of these cells alone.

    Raises:
        ImportError: the package liberty-parser is not installed.
        ValueError: the file has no voltage, or lacks a cell.
    """

    def __init__(self, text: str, cells: Iterable[str]):
        head, found = _split(text)
        wanted = sorted(set(cells))
        for name in wanted:
            if name not in found:
                raise ValueError(f"the library has no cell {name}")
        self.text = f"{head}{''.join(found[name] for name in wanted)}\n}}\n"

    @cached_property
    def _library(self) -> Any:
        from liberty.parser import parse_liberty

        return parse_liberty(self.text)

    @cached_property
    def _cells(self) -> dict[str, dict[str, Any]]:
        """Pins of each cell by name."""
        return {
            _plain(cell.args[0]): {_plain(pin.args[0]): pin for pin in cell.get_groups("pin")}
            for cell in self._library.get_groups("cell")
        }

    @cached_property
    def voltage(self) -> float:
        """Supply in V: that of the operating conditions, or the nominal one."""
        for group in self._library.get_groups("operating_conditions"):
            if "voltage" in group:
                return float(group["voltage"])
        if "nom_voltage" in self._library:
            return float(self._library["nom_voltage"])
        raise ValueError("the library states no voltage")

    def capacitance(self, cell: str, pin: str) -> float:
        """Capacitance of an input pin in pF."""
        group = self._cells[cell][pin]
        return float(group["capacitance"]) * self._farads if "capacitance" in group else 0.0

    @cached_property
    def _farads(self) -> float:
        """The file's unit of capacitance in pF."""
        if "capacitive_load_unit" not in self._library:
            return 1.0
        size, unit = self._library["capacitive_load_unit"]
        return float(size) * {"pf": 1.0, "ff": 1e-3}[_plain(unit).lower()]

    def internal(self, cell: str, pin: str, load: float = 0.0) -> float:
        """Energy inside a cell for one transition of a pin in pJ, the mean of rise and fall.

        The mean over all its tables: of several inputs that may have caused it, of several states
        of the others.

        Args:
            cell: type of the cell.
            pin: an output, or an input (what it takes although no output may change).
            load: capacitance at an output in pF.
        """
        tables = [
            _read(table, load / self._farads)
            for group in self._cells[cell][pin].get_groups("internal_power")
            for kind in ("rise_power", "fall_power", "power")
            for table in group.get_groups(kind)
        ]
        return float(np.mean(tables)) * self._farads if tables else 0.0


def _read(table: Any, load: float) -> float:
    """A table at the slope nearest to ``TRANSITION``, interpolated along the load."""
    values = np.atleast_1d(np.squeeze(table.get_array("values")))
    if values.size == 1:
        return float(values.flat[0])
    slopes = table.get_array("index_1").reshape(-1)
    row = int(np.abs(slopes - TRANSITION).argmin())
    if values.ndim == 1:
        return float(values[row])
    return float(np.interp(load, table.get_array("index_2").reshape(-1), values[row]))


def _plain(name: Any) -> str:
    return str(name).strip('"')
