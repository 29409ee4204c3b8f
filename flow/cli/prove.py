"""``mxsf prove``: a combinational design's Verilog equals the golden model, by SAT."""

import sys
from typing import Any

from ..synth.proof import prove as prove_equal
from .design_command import design_command
from .options import read_variant, read_yosys, yosys_option
from .progress import progress

__all__ = ["prove"]


@design_command(takes=lambda design: design.reference is not None)
@yosys_option
def prove(name: str, program: str | None, **options: Any) -> None:
    """Prove that the Verilog of a design equals the golden model for all inputs, by SAT.

    Exits 1 where some input tells the two apart. The design must be combinational.
    """
    design = read_variant(name, options)
    yosys = read_yosys(program)
    with progress() as step:
        step(f"{design.top} ({yosys.name}; its first use may compile it: a minute)", 0, 0)
        proved = prove_equal(design, yosys=yosys)
    if not proved:
        print(f"{design.top}: some input tells it from the golden model")
        sys.exit(1)
    print(f"{design.top}: equal to the golden model for all inputs")
