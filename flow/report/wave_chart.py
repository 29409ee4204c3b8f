"""Drawing of waveforms: a cell a cycle, levels as lines, payloads as labelled boxes."""

from collections.abc import Sequence
from typing import Any

__all__ = ["draw_wave"]

_INK, _FAINT, _GRID = "#1b1f24", "#9aa3ad", "#e1e5ea"
_FILLS = {"i": "#d6e6f8", "o": "#d9efd8"}
_EDGES = {"i": "#2166ac", "o": "#1b7837"}
_PLAIN = "#eef0f2"
_HEIGHT = 0.56  # of a row's signal
_SLANT = 0.09  # cycles that a box takes to open and to close
_WIDTH = 16  # cycles, at least: in all pictures a cycle is as wide
_NAMES = 2.5  # cycles that the names take
_GAP = 0.35  # between streams


def draw_wave(pyplot: Any, data: dict[str, Any]) -> Any:
    """``rows`` of a waveform, as ``waves.wave`` makes them.

    A cycle in which a beat passes is shaded over the rows of its stream, and ends in a bold mark on
    the clock edge.
    """
    rows, cycles = data["rows"], data["cycles"]
    places = _places(rows)
    bottom = places[-1] - 0.2
    size = (9, 0.35 + 0.235 * -bottom)
    figure, panel = pyplot.subplots(figsize=size, layout="constrained")
    for cycle in range(cycles + 1):
        panel.plot((cycle, cycle), (bottom, 0.75), color=_GRID, lw=0.6, zorder=0)
    for cycle in range(cycles):
        number = str(data["first"] + cycle)
        panel.text(cycle + 0.5, 0.8, number, ha="center", va="bottom", fontsize=6.5, color=_FAINT)
    for stream, flags in data["transfers"].items():
        _transfers(panel, stream, flags, _band(rows, places, stream))
    for row, place in zip(rows, places, strict=True):
        panel.text(-0.25, place + _HEIGHT / 2, row["name"], ha="right", va="center", fontsize=8)
        if row["kind"] == "clock":
            _clock(panel, place, cycles)
        elif row["kind"] == "level":
            _level(panel, place, row["samples"])
        else:
            flags = data["transfers"].get(row["stream"], [1] * cycles)
            _boxes(panel, place, row, flags)
    panel.set(xlim=(-_NAMES, max(cycles, _WIDTH) + 0.05), ylim=(bottom, 1.3))
    panel.axis("off")
    return figure


def _places(rows: Sequence[dict[str, Any]]) -> list[float]:
    """Lower end of each row, streams a gap apart."""
    places: list[float] = []
    for number, row in enumerate(rows):
        other = number and row["stream"] != rows[number - 1]["stream"]
        places.append(places[-1] - 1 - (_GAP if other else 0) if places else 0.0)
    return places


def _band(
    rows: Sequence[dict[str, Any]], places: Sequence[float], stream: str
) -> tuple[float, float]:
    """Lower and upper end of a stream's rows."""
    own = [place for row, place in zip(rows, places, strict=True) if row["stream"] == stream]
    return min(own) - 0.17, max(own) + _HEIGHT + 0.17


def _transfers(panel: Any, stream: str, flags: Sequence[int], band: tuple[float, float]) -> None:
    low, high = band
    for cycle, moves in enumerate(flags):
        if moves:
            panel.fill_between(
                (cycle, cycle + 1), low, high, color=_FILLS.get(stream, _PLAIN), lw=0, zorder=0.5
            )
            edge = _EDGES.get(stream, _INK)
            panel.plot((cycle + 1, cycle + 1), (low, high), color=edge, lw=1.3, zorder=1)
            panel.plot(cycle + 1, high, marker="v", ms=3.6, color=edge, clip_on=False, zorder=4)


def _clock(panel: Any, place: float, cycles: int) -> None:
    x: list[float] = []
    y: list[float] = []
    for cycle in range(cycles):
        x += [cycle, cycle, cycle + 0.5, cycle + 0.5, cycle + 1]
        y += [place, place + _HEIGHT, place + _HEIGHT, place, place]
    panel.plot(x, y, color=_FAINT, lw=0.9, solid_joinstyle="miter")


def _level(panel: Any, place: float, samples: Sequence[int | None]) -> None:
    """A line; where nothing is valid, a thin one in the middle."""
    for cycle, sample in enumerate(samples):
        if sample is None:
            middle = place + _HEIGHT / 2
            panel.plot((cycle, cycle + 1), (middle, middle), color=_FAINT, lw=0.6, ls=(0, (2, 2)))
            continue
        level = place + _HEIGHT * sample
        panel.plot((cycle, cycle + 1), (level, level), color=_INK, lw=1.1, zorder=3)
        before = samples[cycle - 1] if cycle else None
        if before is not None and before != sample:
            panel.plot((cycle, cycle), (place, place + _HEIGHT), color=_INK, lw=1.1, zorder=3)


def _boxes(panel: Any, place: float, row: dict[str, Any], flags: Sequence[int]) -> None:
    """A box for each beat, as long as it stands."""
    samples = row["samples"]
    start = 0
    for cycle, sample in enumerate(samples):
        last = cycle + 1 == len(samples)
        if last or flags[cycle] or samples[cycle + 1] != sample:
            if sample is None:
                middle = place + _HEIGHT / 2
                line = (start, cycle + 1), (middle, middle)
                panel.plot(*line, color=_FAINT, lw=0.6, ls=(0, (2, 2)))
            else:
                _box(panel, place, start, cycle + 1, sample, _EDGES.get(row["stream"], _INK))
            start = cycle + 1


def _box(panel: Any, place: float, start: int, end: int, text: str, edge: str) -> None:
    middle, top = place + _HEIGHT / 2, place + _HEIGHT
    inner = (start + _SLANT, end - _SLANT)
    corners = [(start, middle), (inner[0], top), (inner[1], top), (end, middle)]
    corners += [(inner[1], place), (inner[0], place)]
    x, y = zip(*corners, strict=True)
    panel.fill(x, y, facecolor="white", edgecolor=edge, lw=0.8, zorder=2)
    where = ((start + end) / 2, middle - 0.02)
    size = 6.3 if len(text) < 8 or end - start > 1 else 5.4
    panel.text(*where, text, ha="center", va="center", fontsize=size, zorder=5)
