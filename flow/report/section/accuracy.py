"""Accuracy: direct-cast inference and training of small networks, beside what the paper claims."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from ....golden.formats.catalogue import parse
from ..content import Figure, Section, Table
from ..scope import Scope

__all__ = ["accuracy"]

CLAIMS = {"e2m5": (0.05, 11.1), "e4m3": (3.55, 3.57)}
"""Points by which MXSF is above a format in inference and in training: abstract of the MX-SAFE
paper, arXiv 2605.24391."""

SHIFTS = range(10)
_EVERY = 32  # one channel of so many is an outlier

_Percents = dict[tuple[str, str], list[float]]
"""Accuracies by network and format, one a seed."""


def accuracy(scope: Scope, step: Callable[[str], None]) -> Section:
    """Train, cast, compare; the outlier curve.

    Args:
        scope: elements, training seeds and epochs.
        step: called with what runs now.
    """
    section = Section("networks", "What it does to networks")
    for module, extra in (("sklearn", "scikit-learn"), ("autograd", "autograd")):
        if find_spec(module) is None:
            section.missing.append(f"No networks without {extra}: pip install 'mxsf[report]'")
            return section
    from .networks import NETWORKS, Format, digits, evaluate

    data = digits()
    formats = [Format("fp32"), Format("bf16", "bf16")]
    for block in ((1, 32), (8, 8)):
        shape = "x".join(map(str, block))
        formats += [Format(f"{n} {shape}", parse(n), block) for n in scope.elements]

    cast, trained, first = _measure(scope, step, data, formats)
    names = [network.name for network in NETWORKS]
    for title, stem, percents in (
        ("Direct cast: trained in FP32, run in the format", "cast", cast),
        ("Training: every product of all three directions in the format", "training", trained),
    ):
        rows = [[f.name, *(_mean(percents[n, f.name]) for n in names)] for f in formats]
        section.tables.append(
            Table(
                f"networks_{stem}",
                f"{title}; test accuracy in percent",
                ["format", *names],
                rows,
                f"Mean and deviation over {scope.seeds} seeds; one image in 360 is 0.28 points.",
            )
        )
    agreement = _claims(names, cast, trained)
    if agreement.rows:
        section.tables.append(agreement)
    step("outlier channels")
    section.figures.append(_outliers(NETWORKS[0], first[names[0]], data, formats, evaluate))
    section.intro = [
        "Three networks of some thousand weights on the 8x8 digits of scikit-learn: a perceptron, "
        "a convolution, and an attention network whose tokens are the rows of an image. Operands "
        "of every product are quantized, sums and weight updates are FP32.",
        _sentence(agreement),
        "The clearest case is a network with outlier channels: one hidden channel in 32 is scaled "
        "by 2^k and its weights in the next layer by 2^-k, which changes nothing in FP32. Then a "
        "block spans a wide range: formats without range lose its small elements.",
    ]
    section.facts = {
        "seeds": scope.seeds,
        "epochs": scope.epochs,
        "images": f"{len(data.x)} to train, {len(data.x_test)} to test",
        "scale rule": "floor",
    }
    return section


def _measure(
    scope: Scope, step: Callable[[str], None], data: Any, formats: list[Any]
) -> tuple[_Percents, _Percents, dict[str, Any]]:
    """Accuracies of direct cast and of training, and the weights of each network's first seed.

    Args:
        scope: training seeds and epochs.
        step: called with what runs now.
        data: images and their digits.
        formats: those to measure, FP32 first.
    """
    from threadpoolctl import threadpool_limits

    from .networks import NETWORKS, evaluate, train

    plain = formats[0]
    cast: _Percents = {}
    trained: _Percents = {}
    first: dict[str, Any] = {}
    # Threads cost small matrices more than they give: they wait for each other, busily.
    with threadpool_limits(1):
        for network in NETWORKS:
            for seed in range(scope.seeds):
                exact = train(network, data, plain, seed=seed, epochs=scope.epochs)
                first.setdefault(network.name, exact)
                for fmt in formats:
                    step(f"training {network.name} in {fmt.name}, seed {seed}")
                    weights = exact
                    if fmt != plain:
                        weights = train(network, data, fmt, seed=seed, epochs=scope.epochs)
                    key = network.name, fmt.name
                    cast.setdefault(key, []).append(100 * evaluate(network, exact, data, fmt)[0])
                    trained.setdefault(key, []).append(
                        100 * evaluate(network, weights, data, fmt)[0]
                    )
    return cast, trained, first


def _mean(values: list[float]) -> str:
    deviation = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


def _claims(names: list[str], cast: _Percents, trained: _Percents) -> Table:
    """How far MXSF is above other formats, over all networks and seeds, beside the paper."""
    rows: list[list[Any]] = []
    for other, claims in CLAIMS.items():
        for kind, percents, claim in zip(
            ("inference", "training"), (cast, trained), claims, strict=True
        ):
            for shape in ("1x32", "8x8"):
                pairs = [
                    (percents.get((n, f"mxsf {shape}")), percents.get((n, f"{other} {shape}")))
                    for n in names
                ]
                gaps = [
                    a - b
                    for mine, its in pairs
                    if mine and its
                    for a, b in zip(mine, its, strict=True)
                ]
                if gaps:
                    error = float(np.std(gaps) / np.sqrt(len(gaps)))
                    mean = round(float(np.mean(gaps)), 2)
                    rows.append([f"{kind}, over {other}", shape, mean, round(error, 2), claim])
    return Table(
        "claims",
        "MXSF above other formats in points of accuracy",
        ["", "block", "here", "standard error", "paper"],
        rows,
        "The paper's are means over its own, much larger networks (arXiv 2605.24391, abstract).",
    )


def _sentence(table: Table) -> str:
    """What the comparison with the paper says, plainly."""
    if not table.rows:
        return "Without MXSF, E2M5 or E4M3 there is nothing to compare with the paper."
    agree = sum(abs(here - claim) <= max(2 * error, 0.3) for _, _, here, error, claim in table.rows)
    return (
        f"Of {len(table.rows)} comparisons with the paper's abstract, {agree} agree within two "
        "standard errors or 0.3 points. Where they do not, the reason is the task: small networks "
        "on an easy task lose little in any of these formats, so that the paper's large gaps do "
        "not appear."
    )


def _outliers(
    network: Any, weights: Any, data: Any, formats: list[Any], evaluate: Callable[..., Any]
) -> Figure:
    """Loss of the perceptron against the scale of its outlier channels."""
    lines: dict[str, list[list[float]]] = {}
    plain = evaluate(network, weights, data, formats[0])[1]
    for fmt in formats:
        if fmt.element is None or fmt.block != (1, 32):
            continue
        points = []
        for k in SHIFTS:
            scaled = {name: w.copy() for name, w in weights.items()}
            scaled["w1"][:, ::_EVERY] *= np.float32(2.0**k)
            scaled["w2"][::_EVERY] *= np.float32(2.0**-k)
            points.append([float(k), 1000 * (evaluate(network, scaled, data, fmt)[1] - plain)])
        lines[fmt.name] = points
    return Figure(
        "outliers",
        "Outlier channels: change of the loss against their scale, direct cast, perceptron",
        "lines",
        {
            "lines": lines,
            "x": "k: outlier channels times 2^k",
            "y": "1000 x change of the loss",
            "symlog": True,
        },
    )
