"""Proof: the exported Verilog of a combinational design equals the golden model, by SAT.

The golden model writes its answer as Verilog (``mxsf.sim.stimulus.reference``); Yosys proves that
no input tells the two apart. Nothing of Amaranth or of the simulators takes part.
"""

from ...sim.simulator.yosys import PINNED, Yosys, YosysError
from ..catalogue.catalogue import Variant
from ..export.verilog import verilog

__all__ = ["prove", "prove_equal"]

_SCRIPT = """read_verilog design.v
read_verilog golden.v
proc -norom
flatten {top}
opt_clean
miter -equiv -flatten {top} golden miter
sat -verify -prove trigger 0 miter
tee -o proof.txt log proved"""


def prove(design: Variant, text: str | None = None, yosys: Yosys = PINNED) -> bool:
    """Prove the Verilog of a combinational design for all inputs.

    Args:
        design: a design with a ``reference``, its own ports.
        text: its Verilog; default: as it is exported.
        yosys: a Yosys that has ``sat``.

    Returns:
        Whether the proof succeeded; False where some input tells the two apart.

    Raises:
        ValueError: the design has no reference, or registers.
    """
    reference = design.design.reference
    if reference is None:
        raise ValueError(f"{design.top} has no reference to be proved equal to")
    if design.clocked:
        raise ValueError(f"{design.top} has registers: only a combinational design is proved")
    text = verilog(design) if text is None else text
    return prove_equal(text, design.top, reference(design.component), yosys)


def prove_equal(text: str, top: str, golden: str, yosys: Yosys = PINNED) -> bool:
    """Prove that module ``top`` of a text and module ``golden`` of the other are the same."""
    files = {"design.v": text, "golden.v": golden}
    try:
        yosys.run(_SCRIPT.format(top=top), files, read="proof.txt")
    except YosysError as problem:
        if "proof did fail" in str(problem):
            return False
        raise
    return True
