"""Numerics: signal to quantization noise by distribution, format, scale rule and block.

Noise is measured over all elements at once: ``10 log10(sum x^2 / sum (x - Q(x))^2)``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....golden.formats.catalogue import FORMATS
from ....golden.formats.element import ElementFormat
from ....golden.formats.scale_rule import ScaleRule
from ....golden.quantize.encoder import quantize
from ....golden.quantize.error import error_db
from ...catalogue.catalogue import tensors
from ..content import Figure, Section, Table
from ..scope import Scope

__all__ = ["BLOCKS", "DISTRIBUTIONS", "draw", "numerics"]

Floats = NDArray[np.float32]
_Measured = tuple[list[Any], Callable[[ElementFormat], float]]  # keys of a row, what it holds

BLOCKS = ((1, 32), (1, 64), (8, 8))
COLUMNS = 256
SEED = 0


def _spread(random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Normal rows, the variance of each drawn as the magnitude of a normal number."""
    variance = np.abs(random.standard_normal((shape[0], 1)))
    return random.standard_normal(shape) * np.sqrt(variance)


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "Laplace": lambda random, shape: random.laplace(size=shape),
    "Student-t, 3": lambda random, shape: random.standard_t(3, shape),
    "log-normal, s = 2": lambda random, shape: random.lognormal(0, 2, shape),
    "N(0, |N(0, 1)|)": _spread,
}
"""By name: a generator and a shape (rows, columns) to float64. The last one is that of the ISCA
2023 paper on shared microexponents (arXiv 2302.08007): rows of 256 of one variance each."""


def draw(name: str, samples: int) -> Floats:
    """Samples of a distribution: float32 (samples / 256, 256), the same ones every time."""
    random = np.random.default_rng(SEED)
    return DISTRIBUTIONS[name](random, (samples // COLUMNS, COLUMNS)).astype(np.float32)


def sqnr(x: Floats, element: ElementFormat, block: tuple[int, int], rule: ScaleRule) -> float:
    """SQNR in dB of a tensor (rows, columns)."""
    return error_db(x, quantize(x, element, block, rule).dequantize())


def numerics(scope: Scope, step: Callable[[str], None]) -> Section:
    """SQNR tables and one figure.

    Args:
        scope: element formats and samples.
        step: called with what runs now.
    """
    elements = _elements(scope)
    data = {}
    for name in DISTRIBUTIONS:
        step(f"drawing {name}")
        data[name] = draw(name, scope.samples)

    blocks = _table(
        "sqnr_blocks",
        "SQNR in dB by block, scale rule FLOOR",
        ["data", "block"],
        elements,
        _by_block(data),
        step,
    )
    rules = _table(
        "sqnr_rules",
        "SQNR in dB by scale rule, blocks 1x32",
        ["data", "rule"],
        elements,
        [
            ([name, rule.value], lambda e, x=x, r=rule: sqnr(x, e, (1, 32), r))
            for name, x in data.items()
            for rule in ScaleRule
        ],
        step,
    )
    real = _table(
        "sqnr_tensors",
        "SQNR in dB of one training step's tensors (digits), FLOOR",
        ["tensor", "block"],
        elements,
        _by_block({f"{name} {_shape(x.shape)}": x for name, x in tensors().items()}),
        step,
    )
    flushed = _table(
        "flushed",
        "Share of nonzero elements that become zero, in percent, blocks 1x32, FLOOR",
        ["data"],
        elements,
        [([name], lambda e, x=x: 100 * _flushed(x, e)) for name, x in data.items()],
        step,
    )
    return Section(
        "numerics",
        "Numerics",
        intro=[
            "How much of a signal is left after quantization, by the golden model. A wide mantissa "
            "wins where all elements of a block are near its largest, a wide range where they are "
            "spread. MXSF gives up about 3 dB of E2M5 on normal data and keeps what E2M5 and INT8 "
            "flush to zero.",
        ],
        tables=[blocks, rules, real, flushed],
        figures=[_bars(blocks, list(elements))],
        facts={"samples": scope.samples, "columns": COLUMNS, "seed": SEED},
    )


def _bars(blocks: Table, names: list[str]) -> Figure:
    """SQNR of each distribution in the first block, of the table by block."""
    rows = [row for row in blocks.rows if row[1] == _shape(BLOCKS[0])]
    return Figure(
        "sqnr",
        "SQNR by distribution, blocks 1x32",
        "bars",
        {
            "groups": [row[0] for row in rows],
            "series": {name: [row[2 + i] for row in rows] for i, name in enumerate(names)},
            "unit": "dB",
        },
    )


def _elements(scope: Scope) -> dict[str, ElementFormat]:
    """Those of the scope, with E5M2 for its range."""
    return {f.name: f for f in [*scope.formats, FORMATS["e5m2"]]}


def _by_block(data: dict[str, Floats]) -> list[_Measured]:
    """SQNR of each tensor in each block, scale rule FLOOR."""
    return [
        ([name, _shape(block)], lambda e, x=x, b=block: sqnr(x, e, b, ScaleRule.FLOOR))
        for name, x in data.items()
        for block in BLOCKS
    ]


def _flushed(x: Floats, element: ElementFormat) -> float:
    q = quantize(x, element).dequantize()
    return float(((q == 0) & (x != 0)).sum() / max((x != 0).sum(), 1))


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _table(
    name: str,
    title: str,
    keys: list[str],
    elements: dict[str, ElementFormat],
    rows: list[_Measured],
    step: Callable[[str], None],
) -> Table:
    """A row for each set of keys, a column for each format."""
    lines = []
    for key, measure in rows:
        step(f"{title}: {', '.join(map(str, key))}")
        values = [measure(element) for element in elements.values()]
        lines.append([*key, *("exact" if v == np.inf else round(v, 3) for v in values)])
    return Table(name, title, [*keys, *elements], lines)
