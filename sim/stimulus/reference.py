"""Golden answers as Verilog: a module ``golden`` that a combinational design must equal."""

from collections.abc import Mapping, Sequence

__all__ = ["table_reference", "wire_reference"]


def table_reference(
    widths: Mapping[str, int],
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
) -> str:
    """Return a module that gives the tabled outputs for the tabled rows of inputs.

    The first input's values stand in one case each for all values of the others: Yosys would not
    take a case that is much longer.

    Args:
        widths: bits of each port.
        inputs: values of each input port, a row each.
        outputs: values of each output port in the same rows.
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
    return "\n".join(lines)


def wire_reference(wires: Sequence[int]) -> str:
    """Return a module of streams ``i`` and ``o`` without a register, whose payload is wired.

    Args:
        wires: for each bit of the payload out, the bit of the payload in.
    """
    return f"""module golden(i__payload, i__valid, i__ready, o__payload, o__valid, o__ready);
  input [{len(wires) - 1}:0] i__payload;
  output [{len(wires) - 1}:0] o__payload;
  input i__valid, o__ready;
  output o__valid, i__ready;
  assign o__valid = i__valid, i__ready = o__ready;
  assign o__payload = {{{", ".join(f"i__payload[{bit}]" for bit in reversed(wires))}}};
endmodule
"""
