"""Designs that files name: the manifest of one, or a TOML file of several.

Both use the words of the command line: the names of its options and their values.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

from .catalogue import CATALOGUE, variant
from .variant import Variant

__all__ = ["from_config", "from_manifest", "versions_in"]

_KEYWORDS = {
    "interface": "interface",
    "reset": "reset",
    "reset-polarity": "polarity",
    "tkeep": "tkeep",
    "prefix": "prefix",
    "name": "module",
}
"""Keyword of ``variant`` for each option that is no parameter of a design."""

_LONGEST = 1 << 20  # bytes of a file; what has more is something else


def from_manifest(path: Path) -> Variant:
    """Build the design of a manifest, with the parameters, ports and names that it says.

    Raises:
        ValueError: the file is no manifest, or says what no design can be; the message names the
            file, and the key and the value where they are the reason.
        OSError: the file cannot be read.
    """
    facts = _object(path)
    kinds = {"schema": int, "design": str, "parameters": dict, "options": dict}
    for key, kind in kinds.items():
        if not isinstance(facts.get(key), kind):
            raise ValueError(f"{path} is no manifest of mxsf: it has no {key!r} as they have it")
    if facts["schema"] != 1:
        raise ValueError(f"{path}: schema = {facts['schema']}: only 1 is known")
    return _build(f"{path}", facts["design"], {**facts["parameters"], **facts["options"]})


def versions_in(path: Path) -> dict[str, str]:
    """Return what a manifest was made with, as far as it says so; raises as ``from_manifest``."""
    versions = _object(path).get("versions")
    named = versions.items() if isinstance(versions, dict) else ()
    return {name: version for name, version in named if isinstance(version, str)}


def from_config(path: Path) -> list[Variant]:
    """Build the designs of a TOML file: a table for each, whose name is that of the top module.

    In a table, ``design`` is the design and every other key an option with its value. Yes and no
    may also be written ``true`` and ``false``, and values with commas between as an array.

    Raises:
        ValueError: as ``from_manifest``, or two designs would have a module of the same name.
        OSError: the file cannot be read.
    """
    tables: Mapping[str, Any] = _read(path, tomllib.loads, "TOML")
    if not tables:
        raise ValueError(f"{path} has no design: a table such as [my_encoder] is needed")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{path}: {name} = {table!r}: only tables can stand here, as [{name}]")
        if not isinstance(table.get("design"), str):
            raise ValueError(f"{path}: [{name}] has no design, for example design = 'encoder'")
        for key in ("name", "prefix"):
            if key in table:
                raise ValueError(
                    f"{path}: [{name}] {key} = {table[key]!r}: a table's own name is the whole name"
                )
    for name, other in permutations(tables, 2):
        if name.lower() == other.lower() or other.startswith(f"{name}__"):
            raise ValueError(
                f"{path}: [{name}] and [{other}] would share names of files or modules"
            )
    designs = list[Variant]()
    for name, table in tables.items():
        settings = {key: value for key, value in table.items() if key != "design"} | {"name": name}
        designs.append(_build(f"{path}: [{name}]", table["design"], settings))
        try:
            designs[-1].check_effect(table)
        except ValueError as problem:
            raise ValueError(f"{path}: [{name}] {problem}") from None
    return designs


def _object(path: Path) -> dict[str, Any]:
    """Return what a file of JSON says, which must be an object."""
    facts = _read(path, json.loads, "JSON")
    if not isinstance(facts, dict):
        raise ValueError(f"{path} is no manifest of mxsf: a JSON object is needed")
    return facts


def _read(path: Path, loads: Callable[[str], Any], language: str) -> Any:
    """Return what a file says."""
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ValueError(f"{path} is too long to be {language} of designs")
    try:
        return loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path} is no {language}: {problem}") from None


def _build(where: str, design: str, settings: Mapping[str, Any]) -> Variant:
    """Build a design from options and values; ``where`` begins the message of an error."""
    try:
        parameters = {p.name: p for p in CATALOGUE.find(design).parameters}
    except ValueError as problem:
        raise ValueError(f"{where} design = {design!r}: {problem}") from None
    values = dict[str, Any]()
    for key, value in settings.items():
        try:
            text = _text(value)
            if key in parameters:
                values[key] = parameters[key].read(text)
            elif key in _KEYWORDS:
                free = key in ("prefix", "name")
                values[_KEYWORDS[key]] = text if free else text.lower()
            else:
                known = ", ".join([*parameters, *_KEYWORDS])
                raise ValueError(f"unknown for {design}: use {known}")
        except ValueError as problem:
            raise ValueError(f"{where} {key} = {value!r}: {problem}") from None
    try:
        made = variant(design, **values)
        _ = made.shell  # whether the design can have these ports and this reset
    except ValueError as problem:
        raise ValueError(f"{where}: {problem}") from None
    return made


def _text(value: Any) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | str):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise ValueError("a text, a number, yes or no, or an array of texts is needed")
