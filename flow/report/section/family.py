"""The safe family: which nested formats are worth having at 8, 6 and 4 bits."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import log2
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ....golden.formats.catalogue import parse
from ....golden.formats.element import ElementFormat
from ....golden.quantize.encoder import quantize
from ....golden.quantize.error import error_db
from ....sim.simulator.program import ToolError
from ...catalogue.catalogue import tensors, variant
from ..cache import cached, fingerprint
from ..content import Figure, Section, Table
from ..jobs import side_by_side
from ..scope import Scope
from .areas import kept_area
from .numerics import DISTRIBUTIONS, draw

__all__ = ["WIDTHS", "family", "family_section", "pareto"]

WIDTHS = (8, 6, 4)
_MOST_EXPONENT = 5  # bits that dot products take
_BLOCK = (1, 32)
_LANES = 8
_CAP = 60.0  # dB; what is exact counts as this


def family(bits: int) -> list[ElementFormat]:
    """Every eXmY and every eXmY with a second float nested in its subnormal range.

    Of formats that mean the same numbers but for a power of two the first alone: a nested e1mY is
    what the subnormals are anyway.

    >>> [str(element) for element in family(4)]
    ['e0m3', 'e1m2+e2m0', 'e2m1', 'e3m0']
    """
    distinct: dict[tuple[int, ...], ElementFormat] = {}
    for name in _names(bits):
        element = parse(name)
        distinct.setdefault(tuple(element.magnitudes), element)
    return list(distinct.values())


def _names(bits: int) -> Iterator[str]:
    for x in range(min(bits - 1, _MOST_EXPONENT) + 1):
        y = bits - 1 - x
        yield f"e{x}m{y}"
        for nested in range(1, min(y, _MOST_EXPONENT) + 1 if x else 0):
            yield f"e{x}m{y}+e{nested}m{y - nested}"


class _Row(NamedTuple):
    """What a format is worth and what it costs."""

    element: ElementFormat
    by_data: dict[str, float]
    binades: float
    area: float

    @property
    def mean(self) -> float:
        """Mean SQNR over the kinds of data, in dB."""
        return float(np.mean(list(self.by_data.values())))


def pareto(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """Whether no other point is at least as large in everything and larger in something.

    >>> pareto([(1, 2), (2, 1), (1, 1), (1, 2)])
    [True, True, False, True]
    """
    return [
        not any(
            other != point and all(a >= b for a, b in zip(other, point, strict=True))
            for other in points
        )
        for point in points
    ]


def family_section(scope: Scope, step: Callable[[str], None], kept: Path) -> Section:
    """Table, picture and Pareto set of each width.

    Args:
        scope: samples, the Yosys, and a target ``liberty=FILE`` or generic gates.
        step: called with what runs now.
        kept: folder of results kept from before.
    """
    target = scope.gates
    samples = max(scope.samples // 4, 1 << 14)
    section = Section(
        "family",
        "The safe family",
        facts={
            "samples": samples,
            "block": "x".join(map(str, _BLOCK)),
            "scale rule": "floor",
            "area of": f"dot, {_LANES} lanes, no registers, {target.partition('=')[0]}",
        },
    )
    try:
        scope.yosys.check()
    except ToolError as problem:
        section.missing.append(f"No areas, and so no family: {problem}")
        return section
    jobs = [
        (f"SQNR and area of {element}", partial(_row, element, target, samples, scope, kept))
        for bits in WIDTHS
        for element in family(bits)
    ]
    measured = side_by_side(jobs, step)
    rows = {bits: [row for row in measured if row.element.bits == bits] for bits in WIDTHS}
    unit = "gates" if target == "generic" else "um^2"
    best = {bits: _best(candidates) for bits, candidates in rows.items()}
    section.tables = [_table(bits, rows[bits], best[bits], unit) for bits in WIDTHS]
    panels = {
        f"{bits} bits": [
            [row.area, round(row.mean, 2), row.binades, row.element.name, row in best[bits]]
            for row in rows[bits]
        ]
        for bits in WIDTHS
    }
    data = {"panels": panels, "x": unit, "y": "mean SQNR, dB", "shade": "binades"}
    note = "Names are those of the Pareto set: more SQNR, more range and less area exclude others."
    title = "SQNR against area, shaded by range"
    section.figures = [Figure("family", title, "scatter", data, note)]
    names = {bits: ", ".join(row.element.name for row in best[bits]) for bits in WIDTHS}
    section.intro = [
        "A safe format nests a second float in the subnormal range of the first, as MXSF nests "
        "e3m2 in e2m5. Every such pair of 8, 6 and 4 bits, and every plain format, was quantized "
        "on five distributions and on the tensors of one training step, and made into a dot "
        "product. The name alone (for example e2m3+e2m1) is enough for golden model and hardware. "
        f"Exponents of more than {_MOST_EXPONENT} bits are left out, as in all dot products.",
        "The Pareto set, where no other format has at least its mean SQNR, range and area: "
        + "; ".join(f"{bits} bits: {text}" for bits, text in names.items())
        + ".",
    ]
    return section


def _row(element: ElementFormat, target: str, samples: int, scope: Scope, kept: Path) -> _Row:
    key = ["family", fingerprint(), element.name, samples]
    by_data = cached(kept, key, lambda: _by_data(element, samples))
    dot = variant("dot", element=element, block=_LANES, stages=0)
    size = kept_area(dot, target, scope, kept).measure[1]
    return _Row(element, by_data, round(log2(element.largest / element.least), 1), size)


def _by_data(element: ElementFormat, samples: int) -> dict[str, float]:
    """SQNR in dB by distribution, and the mean over the shipped tensors."""

    def worth(x: Any) -> float:
        return min(error_db(x, quantize(x, element, _BLOCK).dequantize()), _CAP)

    worths = {name: worth(draw(name, samples)) for name in DISTRIBUTIONS}
    worths["tensors"] = float(np.mean([worth(x) for x in tensors().values()]))
    return {name: round(value, 2) for name, value in worths.items()}


def _best(rows: Sequence[_Row]) -> list[_Row]:
    flags = pareto([(row.mean, row.binades, -row.area) for row in rows])
    return [row for row, best in zip(rows, flags, strict=True) if best]


def _table(bits: int, rows: Sequence[_Row], best: Sequence[_Row], unit: str) -> Table:
    cells = [
        [
            *(row.element.name, *row.by_data.values(), round(row.mean, 2)),
            *(row.binades, row.area, "yes" if row in best else ""),
        ]
        for row in rows
    ]
    columns = ["format", *rows[0].by_data, "mean", "binades", unit, "Pareto"]
    return Table(
        f"family_{bits}",
        f"Formats of {bits} bits: SQNR in dB, range, area of a dot product",
        columns,
        cells,
        f"Binades from the least to the largest value. What is exact counts as {_CAP:.0f} dB.",
        brief=True,
    )
