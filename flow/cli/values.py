"""Kinds of values that options take: each is checked where it is read, so that errors name it."""

import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click

__all__ = ["Checked", "Count", "Name", "Quantity", "ToRead", "ToWrite"]

_LONGEST = 255  # bytes of a name in a folder


class Checked(click.ParamType[Any]):
    """A text that some function takes.

    Args:
        check: raises ValueError or TypeError where the text is no such value.
        name: what stands for it in help.
    """

    def __init__(self, check: Callable[[str], Any], name: str = "text"):
        self._check, self.name = check, name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text."""
        try:
            self._check(value)
        except (ValueError, TypeError) as problem:
            self.fail(str(problem), param, ctx)
        return value


class Name(Checked):
    """A name in any case; what follows an equals sign, such as a path, stays as it is."""

    def __init__(self, check: Callable[[str], Any] = str, name: str = "name"):
        super().__init__(check, name)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name in small letters."""
        head, equals, rest = value.partition("=")
        return super().convert(head.lower() + equals + rest, param, ctx)


class _Bounded(click.ParamType[Any]):
    """A number from a lowest to a highest one; help says which."""

    def __init__(self, lowest: float, highest: float, unit: str = ""):
        self.lowest, self.highest = lowest, highest
        self._bound = f"{lowest:,} to {highest:,}".replace(",", "") + f" {unit}".rstrip()

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """The bounds."""
        return f"[{self._bound}]"

    def read(self, text: str) -> float:
        """Turn a text into a number, ValueError where it is none."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = value
        if isinstance(value, str):
            try:
                number = self.read(value)
            except ValueError:
                self.fail(f"{self.name} is needed, not {value!r}", param, ctx)
        if not self.lowest <= number <= self.highest:
            name = param.name if param is not None else "it"
            self.fail(f"{name} must be {self._bound}, not {value}", param, ctx)
        return number


class Count(_Bounded):
    """An integer from a lowest to a highest one."""

    name = "an integer"

    def read(self, text: str) -> int:
        """Turn digits into a number."""
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
            raise ValueError
        return int(text)


class Quantity(_Bounded):
    """A finite number from a lowest to a highest one."""

    name = "a number"

    def read(self, text: str) -> float:
        """Turn a decimal number, with an exponent or without, into a number."""
        if not re.fullmatch(r"[-+.0-9eE]+", text) or not math.isfinite(float(text)):
            raise ValueError
        return float(text)


class _Location(click.ParamType[Path]):
    """A path."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(value)
        try:
            if not str(value) or "\0" in str(value):
                raise ValueError(f"a path is needed, not {value!r}")
            if any(len(os.fsencode(part)) > _LONGEST for part in path.parts):
                raise ValueError(f"a name in {str(path)!r} is too long")
            self.check(path)
        except OSError as problem:
            self.fail(f"{str(path)!r}: {problem.strerror}", param, ctx)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)
        return path

    def check(self, path: Path) -> None:
        """Raise ValueError or OSError where the path does not serve."""
        raise NotImplementedError


class ToRead(_Location):
    """A file that is there, an ordinary one, and can be read."""

    def check(self, path: Path) -> None:
        """See the class."""
        try:
            kind = path.stat().st_mode
        except FileNotFoundError:
            raise ValueError(f"{str(path)!r} does not exist") from None
        if not stat.S_ISREG(kind):
            raise ValueError(f"{str(path)!r} is no file")
        with path.open("rb"):
            pass


class ToWrite(_Location):
    """A file or folder that can be made, or is there.

    Args:
        folder: which of the two.
    """

    def __init__(self, folder: bool = False):
        self._folder = folder

    def check(self, path: Path) -> None:
        """See the class."""
        if os.path.lexists(path):
            if path.stat() and self._folder and not path.is_dir():
                raise ValueError(f"{str(path)!r} is no folder")
            if not self._folder and not path.is_file():
                raise ValueError(f"{str(path)!r} is no file")
        elif not self._folder and not path.name:
            raise ValueError(f"a file is needed, not {str(path)!r}")
        first = path if self._folder else path.parent
        while not os.path.lexists(first):
            first = first.parent
        if not first.stat() or not first.is_dir():
            raise ValueError(f"{str(first)!r}, where {str(path)!r} would be, is no folder")
        try:
            with TemporaryFile(dir=first):  # /proc, for one, gives leave and takes nothing
                pass
        except OSError:
            raise ValueError(
                f"{str(path)!r} cannot be: nothing can be written in {str(first)!r}"
            ) from None
