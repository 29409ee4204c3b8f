"""What commands write for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...golden.files import write_whole
from ..catalogue.catalogue import Variant

__all__ = ["variant_rows", "write_json"]


def write_json(path: Path | None, content: Any) -> None:
    """Write plain data as JSON, in folders that are made; nothing where there is no path."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content, indent=2) + "\n")


def variant_rows(figures: Sequence[tuple[Variant, Any]]) -> list[dict[str, Any]]:
    """A row for each design: its name, its parameters, and its figures."""
    return [
        {"top": design.top, "parameters": design.settings()} | figure.row()
        for design, figure in figures
    ]
