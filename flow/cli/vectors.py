"""``mxsf vectors``: a design's Verilog with stimulus, golden answers, and a testbench."""

from pathlib import Path
from typing import Any

from ...sim.result import Stalls
from ..export.fusesoc import write_core
from ..export.vectors import write_vectors
from .design_command import design_command
from .inputs import load_array
from .options import (
    fusesoc_option,
    input_option,
    name_option,
    output_option,
    prefix_option,
    read_variant,
    seed_option,
    shell_options,
    stall_options,
)
from .outputs import note_long_name

__all__ = ["vectors"]


@design_command()
@input_option
@output_option
@prefix_option
@name_option
@seed_option
@fusesoc_option
@shell_options
@stall_options
def vectors(
    name: str,
    tensor: Path | None,
    output: Path,
    seed: int,
    valid: float,
    ready: float,
    fusesoc: bool,
    **options: Any,
) -> None:
    """Write the Verilog of a design with a self-checking testbench and its hex files.

    Any Verilog simulator runs it in the folder: iverilog -o tb TOP_tb.v TOP.v && vvp tb
    """
    values = None if tensor is None else load_array(tensor)
    design = read_variant(name, options)
    note_long_name(design)
    paths = write_vectors(design, output, values, Stalls(valid, ready, seed))
    if fusesoc:
        paths += write_core(design, output, [p.name for p in paths if p.suffix == ".hex"])
    for path in paths:
        print(path)
