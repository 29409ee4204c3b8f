"""What commands write for programs."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...golden.files import write_whole
from ..catalogue.catalogue import Variant
from ..catalogue.module_name import LONGEST

__all__ = ["note_long_name", "variant_rows", "write_json"]


def note_long_name(design: Variant) -> None:
    """Print a line to stderr where a name that says the parameters is longer than some tools take.

    It is legal Verilog and stays whole: cut or hashed names would no longer say the parameters.
    """
    if len(design.top) > LONGEST and not design.module:
        print(
            f"note: {design.top} has {len(design.top)} characters, and some tools take "
            f"{LONGEST}: --name NAME gives a short one",
            file=sys.stderr,
        )


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
