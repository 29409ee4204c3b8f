"""Proof: the exported Verilog of a combinational design equals the golden model, by SAT.

The golden model writes its answer as Verilog (``mxsf.sim.stimulus.reference``); Yosys proves that
no input tells the two apart. Nothing of Amaranth or of the simulators takes part.
"""

from amaranth.back.verilog import convert

from ...hdl.dot.operand import Operand
from ...hdl.ports import port_signals
from ...sim.bench.operand import operand_case
from ...sim.simulator.yosys import PINNED, Yosys, YosysError
from ...sim.stimulus.reference import table_reference
from ..catalogue.catalogue import Variant
from ..export.verilog import verilog

__all__ = ["prove", "prove_equal", "prove_operand"]

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


def prove_operand(operand: Operand, yosys: Yosys = PINNED) -> bool:
    """Prove for all codes the form in which a product sum decodes them.

    Args:
        operand: the decoder of one operand, which is a part of designs and none by itself.
        yosys: a Yosys that has ``sat``.

    Returns:
        Whether the proof succeeded; False where some code tells the two apart.
    """
    inputs, outputs = operand_case(operand)
    widths = {name: len(signal) for name, (signal, _) in port_signals(operand).items()}
    bits = {n: [v % (1 << widths[n]) for v in column] for n, column in outputs.items()}
    text = convert(operand, name="operand", emit_src=False, strip_internal_attrs=True)
    return prove_equal(text, "operand", table_reference(widths, inputs, bits), yosys)


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
