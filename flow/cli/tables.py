"""Tables for people: rich on a terminal, plain columns in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ...golden.formats.block import BlockFormat
from ...golden.formats.element import ElementFormat
from ...golden.formats.factor import Factor

if TYPE_CHECKING:  # a table of formats needs no hardware
    from ..board.bitstream import Bitstream
    from ..board.boards import BoardKind
    from ..catalogue.catalogue import Variant
    from ..network.figures import LayerCost
    from ..report.content import Table as Content
    from ..study.growth import Growth
    from ..study.speed import Speed
    from ..study.transpose import Cost
    from ..synth.area import Area
    from ..synth.timing import Timing

__all__ = [
    "area_table",
    "bitstream_table",
    "block_format_table",
    "board_table",
    "content_table",
    "format_table",
    "growth_table",
    "layer_table",
    "show",
    "speed_table",
    "timing_table",
    "transpose_table",
]


def show(table: Table) -> None:
    """Print a table; in a pipe as wide as its content needs."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(table)


def format_table(formats: Iterable[ElementFormat]) -> Table:
    """One row an element format."""
    table = _table("name", "bits", "layout", "bias", "emax", "largest", "least", "special")
    for f in formats:
        layout = f"e{f.exponent_bits}m{f.mantissa_bits}"
        if f.subnormal is not None:
            layout += f" nesting {f.subnormal.name}"
        if f.twos_complement:
            layout = f"two's complement, {f.bias} fraction bits"
        codes = {"none": "none", "nan": "NaN", "ieee": "Inf, NaN"}[f.special]
        least = f"2^{f.unit_exponent}"
        _row(table, f.name, f.bits, layout, f.bias, f.emax, f"{f.largest:g}", least, codes)
    return table


def block_format_table(formats: Iterable[BlockFormat]) -> Table:
    """One row a block format; its bits an element count what elements share."""
    names = ("block format", "bits", "layout", "bias", "block", "microexponents", "rounding")
    table = _table(*names, "scale", "rule", "factor")
    for f in formats:
        rows, columns = f.block
        shared = None if f.micro is None else f.micro[0] * f.micro[1]
        bits = f.element.bits + 8 / (rows * columns) + (1 / shared if shared else 0)
        _row(
            table,
            f,
            f"{bits:g}",
            f.element,
            f.element.bias,
            f"{rows}x{columns}",
            f"a bit for {shared}" if shared else None,
            f.rounding.value,
            f.scale,
            f.rule.value,
            None if f.factor is Factor.NONE else f.factor.value,
        )
    return table


def area_table(areas: Sequence[tuple[Variant, Area]]) -> Table:
    """One row a design and target; columns that no target fills are left out."""
    columns = {
        "fabric": [_fabric(design) for design, _ in areas],
        "gates": [a.gates for _, a in areas],
        "LUTs": [a.luts for _, a in areas],
        "carries": [a.carries for _, a in areas],
        "flip-flops": [a.flip_flops for _, a in areas],
        "multipliers": [a.multipliers or None for _, a in areas],
        "memories": [a.memories or None for _, a in areas],
        "um^2": [None if a.square_microns is None else f"{a.square_microns:.0f}" for _, a in areas],
        "NAND2": [None if a.nand2 is None else f"{a.nand2:.0f}" for _, a in areas],
        "per lane": [_share(v, a) for v, a in areas],
    }
    used = {name: column for name, column in columns.items() if any(c is not None for c in column)}
    table = _table("design", "target", *used)
    for index, (design, result) in enumerate(areas):
        _row(table, design.top, result.target, *(column[index] for column in used.values()))
    return table


def board_table(kinds: Iterable[BoardKind]) -> Table:
    """One row a board."""
    table = _table("board", "device", "engine")
    for kind in kinds:
        engine = ", ".join(f"{name} {value}" for name, value in kind.engine().items())
        _row(table, kind.name, kind.device, engine)
    return table


def bitstream_table(made: Bitstream) -> Table:
    """Frequencies of a bitstream, and the cells that it takes."""
    runs = made.runs.values()
    table = _table("board", "engine", "fabric", "clock MHz", "MHz", "range", "seeds", *made.used)
    _row(
        table,
        made.kind.name,
        made.engine.top,
        _fabric(made.engine),
        f"{made.clock / 1e6:g}",
        f"{made.fmax:.1f}",
        f"{min(runs):.1f}-{max(runs):.1f}",
        len(made.runs),
        *(f"{used} of {there}" for used, there in made.used.values()),
    )
    return table


def timing_table(timings: Sequence[tuple[Variant, Timing]]) -> Table:
    """One row a design and target, with the design's own cells of the kinds that it uses."""
    kinds = list(dict.fromkeys(kind for _, timing in timings for kind in timing.cells))
    table = _table("design", "target", "device", "fabric", "MHz", "range", "seeds", *kinds)
    for design, timing in timings:
        low, high = timing.range
        _row(
            table,
            design.top,
            timing.target,
            timing.device,
            _fabric(design),
            f"{timing.fmax:.1f}",
            f"{low:.1f}..{high:.1f}",
            len(timing.runs),
            *(timing.cells.get(kind, 0) for kind in kinds),
        )
    return table


def content_table(content: Content) -> Table:
    """A table of the report."""
    table = _table(*content.columns)
    for row in content.rows:
        _row(table, *("" if value is None else value for value in row))
    return table


def _share(design: Variant, result: Area) -> str | None:
    lanes = design.lanes
    total = result.square_microns or result.luts or result.gates
    return None if lanes is None or not total else f"{total / lanes:.1f}"


def _fabric(design: Variant) -> str | None:
    """The fabric of a design, None where it has no such parameter."""
    return design.values.get("fabric")


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(names):
        left = number == 0 or name in (
            "layout",
            "special",
            "target",
            "device",
            "fabric",
            "parameters",
        )
        table.add_column(name, justify="left" if left else "right")
    return table


def _row(table: Table, *cells: object) -> None:
    table.add_row(*("-" if cell is None else str(cell) for cell in cells))


def growth_table(engines: Sequence[Growth]) -> Table:
    """One row a number of PEs: cells, the rest's share, cycles and useful share by size."""
    kinds = {
        "gates": "gates",
        "LUTs": "luts",
        "carries": "carries",
        "flip-flops": "flip_flops",
        "multipliers": "multipliers",
        "um^2": "square_microns",
    }
    used = {k: name for k, name in kinds.items() if any(engine.total(name) for engine in engines)}
    main = next(name for name in used.values() if name != "flip_flops")
    sizes = list(engines[0].cycles)
    table = _table(
        *("PEs", *used, "memories", "a PE", "the rest"),
        *(f"{size}x{size}: cycles, useful" for size in sizes),
    )
    for engine in engines:
        cells = [f"{engine.total(name):.0f}" for name in used.values()]
        shares = [f"{engine.cycles[size]} {engine.useful[size]:.1%}" for size in sizes]
        parts = [f"{getattr(part, main):.0f}" for part in (engine.pe, engine.rest)]
        _row(table, engine.pes, *cells, engine.memories, *parts, *shares)
    return table


def speed_table(speeds: Sequence[Speed]) -> Table:
    """One row a program, an accelerator and a latency of its memory."""
    table = _table(
        *("work", "PEs", "bus", "depth", "latency", "steps", "cycles", "useful"),
        *("on the RTL", "model is off", "bytes a multiplication"),
    )
    for speed in speeds:
        off = "" if speed.error is None else f"{speed.error:+.2%}"
        _row(
            table,
            *(speed.work, speed.pes, speed.bus, speed.depth, speed.latency, speed.steps),
            *(speed.cycles, f"{speed.useful:.1%}", speed.measured or "", off),
            f"{speed.bytes_per_product:.4f}",
        )
    return table


def layer_table(costs: Sequence[LayerCost]) -> Table:
    """One row a layer, and one for all."""
    table = _table("layer", "cycles", "useful", "bytes read", "written", "multiplications")
    for cost in costs:
        figures = cost.read, cost.written, cost.products
        _row(table, cost.layer, cost.cycles, f"{cost.useful:.1%}", *figures)
    cycles = sum(cost.cycles for cost in costs)
    useful = sum(cost.useful * cost.cycles for cost in costs) / cycles
    sums = (sum(getattr(c, name) for c in costs) for name in ("read", "written", "products"))
    _row(table, "all", cycles, f"{useful:.1%}", *sums)
    return table


def transpose_table(costs: Sequence[Cost]) -> Table:
    """One row a tensor and way of making its transposed operand."""
    table = _table(
        *("tensor", "shape", "way", "words moved", "bytes moved", "cycles", "gates"),
        *("storage bits", "straight dB", "transposed dB", "lost dB"),
    )
    for cost in costs:
        errors = (f"{value:.2f}" for value in (cost.straight, cost.transposed, cost.lost))
        figures = cost.words, cost.bytes, cost.cycles, cost.gates, cost.storage
        _row(table, cost.tensor, "x".join(map(str, cost.shape)), cost.way, *figures, *errors)
    return table
