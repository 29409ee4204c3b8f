"""``mxsf prove``: a combinational design's Verilog equals the golden model, by SAT."""

import sys

from ..synth.proof import prove as prove_equal
from .chosen import Chosen
from .design_command import design_command
from .options import read_yosys, yosys_option
from .progress import progress

__all__ = ["prove"]


@design_command(takes=lambda design: design.reference is not None)
@yosys_option
def prove(chosen: Chosen, program: str | None) -> None:
    """Prove that the Verilog of a design equals the golden model for all inputs, by SAT.

    Exits 1 where some input tells the two apart. The design must be combinational.
    """
    yosys = read_yosys(program)
    with progress(f"building {chosen.name}") as step:
        design = chosen.one()
        step(f"proving {design.top} ({yosys.name}; its first use may compile it: a minute)")
        proved = prove_equal(design, yosys=yosys)
    if not proved:
        print(f"{design.top}: some input tells it from the golden model")
        sys.exit(1)
    print(f"{design.top}: equal to the golden model for all inputs")
