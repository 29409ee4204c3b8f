"""``mxsf timing``: the clock frequency of designs, placed and routed."""

import sys
from functools import partial
from itertools import count
from pathlib import Path

import click

from ..catalogue.catalogue import Variant
from ..synth.timing import TARGETS, Timing, check_options
from ..synth.timing import timing as place_and_route
from .chosen import Chosen
from .design_command import design_command
from .options import MEGAHERTZ, SEEDS, json_option, read_yosys, yosys_option
from .outputs import variant_rows, write_json
from .progress import progress
from .tables import show, timing_table
from .values import Name

__all__ = ["timing"]


@design_command(repeatable=True)
@click.option(
    "--target",
    type=Name(),
    multiple=True,
    help=f"{', '.join(TARGETS)} (repeatable) [default: ecp5].",
)
@click.option(
    "--device", type=Name(), help="Device, for example 85k, hx8k, up5k [default: by target]."
)
@click.option("--speed", help="Speed grade of ecp5: 6, 7, 8 [default: 6].")
@click.option("--seeds", type=SEEDS, default=3, help="Place and route so often [default: 3].")
@click.option(
    "--frequency", type=MEGAHERTZ, default=200, help="Target for nextpnr [default: 200 MHz]."
)
@click.option("--require", type=MEGAHERTZ, help="Exit 1 where a median is below so many MHz.")
@yosys_option
@json_option
def timing(
    chosen: Chosen,
    target: tuple[str, ...],
    device: str | None,
    speed: str | None,
    seeds: int,
    frequency: float,
    require: float | None,
    program: str | None,
    output: Path | None,
) -> None:
    """Place and route a design with nextpnr: clock frequency, cells, critical path.

    Parameters of the design may be repeated: every combination is a row. The fabric follows the
    target unless it is given.
    """
    targets = target or ("ecp5",)
    families = [check_options(each, seeds, device, speed, frequency)[0] for each in targets]
    yosys = read_yosys(program)
    for family in families:
        family.nextpnr.check()
    run = partial(
        place_and_route, seeds=seeds, device=device, speed=speed, frequency=frequency, yosys=yosys
    )
    done = count()
    timings: list[tuple[Variant, Timing]] = []
    with progress(f"building {chosen.name}") as step:
        designs = chosen.each(targets)
        total = len(designs) * (seeds + 1)
        for design, each in designs:
            what = f"{design.top} for {each}: "
            timing = run(design, each, step=lambda now, w=what: step(w + now, next(done), total))
            timings.append((design, timing))
    show(timing_table(timings))
    for design, timing in timings:
        print(f"{design.top} on {timing.target}, seed {timing.median.seed}, {timing.median.path}")
    if output is not None:
        versions = {f.nextpnr.name: f.nextpnr.version() for f in families}
        facts = {"yosys": yosys.version(), "nextpnr": versions, "frequency": frequency}
        write_json(output, facts | {"rows": variant_rows(timings)})
    slow = [(design, timing) for design, timing in timings if timing.fmax < (require or 0)]
    for design, timing in slow:
        why = f"{timing.fmax:.1f} MHz, below the {require:g} MHz that are required"
        print(f"{design.top} on {timing.target}: {why}", file=sys.stderr)
    if slow:
        sys.exit(1)
