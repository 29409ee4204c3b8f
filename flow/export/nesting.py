"""Expressions in place of the wires without a name that Yosys puts between any two operators.

A wire goes where it is read once, by its whole width, and where Verilog computes the same in place
of it (``mxsf.flow.export.expression``), as long as the line stays below ``COLUMNS``. One that stays
and is what a register takes on is named after that register.
"""

import re
from collections import Counter
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

from .expression import Expression, read_expression, read_width

__all__ = ["COLUMNS", "nested"]

COLUMNS = 120
"""Characters of a line that expressions are nested into."""

_DECLARED = re.compile(r"^  (?:wire|reg|input|output) (?:\[(\d+):0\] )?(\w+)(?: = .*)?;\n", re.M)
_UNNAMED = re.compile(r"\b_\d+_\b")
_SAME = re.compile(r"(?<=[{ ])(?P<item>[\w\[\]:]+)(?P<more>(?:, (?P=item)){2,})(?=[, ])")
_ALONE = re.compile(r"\{ (\{\d+\{[\w\[\]:]+\}\}) \}")
_LEFT = r"(\{.*?\}|[\w:\[\]]+)"
_STATEMENT = re.compile(rf"(  assign {_LEFT} = | +(?:else )?(?:if \(\S+\) )?{_LEFT} <= )(.*);")
_TAKEN_ON = re.compile(r"^ +(?:else )?(?:if \(\S+\) )?(\w+) <= (_\d+_);$", re.M)


class _Statement(NamedTuple):
    """An assignment: what stands in front of its expression, the expression, and what that is."""

    head: str
    text: str
    expression: Expression


def nested(module: str) -> str:
    """Nest the expressions of a module as Yosys writes it."""
    module = _ALONE.sub(r"\1", _SAME.sub(_repeated, module))
    lines = module.split("\n")
    widths = {name: int(high or 0) + 1 for high, name in _DECLARED.findall(module)}
    counts = Counter(_UNNAMED.findall(module))
    statements: dict[int, _Statement] = {}
    defined: dict[str, int] = {}
    for number, line in enumerate(lines):
        match = _STATEMENT.fullmatch(line)
        if match is None:
            continue
        head, assigned, taken_on, text = match.groups()
        left = assigned or taken_on
        try:
            expression = read_expression(text, widths, read_width(left, widths))
        except ValueError:
            continue  # of another kind: it stays as it is
        statements[number] = _Statement(head, text, expression)
        # A declaration, this, and one that reads it.
        if counts[left] == 3 and _UNNAMED.fullmatch(left) and expression.width == widths[left]:
            defined[left] = number
    return _named_after_registers(_replaced(lines, statements, defined), widths)


def _replaced(
    lines: list[str], statements: dict[int, _Statement], defined: Mapping[str, int]
) -> str:
    """The module with the expressions of wires where these are read, innermost first."""
    inner = {
        number: [defined[name] for name in statement.expression.places if name in defined]
        for number, statement in statements.items()
    }
    gone = set[str]()
    for number in TopologicalSorter(inner).static_order():
        head, text, expression = statements[number]
        places = [
            (place, name)
            for name, found in expression.places.items()
            for place in found
            if name in defined
        ]
        for place, name in sorted(places, reverse=True):
            _, piece, source = statements[defined[name]]
            wider = text[: place.start] + _within(expression, piece, source) + text[place.end :]
            if source.fits(place.width) and len(head) + len(wider) < COLUMNS:
                text = wider
                gone.add(name)
        statements[number] = _Statement(head, text, expression)
        lines[number] = f"{head}{text};"
    dropped = {defined[name] for name in gone}
    kept = "\n".join(line for number, line in enumerate(lines) if number not in dropped)
    return _DECLARED.sub(lambda line: "" if line[2] in gone else line[0], kept)


def _within(outer: Expression, text: str, inner: Expression) -> str:
    """An expression as it stands inside another."""
    if not (inner.operator and outer.operator):
        return text
    if text.startswith(("~ ", "! ")) and outer.operator not in ("unary", "reduce"):
        return text[0] + text[2:]
    return f"({text})"


def _repeated(same: re.Match[str]) -> str:
    """Items of a concatenation that are all the same, as a replication."""
    return f"{{{same['more'].count(', ') + 1}{{{same['item']}}}}}"


def _named_after_registers(module: str, widths: Mapping[str, int]) -> str:
    """The module with names for what registers take on."""
    names = {
        wire: f"{register}_next"
        for register, wire in _TAKEN_ON.findall(module)
        if f"{register}_next" not in widths and widths[register] == widths[wire]
    }
    return _UNNAMED.sub(lambda wire: names.get(wire[0], wire[0]), module)
