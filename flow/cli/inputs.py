"""What people give on the command line: paths, arrays and blocks."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .values import ToRead, ToWrite

__all__ = ["EXISTING", "FILE", "FOLDER", "load_array", "load_words", "read_block"]

FOLDER = ToWrite(folder=True)
FILE = ToWrite()
EXISTING = ToRead()


_MAGIC = b"\x93NUMPY"


def load_array(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file; ValueError where it is none."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("it begins otherwise")
            file.seek(0)
            return np.load(file, allow_pickle=False)
    except OSError:
        raise
    except Exception as problem:  # whatever a forged header leads to
        why = f"{problem}".partition("\n")[0] or type(problem).__name__
        raise ValueError(f"{path} is no .npy file: {why}") from None


def load_words(path: Path) -> NDArray[np.float32]:
    """Return the floats of a ``.npy`` file as FP32, those beyond as Inf; TypeError for others."""
    values = load_array(path)
    if values.dtype.kind != "f":
        raise TypeError(f"{path} must hold floats, not {values.dtype}")
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def read_block(text: str) -> tuple[int, int]:
    """Return rows and columns of a block, from ``8x8``; ValueError where they are none."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise ValueError(f"a block is ROWSxCOLUMNS, for example 8x8, not {text!r}")
    rows, columns = map(int, parts)
    if not (rows and columns):
        raise ValueError(f"block must be at least 1 in both directions, not {text!r}")
    return rows, columns
