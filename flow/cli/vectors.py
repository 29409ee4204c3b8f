"""``mxsf vectors``: a design's Verilog with stimulus, golden answers, and a testbench."""

from pathlib import Path

from ..export.fusesoc import write_core
from ..export.vectors import write_vectors
from .chosen import Chosen
from .design_command import design_command
from .inputs import load_array
from .options import (
    fusesoc_option,
    input_option,
    name_option,
    output_option,
    prefix_option,
    read_stalls,
    shell_options,
    stall_options,
)
from .outputs import note_long_name
from .progress import progress

__all__ = ["vectors"]


@design_command()
@input_option
@output_option
@prefix_option
@name_option
@fusesoc_option
@shell_options
@stall_options
def vectors(
    chosen: Chosen,
    tensor: Path | None,
    output: Path,
    seed: int | None,
    valid: float | None,
    ready: float | None,
    fusesoc: bool,
) -> None:
    """Write the Verilog of a design with a self-checking testbench and its hex files.

    Any Verilog simulator runs it in the folder: iverilog -o tb TOP_tb.v TOP.v && vvp tb
    """
    values = None if tensor is None else load_array(tensor)
    with progress(f"building {chosen.name}") as step:
        design = chosen.one()
        note_long_name(design)
        stalls = read_stalls(design, valid, ready, seed)
        step(f"golden answers and Verilog of {design.top}")
        paths = write_vectors(design, output, values, stalls)
        if fusesoc:
            paths += write_core(design, output, [p.name for p in paths if p.suffix == ".hex"])
    for path in paths:
        print(path)
