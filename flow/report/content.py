"""What a report says, as plain data: sections of tables and figures.

Sections compute data; ``page`` and ``charts`` draw them and compute nothing.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Figure", "Section", "Table"]


@dataclass
class Table:
    """A table.

    Attributes:
        name: stem of its CSV file.
        title: one line for people.
        columns: heads.
        rows: cells: numbers, texts, or None where there is nothing to say.
        note: what a reader must know, under the table.
        brief: whether it is one of the few that are printed on a terminal.
    """

    name: str
    title: str
    columns: list[str]
    rows: list[list[Any]]
    note: str = ""
    brief: bool = False


@dataclass
class Figure:
    """A picture.

    Attributes:
        name: unique in the report.
        title: one line for people.
        kind: what draws it, a function of ``charts``.
        data: what that function takes.
        note: what a reader must know, under the picture.
    """

    name: str
    title: str
    kind: str
    data: dict[str, Any]
    note: str = ""


@dataclass
class Section:
    """A part of the report.

    Attributes:
        name: what ``--only`` calls it.
        title: one line for people.
        intro: paragraphs: what was asked, what was done, what came out.
        tables, figures: in their order.
        facts: seeds, counts, versions: what it takes to get the same numbers.
        missing: what was left out, and which ``pip install`` brings it.
        passed: whether every check in it held.
    """

    name: str
    title: str
    intro: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    passed: bool = True

    def plain(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> "Section":
        """Read back what ``plain`` gave."""
        parts = {
            "tables": [Table(**table) for table in data["tables"]],
            "figures": [Figure(**figure) for figure in data["figures"]],
        }
        return cls(**{**data, **parts})
