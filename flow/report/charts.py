"""Pictures of a report: figures to SVG text, by matplotlib.

Text stays text, in the reader's own font; ids are salted by the figure's name, so that the same
data give the same bytes.
"""

import io
import re
from collections.abc import Callable
from typing import Any

from .content import Figure
from .wave_chart import draw_wave

__all__ = ["CHARTS", "svg"]


def svg(figure: Figure) -> str:
    """The SVG element of a figure.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    settings: Any = {"svg.hashsalt": figure.name, "svg.fonttype": "none", "font.size": 9.0}
    with matplotlib.rc_context(settings):
        drawn = CHARTS[figure.kind](pyplot, figure.data)
        text = io.StringIO()
        drawn.savefig(text, format="svg", metadata={"Date": None})
        pyplot.close(drawn)
    drawing = text.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    # As wide as the page lets it be.
    return re.sub(r' width="[^"]*" height="[^"]*"', "", drawing, count=1)


def _bars(pyplot: Any, data: dict[str, Any]) -> Any:
    """``groups`` of bars, one of each of the ``series``."""
    groups, series = data["groups"], data["series"]
    figure, panel = pyplot.subplots(figsize=(9, 3.5), layout="constrained")
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [g + (number - (len(series) - 1) / 2) * width for g in range(len(groups))]
        panel.bar(places, values, width, label=name)
    panel.set_xticks(range(len(groups)), groups)
    panel.set(ylabel=data["unit"])
    panel.grid(axis="y", alpha=0.3)
    panel.legend(ncols=len(series), fontsize="small")
    return figure


def _lines(pyplot: Any, data: dict[str, Any]) -> Any:
    """``lines`` by name, each a list of points (x, y) or (x, y, deviation).

    ``logs`` names the axes of powers of two, ``ticks`` marks each x.
    """
    figure, panel = pyplot.subplots(figsize=(9, 3.8), layout="constrained")
    for name, points in data["lines"].items():
        x, y, *more = zip(*points, strict=True)
        if data.get("drawn") == "steps":
            panel.step(x, y, where="post", label=name, linewidth=1)
        elif more:
            panel.errorbar(x, y, more[0], label=name, marker="o", capsize=2, linewidth=1)
        else:
            panel.plot(x, y, label=name, marker="o" if len(x) < 40 else None, linewidth=1)
    for axis in data.get("logs", []):
        getattr(panel, f"set_{axis}scale")("log", base=2)
    if data.get("symlog"):
        panel.set_yscale("symlog")
    if data.get("ticks"):
        ticks = sorted({point[0] for points in data["lines"].values() for point in points})
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.yaxis.set_major_formatter("{x:,.0f}")
    panel.set(xlabel=data["x"], ylabel=data["y"])
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    return figure


def _number_line(pyplot: Any, data: dict[str, Any]) -> Any:
    """Marks at ``values``, a row a format."""
    values = data["values"]
    size = (9, 0.6 + 0.42 * len(values))
    figure, panel = pyplot.subplots(figsize=size, layout="constrained")
    names = list(values)[::-1]
    panel.eventplot([values[n] for n in names], linelengths=0.7, linewidths=0.6, colors="C0")
    panel.set_yticks(range(len(names)), names)
    panel.set_xscale("log", base=2)
    panel.set_xlabel("value / largest value")
    return figure


def _stacked(pyplot: Any, data: dict[str, Any]) -> Any:
    """A horizontal bar for each of ``groups``, made of the ``series``."""
    groups, series = data["groups"], data["series"]
    size = (9, 1.3 + 0.32 * len(groups))
    figure, panel = pyplot.subplots(figsize=size, layout="constrained")
    left = [0.0] * len(groups)
    for number, (name, values) in enumerate(series.items()):
        panel.barh(range(len(groups)), values, left=left, label=name, color=f"C{number}")
        left = [a + b for a, b in zip(left, values, strict=True)]
    panel.set_yticks(range(len(groups)), groups)
    panel.invert_yaxis()
    panel.set_xlabel(data["unit"])
    panel.grid(axis="x", alpha=0.3)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(loc="outside upper center", fontsize="small", ncols=5, frameon=False)
    return figure


def _byte(pyplot: Any, data: dict[str, Any]) -> Any:
    """The byte of MXSF in both modes."""
    figure, panel = pyplot.subplots(figsize=(9, 2), layout="constrained")
    modes = {
        "E = 01, 10, 11: wide mantissa (FP8_E2M5)": "SEEMMMMM",
        "E = 00: nested float (FP5_E3M2)": "S00eeemm",
    }
    colors = {"S": "C7", "E": "C1", "0": "C1", "M": "C0", "e": "C2", "m": "C4"}
    for row, (mode, letters) in enumerate(modes.items()):
        for place, letter in enumerate(letters):
            at = (place, -row)
            box = pyplot.Rectangle(at, 1, 0.6, color=colors[letter], alpha=0.35, ec="white")
            panel.add_patch(box)
            panel.text(
                place + 0.5, -row + 0.3, letter, ha="center", va="center", family="monospace"
            )
            if not row:
                panel.text(place + 0.5, 0.75, str(7 - place), ha="center", fontsize=7)
        panel.text(8.2, -row + 0.3, mode, va="center")
    panel.set(xlim=(0, 15), ylim=(-1.1, 1))
    panel.axis("off")
    return figure


def _scatter(pyplot: Any, data: dict[str, Any]) -> Any:
    """``panels`` of points: x, y, shade, name, whether the name is written."""
    panels = data["panels"]
    size = (9, 3.0 * len(panels))
    figure, axes = pyplot.subplots(len(panels), 1, figsize=size, layout="constrained")
    shades = [point[2] for points in panels.values() for point in points]
    drawn = None
    for axis, (title, points) in zip(axes, panels.items(), strict=True):
        x, y, shade, names, named = zip(*points, strict=True)
        drawn = axis.scatter(x, y, c=shade, vmin=min(shades), vmax=max(shades), s=30)
        for place in zip(x, y, names, named, strict=True):
            if place[3]:
                axis.annotate(place[2], place[:2], (4, 3), textcoords="offset points", fontsize=7)
        axis.margins(0.09)
        axis.set(title=title, xlabel=data["x"], ylabel=data["y"])
        axis.grid(alpha=0.3)
    figure.colorbar(drawn, ax=axes, label=data["shade"], shrink=0.6)
    return figure


CHARTS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "bars": _bars,
    "byte": _byte,
    "lines": _lines,
    "number_line": _number_line,
    "scatter": _scatter,
    "stacked": _stacked,
    "wave": draw_wave,
}
"""What draws each kind of figure: (pyplot, data) to a matplotlib figure."""
