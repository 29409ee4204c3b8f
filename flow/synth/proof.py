"""Proof: the exported Verilog of a combinational block equals the golden model, by SAT.

The golden model writes its answer as Verilog, a table or wires; Yosys proves that no input tells
the two apart. Nothing of Amaranth or of the simulators takes part.
"""

from collections.abc import Mapping, Sequence

from amaranth.back.verilog import convert

from ...hdl.dot.decoder import Decoder
from ...hdl.dot.operand import Operand
from ...hdl.packing import Pack, Unpack
from ...hdl.ports import port_signals
from ...sim.bench.decoder import decoder_case
from ...sim.bench.operand import operand_case
from ...sim.bench.packing import packing_wires
from ...sim.simulator.yosys import PINNED, Yosys, YosysError
from ..catalogue.catalogue import Variant
from ..export.verilog import verilog

__all__ = ["prove_decoder", "prove_operand", "prove_packing", "prove_table"]

_SCRIPT = """read_verilog design.v
read_verilog golden.v
proc -norom
flatten {top}
opt_clean
miter -equiv -flatten {top} golden miter
sat -verify -prove trigger 0 miter
tee -o proof.txt log proved"""


def prove_decoder(decoder: Variant, text: str | None = None, yosys: Yosys = PINNED) -> bool:
    """Prove a decoder's Verilog for all codes.

    Args:
        decoder: a decoder of the catalogue.
        text: its Verilog; default: as it is exported.
        yosys: a Yosys that has ``sat``.

    Returns:
        Whether the proof succeeded; False where some code tells the two apart.
    """
    component = decoder.component
    assert isinstance(component, Decoder)
    inputs, outputs = decoder_case(component)
    widths = {name: width for name, (width, _) in decoder.ports.items()}
    text = verilog(decoder) if text is None else text
    return prove_table(text, decoder.top, widths, inputs, outputs, yosys)


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
    return prove_table(text, "operand", widths, inputs, bits, yosys)


def prove_table(
    text: str,
    top: str,
    widths: Mapping[str, int],
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
    yosys: Yosys = PINNED,
) -> bool:
    """Prove that a module gives the tabled outputs for the tabled rows of inputs.

    The first input's values stand in one case each for all values of the others: Yosys would not
    take a case that is much longer.
    """
    first, *others = inputs
    groups: dict[str, list[str]] = {}
    for row, value in enumerate(inputs[first]):
        sets = " ".join(f"{n} = {widths[n]}'d{column[row]};" for n, column in outputs.items())
        tests = [f"{name} == {widths[name]}'d{inputs[name][row]}" for name in others]
        line = f"      {widths[first]}'d{value}: begin {sets} end"
        groups.setdefault(" && ".join(tests) or "1", []).append(line)
    lines = [f"module golden({', '.join([*inputs, *outputs])});"]
    lines += [f"  input [{widths[name] - 1}:0] {name};" for name in inputs]
    lines += [f"  output reg [{widths[name] - 1}:0] {name};" for name in outputs]
    lines += ["  always @* begin", *(f"    {name} = {widths[name]}'dx;" for name in outputs)]
    for condition, rows in groups.items():
        lines += [f"    if ({condition}) case ({first})", *rows, "    endcase"]
    lines += ["  end", "endmodule", ""]
    return _prove(text, top, "\n".join(lines), yosys)


def prove_packing(packing: Variant, text: str | None = None, yosys: Yosys = PINNED) -> bool:
    """Prove the Verilog of packing or unpacking, without a register, for all payloads.

    Args:
        packing: ``pack`` or ``unpack`` of the catalogue, ``stages`` 0.
        text: its Verilog; default: as it is exported.
        yosys: a Yosys that has ``sat``.

    Returns:
        Whether each bit out is the bit in that ``packing_wires`` says, and valid and ready pass.
    """
    component = packing.component
    assert isinstance(component, Pack | Unpack)
    assert not component.stages
    wires = packing_wires(component)
    golden = f"""module golden({", ".join(packing.ports)});
  input [{len(wires) - 1}:0] i__payload;
  output [{len(wires) - 1}:0] o__payload;
  input i__valid, o__ready;
  output o__valid, i__ready;
  assign o__valid = i__valid, i__ready = o__ready;
  assign o__payload = {{{", ".join(f"i__payload[{bit}]" for bit in reversed(wires))}}};
endmodule
"""
    text = verilog(packing) if text is None else text
    return _prove(text, packing.top, golden, yosys)


def _prove(text: str, top: str, golden: str, yosys: Yosys) -> bool:
    """Prove that module ``top`` of a text and module ``golden`` of the other are the same."""
    files = {"design.v": text, "golden.v": golden}
    try:
        yosys.run(_SCRIPT.format(top=top), files, read="proof.txt")
    except YosysError as problem:
        if "proof did fail" in str(problem):
            return False
        raise
    return True
