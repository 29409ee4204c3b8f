"""Kinds of parameters: how a value is read from text, shown, and named in a module's name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...golden.formats.block import BlockFormat
from ...golden.formats.block_catalogue import BLOCK_FORMATS, parse_format
from ...hdl.checks import Bound
from ...hdl.stream.points import Points

__all__ = ["Choice", "Element", "Integer", "Kind", "OneOf", "Registers", "YesNo"]


class Kind(Protocol):
    """A kind of parameter."""

    @property
    def metavar(self) -> str:
        """What stands for a value in a usage line."""
        ...

    @property
    def values(self) -> str:
        """Which values there are, in words."""
        ...

    def read(self, name: str, text: str) -> Any:
        """Turn the text of parameter ``name`` into a value, ValueError where there is none."""
        ...

    def show(self, value: Any) -> str:
        """Text from which ``read`` makes the value."""
        ...

    def tag(self, value: Any) -> str:
        """Part of a module name."""
        ...


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        raise ValueError(f"{name}: an integer is needed, not {text!r}")
    return int(text)


@dataclass(frozen=True)
class Integer:
    """An integer within a bound.

    Args:
        bound: lowest and highest.
        before, after: texts around the number in a module name.

    >>> from mxsf.hdl.checks import BLOCK_BOUND
    >>> Integer(BLOCK_BOUND, "b").read("block", "3000")
    Traceback (most recent call last):
    ValueError: block must be 1 to 1024, not 3000
    """

    bound: Bound
    before: str = ""
    after: str = ""
    metavar = "INTEGER"

    @property
    def values(self) -> str:
        """The bound."""
        return str(self.bound)

    def read(self, name: str, text: str) -> int:
        """Read an integer."""
        value = _integer(name, text)
        self.bound.check(name, value)
        return value

    def show(self, value: int) -> str:
        """The number."""
        return str(value)

    def tag(self, value: int) -> str:
        """The number between its texts."""
        return f"{self.before}{value}{self.after}"


@dataclass(frozen=True)
class OneOf:
    """An integer of a few.

    Args:
        numbers: the few.
        before: text before the number in a module name.
    """

    numbers: Sequence[int]
    before: str = ""
    metavar = "INTEGER"

    @property
    def values(self) -> str:
        """The few."""
        return ", ".join(map(str, self.numbers))

    def read(self, name: str, text: str) -> int:
        """Read an integer."""
        value = _integer(name, text)
        if value not in self.numbers:
            raise ValueError(f"{name} must be {self.values}, not {value!r}")
        return value

    def show(self, value: int) -> str:
        """The number."""
        return str(value)

    def tag(self, value: int) -> str:
        """The number after its text."""
        return f"{self.before}{value}"


@dataclass(frozen=True)
class Choice:
    """One of a few values with names, which are read in any case.

    Args:
        table: values by lower-case name.
    """

    table: Mapping[str, Any]
    metavar = "NAME"

    @property
    def values(self) -> str:
        """The names."""
        return ", ".join(self.table)

    def read(self, name: str, text: str) -> Any:
        """Look a name up."""
        if text.lower() not in self.table:
            raise ValueError(f"unknown {name} {text!r}: use {self.values}")
        return self.table[text.lower()]

    def show(self, value: Any) -> str:
        """The name of a value."""
        return next(name for name, known in self.table.items() if known == value)

    def tag(self, value: Any) -> str:
        """The name of a value."""
        return self.show(value)


@dataclass(frozen=True)
class YesNo:
    """Yes or no.

    Args:
        yes, no: what stands for each in a module name.
    """

    yes: str
    no: str
    metavar = "yes|no"
    values = ""

    def read(self, name: str, text: str) -> bool:
        """Read yes or no."""
        if text.lower() not in ("yes", "no"):
            raise ValueError(f"{name} must be yes or no, not {text!r}")
        return text.lower() == "yes"

    def show(self, value: bool) -> str:
        """Yes or no."""
        return "yes" if value else "no"

    def tag(self, value: bool) -> str:
        """What stands for it."""
        return self.yes if value else self.no


@dataclass(frozen=True)
class Element:
    """An element format, by name.

    Args:
        blocks: a block format may stand for it.
        pairs: two with a comma between may stand for it, one for each operand.
    """

    blocks: bool = False
    pairs: bool = False
    metavar = "FORMAT"

    @property
    def values(self) -> str:
        """Which names there are."""
        values = "a name, eXmY, or eXmY+eXmY for a nested one"
        if self.blocks:
            names = [name for name, f in BLOCK_FORMATS.items() if f.scale.power_of_two]
            values += f", or a block format ({', '.join(names)})"
        if self.pairs:
            values += ", or two with a comma between, for a and b"
        return values

    def read(self, name: str, text: str) -> Any:
        """Read a format, or a pair; a pair of equal ones is one."""
        formats = [parse_format(part) for part in (text.split(",") if self.pairs else [text])]
        if len(formats) > 2:
            raise ValueError(f"{name} must be a format or two with a comma between, not {text!r}")
        if not self.blocks and any(isinstance(part, BlockFormat) for part in formats):
            raise ValueError(f"{name} must be an element format, not the block format {text!r}")
        for part in formats:
            if isinstance(part, BlockFormat) and not part.scale.power_of_two:
                raise ValueError(f"{name} must have scales of e8m0 in hardware, not {part}")
        return formats[0] if len(formats) == 1 or formats[0] == formats[1] else tuple(formats)

    def show(self, value: Any) -> str:
        """Names, with a comma between."""
        return ",".join(map(str, value if isinstance(value, tuple) else (value,)))

    def tag(self, value: Any) -> str:
        """Names in a module name, which has no plus sign."""
        return self.show(value).replace("+", "").replace(",", "_")


@dataclass(frozen=True)
class Registers:
    """Pipeline registers: how many, or the names of their points, with commas between.

    The component checks them, whose points may depend on other parameters.

    Args:
        points: the points of the design.
    """

    points: Points
    metavar = "NUMBER|NAMES"

    @property
    def values(self) -> str:
        """The highest number, and the names."""
        return f"0 to {len(self.points.priority)}, or some of {', '.join(self.points.path)}"

    def read(self, name: str, text: str) -> Any:
        """Read a number or names."""
        if text.lstrip("+-").isdecimal():
            return _integer(name, text)
        return tuple(text.lower().split(","))

    def show(self, value: Any) -> str:
        """A number or names."""
        return str(value) if isinstance(value, int) else ",".join(value)

    def tag(self, value: Any) -> str:
        """A number after ``s``, or the names, which lose their slashes."""
        if isinstance(value, int):
            return f"s{value}"
        return "_".join(["s", *(name.replace("/", "") for name in value)])
