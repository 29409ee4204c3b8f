"""Files, written whole or not at all; arrays of narrow integers in them, packed into bit planes.

A packed array ``name`` is a text of that name and a member ``name_<width>`` for each of its planes,
``packing.pack`` of all items in C order. The text is JSON, for example

    {"layout": "planes", "version": 1, "bits": 7, "widths": [4, 2, 1], "shape": [2, 64]}

Nothing is compressed: a plane takes ``ceil(items * width / 8)`` bytes. Source: docs/numerics.md
section 7.
"""

import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .leftovers import owned
from .packing import pack, plane_widths, unpack_planes

__all__ = ["packed", "read_archive", "unpacked", "whole_file", "write_archive", "write_whole"]

_VERSION = 1


def packed(name: str, items: NDArray[Any], bits: int) -> dict[str, ArrayLike]:
    """Members of an archive that hold an array.

    Args:
        name: of the array.
        items: integers of 0 to ``2**bits - 1``, any shape but ().
        bits: width of an item, 1 to 16.

    >>> members = packed("codes", np.array([[1, 2], [3, 4]]), 3)
    >>> {key: value.tolist() for key, value in members.items() if key != "codes"}
    {'codes_2': [57], 'codes_1': [8]}
    """
    facts = _facts(bits) | {"shape": list(items.shape)}
    planes = zip(facts["widths"], pack(items.reshape(-1), bits), strict=True)
    return {name: json.dumps(facts), **{f"{name}_{width}": plane for width, plane in planes}}


def unpacked(name: str, members: Mapping[str, NDArray[Any]], bits: int) -> NDArray[Any]:
    """Put an array together from the members of an archive.

    Args:
        name: of the array.
        members: of the archive. An earlier layout has the array itself under the name.
        bits: width that an item must have.

    Raises:
        KeyError: a member is missing.
        ValueError: items of another width, a layout of another version, planes that do not fit.
    """
    text = members[name]
    if text.dtype.kind != "U":
        return text
    facts = json.loads(str(text))
    shape = tuple(facts.pop("shape"))
    if facts != _facts(bits):
        raise ValueError(f"{name} must be {json.dumps(_facts(bits))}, not {json.dumps(facts)}")
    planes = [members[f"{name}_{width}"] for width in plane_widths(bits)]
    return unpack_planes(planes, bits, prod(shape)).reshape(shape)


def _facts(bits: int) -> dict[str, Any]:
    """What a file says of a packed array, but for its shape."""
    widths = list(plane_widths(bits))
    return {"layout": "planes", "version": _VERSION, "bits": bits, "widths": widths}


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name when it is whole, or not at all.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a") as file:
    ...         _ = file.write(b"half"), print(os.path.exists(f"{folder}/a"))
    ...     os.listdir(folder)
    False
    ['a']
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    with owned(lambda: open(temporary, "xb"), lambda _: temporary.unlink(missing_ok=True)) as file:
        with file:
            yield file
        os.replace(temporary, target)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file whole or not at all; text as UTF-8."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_archive(path: str | os.PathLike[str], members: Mapping[str, Any]) -> None:
    """Write an ``.npz`` file under exactly this name, whole or not at all."""
    with whole_file(path) as file:
        np.savez(file, **dict(members))


@contextmanager
def read_archive(
    path: str | os.PathLike[str], content: str
) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open an ``.npz`` file; what goes wrong inside becomes one line that names it.

    Args:
        path: the file.
        content: what it should hold, for the message.

    Raises:
        ValueError: it holds something else, or is cut off.
        OSError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no .npz archive, or not all of one")
            file.seek(0)
            with np.load(file, allow_pickle=False) as members:
                yield members
    except OSError:
        raise
    except Exception as problem:
        raise ValueError(f"{os.fspath(path)} holds no {content}: {problem}") from problem
