"""A whole report: sections in order, then the files."""

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...golden.files import write_whole
from .cache import cached, fingerprint
from .content import Section, Table
from .jobs import Steps
from .page import page
from .scope import Scope
from .section.accuracy import accuracy
from .section.energy import energy_section
from .section.family import family_section
from .section.format import format_section
from .section.hardware import hardware
from .section.numerics import numerics
from .section.verification import verification

__all__ = ["SECTIONS", "SYNTHESIZED", "read", "run", "write"]

Step = Callable[[str], None]

KEPT = ".cache"
"""Folder of kept results, in that of the report."""


def _kept(make: Callable[[Scope, Step], Section]) -> Callable[[Scope, Step, Path], Section]:
    """A section that is kept as a whole: it depends on the code and the scope alone."""

    def section(scope: Scope, step: Step, kept: Path) -> Section:
        covered = [*scope.elements], scope.samples, scope.seeds, scope.epochs
        key = [make.__name__, fingerprint(), covered]
        return Section.from_plain(cached(kept, key, lambda: make(scope, step).plain()))

    return section


SECTIONS: dict[str, Callable[[Scope, Step, Path], Section]] = {
    "format": _kept(format_section),
    "numerics": _kept(numerics),
    "networks": _kept(accuracy),
    "hardware": hardware,
    "energy": energy_section,
    "verification": verification,
    "family": family_section,
}
"""What makes each section: (scope, step, folder of kept results), in the order of the page."""

SYNTHESIZED = {"hardware", "energy", "family"}
"""Sections for which designs are synthesized."""


def run(
    folder: Path,
    scope: Scope | None = None,
    only: Sequence[str] = (),
    step: Step = lambda what: None,
) -> list[Section]:
    """Make the sections and write all files.

    Args:
        folder: where everything goes.
        scope: what to cover.
        only: names of sections; none means those of the scope.
        step: called with what runs now, all of it: sections are made side by side.

    Raises:
        ValueError: no such section.
    """
    for name in only:
        if name not in SECTIONS:
            raise ValueError(f"unknown section {name!r}: use {', '.join(SECTIONS)}")
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    scope = Scope() if scope is None else scope
    chosen = only or [name for name in SECTIONS if name not in scope.without]
    names = [name for name in SECTIONS if name in chosen]
    steps = Steps(step)

    def make(name: str) -> Section:
        try:
            return SECTIONS[name](scope, steps, folder / KEPT)
        finally:
            steps("")

    with ThreadPoolExecutor(len(names)) as threads:
        try:
            sections = list(threads.map(make, names))
        except BaseException:
            steps.stop()  # of the other sections, or their work would be waited for
            raise
    facts = {
        "elements": ", ".join(scope.elements),
        "sections": ", ".join(names),
        "left out": "; ".join(scope.left_out),
        "mxsf": version("mxsf"),
        "seconds": round(time.monotonic() - started, 1),
    }
    write(folder, sections, facts)
    return sections


def write(folder: Path, sections: Sequence[Section], facts: dict[str, Any]) -> None:
    """Write ``report.json``, a CSV file a table, and ``report.html``, each whole or not at all."""
    data = {"schema": 2, "facts": facts, "sections": [section.plain() for section in sections]}
    write_whole(folder / "report.json", json.dumps(data, indent=1) + "\n")
    for section in sections:
        for table in section.tables:
            write_whole(folder / f"{table.name}.csv", _csv(table))
    write_whole(folder / "report.html", page(sections, facts))


def read(path: Path) -> tuple[list[Section], dict[str, Any]]:
    """Sections and facts of a ``report.json``."""
    data = json.loads(path.read_text())
    return [Section.from_plain(section) for section in data["sections"]], data["facts"]


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue()
