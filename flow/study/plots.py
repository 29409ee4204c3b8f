"""Pictures of figures, drawn by matplotlib."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...golden.files import whole_file
from ..catalogue.catalogue import Variant
from ..synth.area import Area
from .growth import Growth
from .speed import Speed

__all__ = ["area_plot", "check_plot", "growth_plot", "speed_plot"]

_KINDS = (".svg", ".png", ".pdf")


def check_plot(path: Path) -> None:
    """Raise ValueError where a plot cannot be drawn to a path."""
    if path.suffix not in _KINDS:
        raise ValueError(f"a plot is a {', '.join(_KINDS)} file, not {path}")
    if find_spec("matplotlib") is None:
        raise ValueError("plots need matplotlib: pip install 'mxsf[report]'")


def area_plot(areas: Sequence[tuple[Variant, Area]], path: Path) -> None:
    """Draw area a lane against lanes, a panel a target, a line for all else that differs.

    Args:
        areas: designs and their areas.
        path: where to; written whole or not at all.

    Raises:
        ValueError: the kind of file is unknown, or matplotlib is not installed.
    """
    check_plot(path)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    targets = list(dict.fromkeys(result.target for _, result in areas))
    figure, panels = pyplot.subplots(
        1, len(targets), figsize=(1 + 4.5 * len(targets), 4), squeeze=False, layout="constrained"
    )
    for panel, target in zip(panels[0], targets, strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        unit = ""
        for design, result in areas:
            lanes = design.lanes or 1
            if result.target == target:
                unit, total = result.measure
                lines.setdefault(_label(design, areas), []).append((lanes, total / lanes))
        for label, points in lines.items():
            panel.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
        ticks = sorted({lanes for points in lines.values() for lanes, _ in points})
        panel.set_xscale("log", base=2)
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.set(xlabel="lanes", ylabel=f"{unit} a lane", title=_title(target))
        panel.set_ylim(0, 1.08 * max(y for points in lines.values() for _, y in points))
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    _save(figure, path)


def growth_plot(engines: Sequence[Growth], path: Path) -> None:
    """Draw an engine's cells against its PEs, and the useful share against the matrix size.

    Args:
        engines: engines.
        path: where to; written whole or not at all.

    Raises:
        ValueError: the kind of file is unknown, or matplotlib is not installed.
    """
    check_plot(path)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    pes = [engine.pes for engine in engines]
    unit = engines[0].pe.measure[0]
    arrays, rests = ([part.measure[1] for part in parts] for parts in _parts(engines))
    arrays = [n * pe for n, pe in zip(pes, arrays, strict=True)]
    left.plot(pes, [a + r for a, r in zip(arrays, rests, strict=True)], marker="o", label="engine")
    left.plot(pes, arrays, marker="o", label="PEs")
    left.plot(pes, rests, marker="o", label="the rest")
    left.set(xlabel="PEs", ylabel=unit, xscale="log", yscale="log", title=engines[0].pe.target)
    left.set_xticks(pes, [str(n) for n in pes])
    left.minorticks_off()
    for engine in engines:
        right.plot(
            list(engine.useful), list(engine.useful.values()), marker="o", label=f"{engine.pes} PEs"
        )
    sizes = list(engines[0].useful)
    right.set(xlabel="rows and columns", ylabel="useful share of cycles", ylim=(0, 1.02))
    right.set_xscale("log", base=2)
    right.set_xticks(sizes, [str(size) for size in sizes])
    for panel in (left, right):
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    _save(figure, path)


def speed_plot(speeds: Sequence[Speed], path: Path) -> None:
    """Draw the useful share of cycles of programs, a panel a latency, a bar an accelerator.

    Args:
        speeds: programs on accelerators.
        path: where to; written whole or not at all.

    Raises:
        ValueError: the kind of file is unknown, or matplotlib is not installed.
    """
    check_plot(path)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    latencies = list(dict.fromkeys(speed.latency for speed in speeds))
    machines = list(dict.fromkeys((speed.pes, speed.bus) for speed in speeds))
    work = list(dict.fromkeys(speed.work for speed in speeds))
    figure, panels = pyplot.subplots(
        1, len(latencies), figsize=(1 + 5 * len(latencies), 4), squeeze=False, layout="constrained"
    )
    width = 0.8 / len(machines)
    for panel, latency in zip(panels[0], latencies, strict=True):
        for number, machine in enumerate(machines):
            shown = [s for s in speeds if (s.pes, s.bus) == machine and s.latency == latency]
            places = [work.index(s.work) + (number + 0.5) * width - 0.4 for s in shown]
            label = f"{machine[0]} PEs, {machine[1]} bits"
            panel.bar(places, [s.useful for s in shown], width, label=label)
        panel.set_xticks(range(len(work)), work)
        panel.set(ylim=(0, 1.02), ylabel="useful share of cycles")
        panel.set_title(f"memory of {latency} cycles")
        panel.grid(axis="y", alpha=0.3)
        panel.legend(fontsize="small", loc="lower right")
    _save(figure, path)


def _parts(engines: Sequence[Growth]) -> tuple[list[Area], list[Area]]:
    return [engine.pe for engine in engines], [engine.rest for engine in engines]


def _save(figure: Any, path: Path) -> None:
    """Write a picture whole or not at all."""
    from matplotlib import pyplot

    kind = path.suffix[1:]
    try:
        with whole_file(path) as file:
            figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    finally:
        pyplot.close(figure)


def _title(target: str) -> str:
    return "standard cells" if target.startswith("liberty=") else target


def _label(design: Variant, areas: Sequence[tuple[Variant, Area]]) -> str:
    """Values of the parameters that differ, those apart that count elements."""
    names = [p.name for p in design.design.parameters if not p.counts_elements]
    differ = [n for n in names if len({v.settings()[n] for v, _ in areas}) > 1]
    return " ".join(str(design.settings()[name]) for name in differ) or design.design.name
