"""The two frames of docs/frames.md: draws them, and writes the worked examples out.

Writes docs/frames.svg and the part of docs/frames.md between the two marks. With ``--check`` it
writes nothing and exits 1 where a file is not what it would write.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from pathlib import Path

import numpy as np
from mxsf.golden import E2M1, E4M3, E5M2, INT8, MX9, MXSF, BlockFormat, ElementFormat
from mxsf.hdl.dot.accumulator import Accumulator
from mxsf.hdl.dot.frame import GUARD, SIGNIFICAND
from worked_frames import EXAMPLES, Example, word

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- made by examples/draw_frames.py -->\n", "<!-- to here -->\n"
GEOMETRIES: dict[str, tuple[ElementFormat | BlockFormat, int]] = {
    "E2M1": (E2M1, 4),
    "INT8": (INT8, 32),
    "MX9": (MX9, 16),
    "MXSF": (MXSF, 32),
    "E4M3": (E4M3, 32),
    "E5M2": (E5M2, 32),
}
"""Formats of both operands, and the block, of the table's lines."""


def bits(value: int, width: int) -> str:
    """Two's complement digits, the highest first."""
    return format(value % (1 << width), f"0{width}b")


def ruler(width: int) -> str:
    """Bit numbers, multiples of 8, each above its bit."""
    line = [" "] * width
    for place in range(0, width, 8):
        label = str(place)
        end = width - place
        if end >= len(label):
            line[end - len(label) : end] = label
    return "".join(line)


def marks(example: Example) -> str:
    """What becomes of each bit of the total: kept, guard, rest."""
    size = min(SIGNIFICAND, example.top + 1)
    guard = "g" if example.dropped else ""
    rest = "r" * (example.dropped - 1)
    return ("k" * size + guard + rest).rjust(example.frame.bits)


def text(example: Example) -> Iterator[str]:
    """An example's part of docs/frames.md."""
    if float(example.result) != example.value:
        raise AssertionError(f"{example.name}: {example.value} is not {example.result}")
    frame, width = example.frame, example.frame.bits
    kind = "low" if example.low else "at acc" if example.follows else "high"
    yield f"### {example.name}\n\n{example.note}\n\n"
    if len(example.a) <= 4:
        for name, operand in (("a", example.a), ("b", example.b)):
            values = ", ".join(f"{v:g}" for v in example.element.decode(operand))
            yield f"    {name:9}{values}\n"
    unit = 2 * example.element.unit_exponent
    yield f"    sum      {example.sum} * 2^{unit} = {np.ldexp(float(example.sum), unit):.9g}\n"
    yield f"    acc      {np.float32(example.acc):.9g} = 0x{word(example.acc):08X}, "
    yield f"exponent {example.acc_exponent}\n"
    yield f"    distance 254 {frame.offset:+} - {example.acc_exponent} = {example.distance}, "
    yield f"turn {frame.turn}: frame {kind}, acc {example.steps} places down\n\n"
    yield f"    bit      {ruler(width)}\n"
    yield f"    sum      {bits(example.sum_row, width)}\n"
    lost = "  and a rest below" if example.inexact else ""
    yield f"    acc      {bits(example.acc_row, width)}{lost}\n"
    yield f"    total    {bits(example.total, width)}\n"
    yield f"             {marks(example)}\n"
    rest = "something" if example.rest else "nothing"
    yield f"    rounded  {'up' if example.up else 'down'}: guard bit {example.guard:d}, "
    yield f"{rest} below it\n"
    yield f"    result   {example.result:.9g} = 0x{word(example.result):08X}\n\n"


def table() -> Iterator[str]:
    """Geometry of frames, a line a pair of formats."""
    yield "| formats | block | sum | frame | low from distance | room above the sum then |\n"
    yield "|---|---|---|---|---|---|\n"
    for name, (element, block) in GEOMETRIES.items():
        frame = Accumulator(element, block=block).frame
        above = frame.bits - GUARD - frame.sum_bits
        yield f"| {name} | {block} | {frame.sum_bits} bits | {frame.bits} bits "
        yield f"| {frame.turn} | {above} |\n"
    yield "\n"


def part() -> str:
    """What stands between the marks of docs/frames.md."""
    return "\n" + "".join(table()) + "".join("".join(text(e)) for e in EXAMPLES)


DRAWN = ("High: acc above the sum", "Low: acc below the sum", "MXSF, high", "MXSF, low")
CELL, ROW, LEFT = 14, 17, 64
STYLE = """
.page { fill: #ffffff } text { fill: #1f2328; font: 11px sans-serif }
.title { font-size: 13px; font-weight: bold } .note, .axis { fill: #656d76 }
.axis { font-size: 9px; text-anchor: middle }
.label { text-anchor: end } .digit { font: 10px monospace; text-anchor: middle }
.empty { fill: #f3f5f7 } .sum { fill: #b6d4fe } .sums { fill: #e3efff }
.acc { fill: #ffce91 } .accs { fill: #fff0dc }
.kept { fill: #b4e3b8 } .guard { fill: #ffe04d } .rest { fill: #dde1e6 }
.line { stroke: #656d76; fill: none }
.gaps { stroke: #ffffff; stroke-width: 17; stroke-dasharray: 1 13; stroke-dashoffset: 0.5 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } text { fill: #e6edf3 } .note, .axis { fill: #9aa4af }
.empty { fill: #171c23 } .sum { fill: #1f5fbf } .sums { fill: #14294a }
.acc { fill: #9a5b12 } .accs { fill: #3b2811 }
.kept { fill: #22703a } .guard { fill: #a88400 } .rest { fill: #38404a }
.line { stroke: #9aa4af } .gaps { stroke: #0d1117 }
}
"""


def kinds(example: Example) -> tuple[list[str], list[str], list[str]]:
    """What each bit of the rows sum, acc and total is, the lowest bit first: classes of cells."""
    size = example.frame.bits
    low = GUARD * example.low
    above = low + example.frame.sum_bits
    of_sum = ["empty"] * low + ["sum"] * example.frame.sum_bits + ["sums"] * (size - above)
    top = size - 1 - example.steps
    below = max(top - SIGNIFICAND, 0)
    of_acc = ["empty"] * below + ["acc"] * (top - below) + ["accs"] * (size - top)
    dropped = example.dropped
    of_total = ["rest"] * (dropped - 1) + ["guard"] * (dropped > 0) + ["kept"] * SIGNIFICAND
    return of_sum, of_acc, [*of_total, *["empty"] * (size - len(of_total))]


def bracket(left: float, right: float, y: float, label: str) -> str:
    """A line with ends, its label below."""
    path = f"M{left:g} {y - 3:g}v6M{left:g} {y:g}H{right:g}M{right:g} {y - 3:g}v6"
    middle = (left + right) / 2
    return (
        f'<path class="line" d="{path}"/>\n'
        f'<text class="axis" x="{middle:g}" y="{y + 11:g}">{label}</text>\n'
    )


def panel(example: Example, y: int, right: int) -> Iterator[str]:
    """A frame with its rows, from ``y`` down; bit 0 ends at ``right``."""
    frame, size = example.frame, example.frame.bits

    def x(place: int) -> int:
        """Right edge of a bit."""
        return right - CELL * place

    name = f"{str(example.element).upper()}, block of {len(example.a)}: "
    name += f"{'low' if example.low else 'high'} frame, {size} bits"
    yield f'<text class="title" x="{LEFT}" y="{y}">{name}</text>\n'
    total = np.ldexp(float(example.sum), 2 * example.element.unit_exponent)
    note = f"round({np.float32(example.acc):.9g} {total:+.9g}) = {example.result:.9g}"
    yield f'<text class="note label" x="{right}" y="{y}">{note}</text>\n'
    for place in [*range(0, size - 4, 8), size - 1]:
        label = "sign" if place == size - 1 else place
        yield f'<text class="axis" x="{x(place) - CELL / 2:g}" y="{y + 17}">{label}</text>\n'
    rows = {"sum": example.sum_row, "acc": example.acc_row, "total": example.total}
    y += 22
    for (label, value), classes in zip(rows.items(), kinds(example), strict=True):
        yield f'<text class="label" x="{x(size) - 6}" y="{y + 12}">{label}</text>\n'
        place = 0
        for css, run in groupby(classes):
            length = len(list(run))
            place += length
            yield f'<rect class="{css}" x="{x(place)}" y="{y}" '
            yield f'width="{CELL * length}" height="{ROW}"/>\n'
        yield f'<path class="gaps" d="M{x(size)} {y + ROW / 2}H{right}"/>\n'
        middles = " ".join(f"{x(place) - CELL / 2:g}" for place in reversed(range(size)))
        yield f'<text class="digit" x="{middles}" y="{y + 12}">{bits(value, size)}</text>\n'
        y += ROW + 3
    first = size - 2 - (frame.turn - GUARD if example.low else 0)
    last = 0 if example.low else size - 1 - frame.turn
    reach = f"{frame.turn} and more" if example.low else f"0 to {frame.turn - 1}"
    yield bracket(x(first + 1), x(last), y + 6, f"acc's top bit at a distance of {reach}")
    if example.low:
        yield bracket(x(GUARD), x(0), y + 26, f"{GUARD} bits below the sum")


def panel_height(example: Example) -> int:
    """Pixels from the top of one panel to that of the next."""
    return 22 + 3 * (ROW + 3) + (64 if example.low else 46)


def legend(y: int) -> Iterator[str]:
    """What the colours mean."""
    meanings = {
        "sum": "sum of the block",
        "acc": "acc's significand",
        "kept": "kept by the result",
        "guard": "guard bit",
        "rest": "rest (sticky)",
    }
    x = LEFT
    for css, meaning in meanings.items():
        yield f'<rect class="{css}" x="{x}" y="{y - 11}" width="13" height="13"/>'
        yield f'<text x="{x + 18}" y="{y}">{meaning}</text>\n'
        x += 42 + 6 * len(meaning)
    yield f'<text class="note" x="{x}" y="{y}">paler: copies of the sign</text>\n'


def picture() -> str:
    """docs/frames.svg: a high and a low frame of two formats."""
    shown = [e for e in EXAMPLES if e.name in DRAWN]
    right = LEFT + CELL * max(e.frame.bits for e in shown)
    width, height = right + 16, 50 + sum(map(panel_height, shown))
    title = "Where the sum of a block and acc stand in a high and in a low frame, bit by bit"
    tops = accumulate(map(panel_height, shown), initial=60)
    drawn = "".join("".join(panel(e, y, right)) for e, y in zip(shown, tops, strict=False))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="page" width="{width}" height="{height}"/>\n'
        f"{''.join(legend(26))}{drawn}</svg>\n"
    )


def files(docs: Path) -> dict[Path, str]:
    """What the files in a folder must be: docs/frames.md has its own text around the part."""
    page = docs / "frames.md"
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    return {page: before + BEGIN + part() + END + after, docs / "frames.svg": picture()}


def main(arguments: Sequence[str]) -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of frames.md")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where one differs")
    options = parser.parse_args(arguments)
    stale = 0
    for path, content in files(options.docs).items():
        if path.exists() and path.read_text() == content:
            continue
        stale += 1
        print(f"{path}: {'is not what would be written' if options.check else 'written'}")
        if not options.check:
            path.write_text(content)
    return int(options.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
