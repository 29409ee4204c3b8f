"""Commands that simulate, synthesize and time a design, and the group of all that need hardware."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import click

from ...sim.result import Stalls
from ..catalogue.catalogue import Variant
from ..export.verilog import write_whole
from ..simulate import SIMULATORS, default_simulator, make_simulator
from ..study.plots import area_plot, check_plot
from ..synth.area import TARGETS, Area, check_target
from ..synth.area import area as run_area
from ..synth.timing import TARGETS as TIMED
from ..synth.timing import Timing, check_options
from ..synth.timing import timing as run_timing
from .board import BOARD_COMMANDS
from .entry import main
from .generate import WRITERS
from .inputs import load_array
from .options import (
    EXISTING,
    FILE,
    design_options,
    read_variant,
    read_variants,
    read_yosys,
    shell_options,
    stall_options,
)
from .progress import progress
from .studies import STUDIES
from .tables import area_table, show, timing_table

__all__ = ["cli", "main"]


@click.group()
def cli() -> None:
    """Commands that need more than NumPy."""


@cli.command()
@click.argument("design")
@design_options()
@click.option("--input", "tensor", type=EXISTING, help="Float tensor (.npy) to run on.")
@click.option(
    "--simulator", type=click.Choice(SIMULATORS), help="Simulator [default: the fastest here]."
)
@click.option("--vcd", type=FILE, help="Waveform file to write, with a .gtkw layout.")
@click.option("--seed", type=int, default=0, help="Seed of words and stalls [default: 0].")
@shell_options
@stall_options
def simulate(
    design: str,
    tensor: Path | None,
    simulator: str | None,
    vcd: Path | None,
    seed: int,
    valid: float,
    ready: float,
    **options: Any,
) -> None:
    """Run DESIGN against the golden model, every cycle compared."""
    one = read_variant(design, options)
    values = None if tensor is None else load_array(tensor)
    if vcd is not None:
        vcd.parent.mkdir(parents=True, exist_ok=True)
    running = make_simulator(one, simulator or default_simulator(), vcd)
    with progress() as step:
        result = one.bench(
            running,
            values,
            Stalls(valid, ready, seed),
            lambda beats: step(f"{one.top}: {beats} beats", 0, 0),
        )
    print(
        f"{one.top} on {result.simulator}: {result.blocks} blocks, {result.cycles} cycles, "
        f"{result.count} mismatches"
    )
    for line in result.mismatches:
        print(f"  {line}")
    if not result.passed:
        sys.exit(1)


@cli.command()
@click.argument("design")
@design_options(multiple=True)
@click.option("--target", multiple=True, help=f"{', '.join(TARGETS)}, liberty=FILE (repeatable).")
@click.option("--without", help="Leave out the modules of this name, for example storage.")
@click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")
@click.option("--json", "output", type=FILE, help="Write the figures here as well.")
@click.option("--plot", type=FILE, help="Draw area against lanes: a .svg, .png or .pdf file.")
def area(
    design: str,
    target: tuple[str, ...],
    without: str | None,
    program: str | None,
    output: Path | None,
    plot: Path | None,
    **options: Any,
) -> None:
    """Synthesize DESIGN with Yosys and count its cells, for each target.

    Options of the design may be repeated: every combination is a row.
    """
    targets = target or ("generic",)
    for name in targets:
        check_target(name)
    variants = read_variants(design, options)
    yosys = read_yosys(program)
    if plot is not None:
        check_plot(plot)
    found: list[tuple[Variant, Area]] = []
    with progress() as step:
        for one in variants:
            left = one.netlist if without is None else one.netlist.without(without)
            for name in targets:
                what = f"{one.top} for {name} ({yosys.label})"
                step(what, len(found), len(variants) * len(targets))
                found.append((one, run_area(left, name, yosys)))
    show(area_table(found))
    if output is not None:
        _write_rows(output, {"yosys": yosys.version()}, found)
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        area_plot(found, plot)


@cli.command()
@click.argument("design")
@design_options(multiple=True)
@click.option("--target", multiple=True, help=f"{', '.join(TIMED)} (repeatable) [default: ecp5].")
@click.option("--device", help="Device, for example 85k, hx8k, up5k [default: by target].")
@click.option("--speed", help="Speed grade of ecp5: 6, 7, 8 [default: 6].")
@click.option("--seeds", type=int, default=3, help="Place and route so often [default: 3].")
@click.option("--frequency", type=float, default=200, help="Target for nextpnr [default: 200 MHz].")
@click.option("--require", type=float, help="Exit 1 where a median is below so many MHz.")
@click.option("--yosys", "program", help="Your own Yosys instead of the pinned one.")
@click.option("--json", "output", type=FILE, help="Write figures and full paths here as well.")
def timing(
    design: str,
    target: tuple[str, ...],
    device: str | None,
    speed: str | None,
    seeds: int,
    frequency: float,
    require: float | None,
    program: str | None,
    output: Path | None,
    **options: Any,
) -> None:
    """Place and route DESIGN with nextpnr: clock frequency, cells, critical path.

    Options of the design may be repeated: every combination is a row.
    """
    targets = target or ("ecp5",)
    families = [check_options(name, seeds, device, speed, frequency)[0] for name in targets]
    variants = read_variants(design, options)
    yosys = read_yosys(program)
    for family in families:
        family.nextpnr.check()
    run = partial(
        run_timing, seeds=seeds, device=device, speed=speed, frequency=frequency, yosys=yosys
    )
    total, done = len(variants) * len(targets) * (seeds + 1), count()
    found: list[tuple[Variant, Timing]] = []
    with progress() as step:
        for one in variants:
            for name in targets:
                what = f"{one.top} for {name}: "
                result = run(one, name, step=lambda now, w=what: step(w + now, next(done), total))
                found.append((one, result))
    show(timing_table(found))
    for one, result in found:
        print(f"{one.top} on {result.target}, seed {result.median.seed}, {result.median.path}")
    if output is not None:
        versions = {f.nextpnr.name: f.nextpnr.version() for f in families}
        facts = {"yosys": yosys.version(), "nextpnr": versions, "frequency": frequency}
        _write_rows(output, facts, found)
    slow = [(v, r) for v, r in found if r.fmax < (require or 0)]
    for one, result in slow:
        why = f"{result.fmax:.1f} MHz, below the {require:g} MHz that are required"
        print(f"{one.top} on {result.target}: {why}", file=sys.stderr)
    if slow:
        sys.exit(1)


def _write_rows(path: Path, facts: dict[str, Any], found: Sequence[tuple[Variant, Any]]) -> None:
    rows = [{"top": one.top, "parameters": one.settings()} | row.row() for one, row in found]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(facts | {"rows": rows}, indent=2) + "\n")


for _command in (*WRITERS, *STUDIES, *BOARD_COMMANDS):
    cli.add_command(_command)
