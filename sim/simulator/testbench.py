"""Self-checking Verilog testbenches: plain Verilog-2005 and hex files, for any simulator.

A testbench reads what goes in and what must come out, one number a line, stalls at random (its own
numbers, so the same in every simulator), checks every beat and the stream rules, and says PASS or
FAIL.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, StrictUndefined

from ...hdl.interface.link import Link
from ...hdl.interface.shell import Clocking
from ..result import Stalls
from ..stimulus.vectors import Column, Vectors

__all__ = ["testbench"]


def testbench(
    vectors: Vectors,
    top: str,
    stalls: Stalls,
    *,
    clocking: Clocking | None,
    links: Mapping[str, Link] | None,
    name: str,
    stem: str,
) -> str:
    """Text of the testbench.

    Args:
        vectors: what to run.
        top: the design's module.
        stalls: how to stall streams.
        clocking: clock and reset of the design, None where it is combinational.
        links: its ports, for a design in a shell; None for those that the vectors name.
        name: name of the testbench's module.
        stem: what the names of the hex files begin with.
    """
    columns = {**vectors.inputs, **vectors.outputs}
    beats = sum(len(column.values) for column in columns.values()) + vectors.work
    context: dict[str, Any] = {
        "top": top,
        "name": name,
        "stem": stem,
        "connections": _connections(vectors, clocking, links),
        "inputs": {k: _sizes(v) for k, v in vectors.inputs.items()},
        "outputs": {k: _sizes(v) for k, v in vectors.outputs.items()},
        "ports": list(columns),
        "counts": {name: len(column.values) for name, column in columns.items()},
        "ties": {name: _constant(column) for name, column in vectors.ties.items()},
        "ends": {name: _constant(column) for name, column in vectors.ends.items()},
        "bits": {name: column.bits for name, column in vectors.ends.items()},
        "valid": round(stalls.valid * 1000),
        "ready": round(stalls.ready * 1000),
        "seed": stalls.seed + 1,
        "bridge": vectors.bridge,
        "bridge_nets": [*vectors.bridge.nets, *vectors.bridge.wires] if vectors.bridge else [],
        "idle": 50 + (vectors.bridge.idle if vectors.bridge else 0),
        "limit": 1000 + 40 * round(beats / min(stalls.valid, stalls.ready)),
    }
    template = _STREAMS if vectors.streams else _TABLE
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(context)


def _connections(
    vectors: Vectors, clocking: Clocking | None, links: Mapping[str, Link] | None
) -> dict[str, str]:
    """What of the testbench each port of the design is connected to."""
    signals = {}
    if clocking is not None:
        signals = {clocking.clock: "clk", clocking.reset: "!rst" if clocking.active_low else "rst"}
    columns = {**vectors.inputs, **vectors.outputs}
    roles = ("payload", "valid", "ready") if vectors.streams else ()
    nets = {f"{name}__{role}": f"{name}__{role}" for name in columns for role in roles}
    nets |= {} if vectors.streams else {name: name for name in columns}
    nets |= {name: _constant(column) for name, column in vectors.ties.items()}
    nets |= {name: name for name in vectors.ends}
    if vectors.bridge is not None:
        nets = {net: n for net, n in nets.items() if net not in vectors.bridge.nets}
        nets |= {name: name for name in vectors.bridge.wires}
    if links is None:
        return signals | nets
    for port, link in links.items():
        if link.port in nets:
            piece = "" if link.whole else f"[{link.offset + link.width - 1}:{link.offset}]"
            signals[port] = nets[link.port] + piece
    return signals


def _sizes(column: Column) -> dict[str, int]:
    return {"bits": column.bits, "count": len(column.values)}


def _constant(column: Column) -> str:
    return f"{column.bits}'h{column.values[0]:x}"


_STREAMS = """\
// Testbench of {{ top }}.
// It reads {{ stem }}_*.hex from the current folder, one beat a line. Every beat that leaves is
// compared; valid and payload must stay until the transfer, and no more beats may come than there
// are. It stalls by numbers of its own: VALID and READY are chances in 1000. +vcd writes waves.
module {{ name }};
  parameter VALID = {{ valid }}, READY = {{ ready }}, SEED = {{ seed }}, LIMIT = {{ limit }};

  reg clk = 0, rst = 1, done = 0;
  reg [31:0] random = SEED;
  integer cycles = 0, quiet = 0, wrong = 0, received = 0;
{% for s, c in inputs.items() %}

  reg [{{ c.bits - 1 }}:0] {{ s }}__payload = 0;
  reg [{{ c.bits - 1 }}:0] {{ s }}_beats [0:{{ [c.count, 1] | max - 1 }}];
  reg {{ s }}__valid = 0, {{ s }}_taken = 0;
  wire {{ s }}__ready;
  integer {{ s }}_sent = 0;
{% endfor %}
{% for s, c in outputs.items() %}

  wire [{{ c.bits - 1 }}:0] {{ s }}__payload;
  reg [{{ c.bits - 1 }}:0] {{ s }}_beats [0:{{ [c.count, 1] | max - 1 }}], {{ s }}_held = 0;
  wire {{ s }}__valid;
  reg {{ s }}__ready = 0, {{ s }}_stalled = 0;
  integer {{ s }}_received = 0;
{% endfor %}
{% for p, bits in bits.items() %}

  wire [{{ bits - 1 }}:0] {{ p }};
{% endfor %}

{% for p, bits in (bridge.wires if bridge else {}).items() %}
  wire [{{ bits - 1 }}:0] {{ p }};
{% endfor %}
  {{ top }} dut (
{% for p, net in connections.items() %}
    .{{ p }}({{ net }}){{ "" if loop.last else "," }}
{% endfor %}
  );

{% if bridge %}
  host host (
    .clk(clk), .rst(rst),
{% for net in bridge_nets %}
    .{{ net }}({{ net }}){{ "" if loop.last else "," }}
{% endfor %}
  );

{% endif %}
  always #5 clk = ~clk;

  task draw; begin random = random * 32'd1664525 + 32'd1013904223; end endtask
{% for s, c in outputs.items() %}

  task fail_{{ s }};
    begin
      wrong = wrong + 1;
      if (wrong <= 20)
        $display("MISMATCH cycle %0d beat %0d: {{ s }} is %b %h, must be %h", cycles,
          {{ s }}_received, {{ s }}__valid, {{ s }}__payload, {{ s }}_beats[{{ s }}_received]);
    end
  endtask
{% endfor %}

  initial begin
{% for s in ports if counts[s] %}
    $readmemh("{{ stem }}_{{ s }}.hex", {{ s }}_beats);
{% endfor %}
    if ($test$plusargs("vcd")) begin
      $dumpfile("{{ name }}.vcd");
      $dumpvars(0, {{ name }});
    end
    @(posedge clk);
    @(posedge clk);
    #1 rst = 0;
    while (!done) begin
{% for s, c in inputs.items() %}
      draw;
      if (!{{ s }}__valid && {{ s }}_sent < {{ c.count }} && random[31:16] % 1000 < VALID) begin
        {{ s }}__valid = 1;
        {{ s }}__payload = {{ s }}_beats[{{ s }}_sent];
      end
{% endfor %}
{% for s in outputs %}
      draw;
      {{ s }}__ready = random[31:16] % 1000 < READY;
{% endfor %}
      #4 quiet = quiet + 1;
{% for s in inputs %}
      {{ s }}_taken = {{ s }}__valid && {{ s }}__ready;
      if ({{ s }}_taken) quiet = 0;
      if ({{ s }}__ready === 1'bx) begin
        wrong = wrong + 1;
        if (wrong <= 20) $display("MISMATCH cycle %0d: {{ s }}__ready is unknown", cycles);
      end
{% endfor %}
{% for s, c in outputs.items() %}
      if ({{ s }}_stalled && {{ s }}__valid !== 1) fail_{{ s }};
      if ({{ s }}_stalled && {{ s }}__payload !== {{ s }}_held) fail_{{ s }};
      if ({{ s }}__valid === 1'bx) fail_{{ s }};
      {{ s }}_stalled = {{ s }}__valid && !{{ s }}__ready;
      {{ s }}_held = {{ s }}__payload;
      if ({{ s }}__valid && {{ s }}__ready) begin
        quiet = 0;
        if ({{ s }}_received >= {{ c.count }}) begin
          wrong = wrong + 1;
          if (wrong <= 20) $display("MISMATCH cycle %0d: {{ s }} has a beat too many", cycles);
        end else begin
          if ({{ s }}__payload !== {{ s }}_beats[{{ s }}_received]) fail_{{ s }};
          {{ s }}_received = {{ s }}_received + 1;
          received = received + 1;
        end
      end
{% endfor %}
      @(posedge clk);
      #1;
{% for s in inputs %}
      if ({{ s }}_taken) begin
        {{ s }}__valid = 0;
        {{ s }}_sent = {{ s }}_sent + 1;
      end
{% endfor %}
      cycles = cycles + 1;
      done = cycles >= LIMIT
{%- for s, c in outputs.items() %}
{{ " || (" if loop.first else " && " }}{{ s }}_received == {{ c.count }}
{%- endfor %} && quiet >= {{ idle }});
    end
{% for s, c in outputs.items() %}
    if ({{ s }}_received < {{ c.count }}) begin
      wrong = wrong + 1;
      $display("MISMATCH cycle %0d: only %0d of {{ c.count }} beats of {{ s }} came out", cycles,
        {{ s }}_received);
    end
{% endfor %}
{% for p, value in ends.items() %}
    if ({{ p }} !== {{ value }}) begin
      wrong = wrong + 1;
      $display("MISMATCH at the end: {{ p }} is %h, must be %h", {{ p }}, {{ value }});
    end
{% endfor %}
    $display("DONE %0d beats %0d cycles %0d wrong", received, cycles, wrong);
    $display("%s", wrong ? "FAIL" : "PASS");
    $finish;
  end
endmodule
{{ bridge.module if bridge else "" }}"""

_TABLE = """\
// Testbench of {{ top }}.
// It reads {{ stem }}_*.hex from the current folder, one row a line, and compares every output.
module {{ name }};
  integer row, wrong = 0;
{% for p, c in inputs.items() %}
  reg [{{ c.bits - 1 }}:0] {{ p }}, {{ p }}_rows [0:{{ c.count - 1 }}];
{% endfor %}
{% for p, c in outputs.items() %}
  wire [{{ c.bits - 1 }}:0] {{ p }};
  reg [{{ c.bits - 1 }}:0] {{ p }}_rows [0:{{ c.count - 1 }}];
{% endfor %}

  {{ top }} dut (
{% for p, net in connections.items() %}
    .{{ p }}({{ net }}){{ "" if loop.last else "," }}
{% endfor %}
  );

  initial begin
{% for p in ports %}
    $readmemh("{{ stem }}_{{ p }}.hex", {{ p }}_rows);
{% endfor %}
    for (row = 0; row < {{ (inputs.values() | first).count }}; row = row + 1) begin
{% for p in inputs %}
      {{ p }} = {{ p }}_rows[row];
{% endfor %}
      #1;
{% for p in outputs %}
      if ({{ p }} !== {{ p }}_rows[row]) begin
        wrong = wrong + 1;
        if (wrong <= 20)
          $display("MISMATCH row %0d: {{ p }} is %h, must be %h", row, {{ p }}, {{ p }}_rows[row]);
      end
{% endfor %}
    end
    $display("DONE %0d beats %0d cycles %0d wrong", row, row, wrong);
    $display("%s", wrong ? "FAIL" : "PASS");
    $finish;
  end
endmodule
"""
