"""The format: the byte, the values, the steps between them, and how real tensors use them."""

from collections.abc import Callable

import numpy as np

from ....golden.formats.catalogue import FORMATS, MXSF
from ....golden.formats.element import ElementFormat
from ....golden.quantize.encoder import quantize
from ...catalogue.catalogue import tensors
from ..content import Figure, Section, Table
from ..scope import Scope

__all__ = ["format_section"]

_BLOCK = (8, 8)


def format_section(scope: Scope, step: Callable[[str], None]) -> Section:
    """Pictures of the byte, the number line and the relative steps; shares of the modes."""
    elements = {f.name: f for f in [*scope.formats, FORMATS["e5m2"]]}
    step("values of the formats")
    line = Figure(
        "number_line",
        "Positive values, against the largest of each format",
        "number_line",
        {"values": {name: _positive(f) for name, f in elements.items()}},
        "Every mark is a value. MXSF is dense near the maximum, as E2M5, and goes on below where "
        "E2M5 and INT8 end.",
    )
    steps = Figure(
        "relative_step",
        "Relative step against magnitude",
        "lines",
        {
            "lines": {name: _steps(f) for name, f in elements.items()},
            "x": "magnitude / largest value",
            "y": "step / magnitude",
            "logs": ["x", "y"],
            "drawn": "steps",
        },
    )
    step("modes of the shipped tensors")
    return Section(
        "format",
        "The format",
        intro=[
            "An MXSF element is a byte. Its two exponent bits choose between a normal number with "
            "five mantissa bits, and, where they are 0, a nested float with a three-bit exponent "
            "that covers the range below. A block shares one power-of-two scale, a byte.",
        ],
        tables=[_modes()],
        figures=[Figure("byte", "The byte in both modes", "byte", {}), line, steps],
        facts={"block": "x".join(map(str, _BLOCK))},
    )


def _positive(element: ElementFormat) -> list[float]:
    values = np.unique(np.abs(_finite(element)))
    return [float(v) for v in values[values > 0] / element.largest]


def _finite(element: ElementFormat) -> np.ndarray:
    values = element.decode(np.arange(1 << element.bits))
    return values[np.isfinite(values)]


def _steps(element: ElementFormat) -> list[list[float]]:
    """Pairs: magnitude over the largest, distance to the next value over the magnitude."""
    values = np.array(_positive(element))
    gaps = np.diff(values)
    return [[float(v), float(gap / v)] for v, gap in zip(values[:-1], gaps, strict=True)]


def _modes() -> Table:
    rows = []
    for name, x in tensors().items():
        q = quantize(x, MXSF, _BLOCK)
        exponent = (q.codes >> 5) & 3
        zero = (q.codes & 0x7F) == 0
        lost = zero & (x != 0)
        counts = [exponent > 0, (exponent == 0) & ~zero, zero & ~lost, lost]
        shares = [round(100 * float(part.mean()), 2) for part in counts]
        rows.append([f"{name} {'x'.join(map(str, x.shape))}", *shares])
    columns = ["tensor", "wide mantissa", "nested float", "zero", "flushed to zero"]
    return Table(
        "modes",
        "Elements of one training step's tensors (digits) by mode, in percent, 8x8 tiles, FLOOR",
        columns,
        rows,
    )
