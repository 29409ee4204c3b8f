"""Verilog around a design that breaks a rule of its streams, chosen when it runs by +fault=N."""

import re

FAULTS = {
    "none": "",
    "valid_stays": "o__valid = given && !stalled;",
    "payload_stays": "o__payload = beat ^ stalled;",
    "in_order": "o__payload = beat ^ (1 << LAST);",
    "not_early": "o__valid = given || (i__valid && !resets);",
    "prompt": "begin o__valid = given && waited; taken = o__ready && waited; end",
    "bounded": "begin o__valid = 0; taken = 1; end",
    "reset": "o__valid = given || resets;",
    "valid_known": "o__valid = given ? 1'b1 : 1'bx;",
    "marks_known": "o__payload[LAST] = 1'bx;",
}
"""The rule of ``o`` that is broken, and what breaks it: the wrapped design gives ``beat`` where
``given``, and sees ``taken`` as ready. In order of the numbers."""

CHOICE = """`ifdef SIMULATED
  integer fault;
  initial if (!$value$plusargs("fault=%d", fault)) fault = 0;
`else
  wire [31:0] fault = FAULT;
`endif"""


def faulty(design, text, rule="none"):
    """Put a wrapper with a fault around a design with streams ``i`` and ``o``.

    Args:
        design: the variant, its own ports.
        text: its Verilog.
        rule: what is broken where no +fault=N can choose, in a proof.
    """
    widths = {name: width for name, (width, _) in design.ports.items()}
    text, count = re.subn(rf"^module {design.top}\b", "module inner", text, flags=re.M)
    assert count == 1
    last = widths["o__payload"] - 1  # last is the highest field
    cases = "\n".join(f"      {n}: {act or ';'}" for n, act in enumerate(FAULTS.values()))
    return f"""{text}
module {design.top} (clk, rst, i__payload, i__valid, i__ready, o__payload, o__valid, o__ready);
  parameter LAST = {last}, FAULT = {list(FAULTS).index(rule)};
  input clk, rst, i__valid, o__ready;
  input [{widths["i__payload"] - 1}:0] i__payload;
  output i__ready;
  output reg o__valid;
  output reg [{last}:0] o__payload;
  wire [{last}:0] beat;
  wire given;
  reg taken, stalled = 0, waited = 0, resets = 0;
{CHOICE}
  inner inner (.clk(clk), .rst(rst), .i__payload(i__payload), .i__valid(i__valid),
    .i__ready(i__ready), .o__payload(beat), .o__valid(given), .o__ready(taken));
  always @* begin
    o__valid = given;
    o__payload = beat;
    taken = o__ready;
    case (fault)
{cases}
      default: ;
    endcase
  end
  always @(posedge clk) begin
    stalled <= o__valid && !o__ready && !rst;
    waited <= given && !(o__valid && o__ready);
    resets <= rst;
  end
endmodule
"""
