"""Liberty files: what is read of a standard cell library.

The format has a reader of its own here: what is needed of it is groups, attributes and tables of
numbers, and the readers that others wrote are under the GPL or lack wheels for some Python.
"""

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "Library", "cell_texts", "parse_groups", "read_liberty"]

TRANSITION = 0.05
"""Slope of the inputs at which internal energies are read, in the file's unit of time (ns)."""

_CELL = re.compile(r"^\s*cell\s*\(\s*\"?([\w.$]+)\"?\s*\)", re.M)

_IGNORED = re.compile(r"/\*.*?\*/|\\[ \t]*\r?\n", re.S)
"""Comments, and ends of lines that are none."""

_TOKEN = re.compile(r'"[^"]*"|[{}();:,\n]|[^\s{}();:,"]+')


@dataclass
class Group:
    """A group of a Liberty file: ``kind(arguments) { attributes, groups }``.

    Attributes:
        kind: for example ``"pin"``.
        arguments: what stands in the parentheses, without quotes.
        attributes: values by name, of ``name : value;`` one, of ``name(value, value);`` all;
            without quotes. The last one of a name counts.
        groups: the groups in it, in order.
    """

    kind: str
    arguments: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def of(self, kind: str) -> list["Group"]:
        """The groups in it of a kind."""
        return [group for group in self.groups if group.kind == kind]

    def number(self, name: str) -> float:
        """Value of an attribute; KeyError where there is none."""
        return float(self.attributes[name][0])

    def array(self, name: str) -> NDArray[np.float64]:
        """Numbers of an attribute, (values, numbers in each); KeyError where there is none."""
        rows = [value.replace(",", " ").split() for value in self.attributes[name]]
        return np.array(rows, dtype=np.float64)


def parse_groups(text: str) -> Group:
    """Read a Liberty file.

    Args:
        text: all of it.

    Returns:
        The outermost group, most often ``library``.

    Raises:
        ValueError: it is no Liberty file, or a brace is missing.

    >>> cell = parse_groups('cell(INV) { area : 1.5; pin(A) { capacitance : "2e-3"; } }')
    >>> cell.number("area"), cell.of("pin")[0].attributes
    (1.5, {'capacitance': ('2e-3',)})
    """
    # At the end, so that no look at the next token fails.
    tokens = [*_TOKEN.findall(_IGNORED.sub(" ", text)), "\n", "\n"]
    around = [Group("", ())]  # the groups that are open, and one for the whole file
    place = 0
    while place < len(tokens) - 2:
        token, following = tokens[place], tokens[place + 1]
        place += 1
        if token == "}":
            if len(around) == 1:
                raise ValueError("Liberty file: a '}' without '{'")
            around.pop()
        elif following == ":":
            start = place + 1
            place = start
            while tokens[place] not in (";", "}", "\n"):
                place += 1
            around[-1].attributes[token] = (_plain(" ".join(tokens[start:place])),)
        elif following == "(":
            try:
                end = tokens.index(")", place)
            except ValueError:
                raise ValueError(f"Liberty file: no ')' after {token}(") from None
            values = tuple(_plain(t) for t in tokens[place + 1 : end] if t not in (",", "\n"))
            place = end + 1
            while tokens[place] == "\n" and place < len(tokens) - 1:
                place += 1
            if tokens[place] == "{":
                place += 1
                around.append(Group(token, values))
                around[-2].groups.append(around[-1])
            else:
                around[-1].attributes[token] = values
        elif token not in (";", "\n"):
            raise ValueError(f"Liberty file: {token!r} has neither ':' nor '(' behind it")
    if len(around) > 1:
        raise ValueError(f"Liberty file: {around[-1].kind} has no '}}'")
    if not around[0].groups:
        raise ValueError("Liberty file: there is no group in it")
    return around[0].groups[0]


def _plain(value: str) -> str:
    return value.strip('"').strip()


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
        ValueError: the file has no voltage, or lacks a cell.
    """

    def __init__(self, text: str, cells: Iterable[str]):
        head, texts = _split(text)
        wanted = sorted(set(cells))
        for name in wanted:
            if name not in texts:
                raise ValueError(f"the library has no cell {name}")
        self.text = f"{head}{''.join(texts[name] for name in wanted)}\n}}\n"

    @cached_property
    def _library(self) -> Group:
        return parse_groups(self.text)

    @cached_property
    def _pins(self) -> dict[tuple[str, str], Group]:
        """Pins by cell and name."""
        return {
            (cell.arguments[0], pin.arguments[0]): pin
            for cell in self._library.of("cell")
            for pin in cell.of("pin")
        }

    @cached_property
    def _templates(self) -> dict[str, Group]:
        """What tables say of their axes, by name."""
        return {group.arguments[0]: group for group in self._library.of("power_lut_template")}

    @cached_property
    def voltage(self) -> float:
        """Supply in V: that of the operating conditions, or the nominal one."""
        for group in self._library.of("operating_conditions"):
            if "voltage" in group.attributes:
                return group.number("voltage")
        if "nom_voltage" in self._library.attributes:
            return self._library.number("nom_voltage")
        raise ValueError("the library states no voltage")

    def capacitance(self, cell: str, pin: str) -> float:
        """Capacitance of an input pin in pF."""
        group = self._pins[cell, pin]
        return (
            group.number("capacitance") * self._farads if "capacitance" in group.attributes else 0.0
        )

    @cached_property
    def _farads(self) -> float:
        """The file's unit of capacitance in pF."""
        if "capacitive_load_unit" not in self._library.attributes:
            return 1.0
        size, unit = self._library.attributes["capacitive_load_unit"]
        return float(size) * {"pf": 1.0, "ff": 1e-3}[unit.lower()]

    def internal(self, cell: str, pin: str, load: float = 0.0) -> float:
        """Energy inside a cell for one transition of a pin in pJ, the mean of rise and fall.

        The mean over all its tables: of several inputs that may have caused it, of several states
        of the others.

        Args:
            cell: type of the cell.
            pin: an output, or an input (what it takes although no output may change).
            load: capacitance at an output in pF.
        """
        energies = [
            self._read(table, load / self._farads)
            for power in self._pins[cell, pin].of("internal_power")
            for kind in ("rise_power", "fall_power", "power")
            for table in power.of(kind)
        ]
        return float(np.mean(energies)) * self._farads if energies else 0.0

    def _read(self, table: Group, load: float) -> float:
        """A table at the slope nearest to ``TRANSITION``, interpolated along the load."""
        values = np.atleast_1d(np.squeeze(table.array("values")))
        if values.size == 1:
            return float(values.flat[0])
        row = int(np.abs(self._axis(table, "index_1") - TRANSITION).argmin())
        if values.ndim == 1:
            return float(values[row])
        return float(np.interp(load, self._axis(table, "index_2"), values[row]))

    def _axis(self, table: Group, name: str) -> NDArray[np.float64]:
        """Numbers along a side of a table: its own, or those of its template."""
        owner = table if name in table.attributes else self._templates[table.arguments[0]]
        return owner.array(name).reshape(-1)
