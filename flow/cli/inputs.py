"""What people give on the command line: paths, arrays and blocks."""

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

__all__ = ["EXISTING", "FILE", "FOLDER", "NAME", "load_array", "read_block"]

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Name(click.ParamType):
    """A name in any case; what follows an equals sign, such as a path, stays as it is."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        head, equals, rest = value.partition("=")
        return head.lower() + equals + rest


NAME = _Name()
"""Type of options whose values are names."""


def load_array(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file; ValueError where it is none."""
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as problem:
        raise ValueError(f"{path} is no .npy file: {problem}") from None
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{path} is no .npy file but an archive")
    return values


def read_block(text: str) -> tuple[int, int]:
    """Return rows and columns of a block, from ``8x8``; ValueError where they are none."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"a block is ROWSxCOLUMNS, for example 8x8, not {text!r}")
    return int(parts[0]), int(parts[1])
