"""Proof: the exported Verilog of a combinational block equals the golden model, by SAT.

The golden model writes its answer as a Verilog table; Yosys proves that no input tells the two
apart. Nothing of Amaranth or of the simulators takes part.
"""

from collections.abc import Mapping, Sequence

from ..hdl.decoder import Decoder
from ..sim.decoder import decoder_case
from ..sim.yosys import PINNED, Yosys, YosysError
from .catalogue import Variant
from .verilog import verilog

__all__ = ["prove_decoder", "prove_table"]

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
    files = {"design.v": text, "golden.v": "\n".join(lines)}
    try:
        yosys.run(_SCRIPT.format(top=top), files, read="proof.txt")
    except YosysError as problem:
        if "proof did fail" in str(problem):
            return False
        raise
    return True
