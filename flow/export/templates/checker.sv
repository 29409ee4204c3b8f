{% set clock, reset = checker.clocking.clock, checker.clocking.reset %}
{% set source, latency = checker.source, checker.latency %}
// Protocol checker of {{ checker.top }}: registers and immediate assertions, for simulation and proof.
// Connect each port to the port of the design that has its name. What is not a rule of the streams
// is not looked at.
{% if not checker.clocked %}
// The design is combinational: {{ clock }} and {{ reset }} are those of what is around it.
{% endif %}
//
// A rule that is broken raises its bit of violations in that cycle, and fails its assertion:
{% for rule in checker.rules %}
//   [{{ loop.index0 }}] {{ rule.name }}: {{ rule.says }}{{ " (environment)" if rule.environment }}
{% endfor %}
//
// ASSUME_ENVIRONMENT, ASSUME_DESIGN: 1 to assume the rules of what is around the design (a proof of
// the design), or those of the design (a proof of what is around it), instead of asserting them.
{% if checker.aborts %}
// ABORTS: 1 where the host may abort: a packet may then end without its last beat.
{% endif %}
module {{ checker.top }}_checker #(
  parameter ASSUME_ENVIRONMENT = 0,
{% if checker.aborts %}
  parameter ABORTS = 0,
{% endif %}
  parameter ASSUME_DESIGN = 0
) (
  input wire {{ clock }},
  input wire {{ reset }},
{% for port, width in checker.ports.items() %}
  input wire {{ "[%d:0] " % (width - 1) if width > 1 }}{{ port }},
{% endfor %}
  output wire [{{ checker.rules | length - 1 }}:0] violations
);
  wire live = {{ reset }} === 1'b{{ checker.clocking.active_low | int }};
  wire checked = live{{ " && " ~ checker.clear ~ " === 1'b0" if checker.clear }};
{% if latency %}
  reg cleared = 1'b0; // reset{{ ", or " ~ checker.clear if checker.clear }} at the last clock edge
{% endif %}
{% for c in checker.channels %}

  // {{ c.name }}: {{ "into" if c.is_input else "out of" }} the design
  wire valid_{{ c.name }} = {{ c.valid }} === 1'b1;
  wire moved_{{ c.name }} = valid_{{ c.name }} && {{ c.ready }} === 1'b1;
  wire [{{ c.width - 1 }}:0] payload_{{ c.name }} = { {{- c.payload | join(", ") -}} };
  reg stalled_{{ c.name }} = 1'b0;
  reg [{{ c.width - 1 }}:0] held_{{ c.name }} = {{ c.width }}'d0;
{% endfor %}
{% include "checker_packets.sv" %}

{% for rule in checker.rules %}
  wire {{ rule.name }} = {{ "" if rule.when == "1'b1" else "!" ~ rule.when ~ " || " }}({{ rule.holds }});
{% endfor %}

  assign violations = {
{% for rule in checker.rules | reverse %}
    !{{ rule.name }}{{ "" if loop.last else "," }}
{% endfor %}
  };

  always @(posedge {{ clock }}) begin
{% for told, parameter in ((true, "ASSUME_ENVIRONMENT"), (false, "ASSUME_DESIGN")) %}
    if ({{ parameter }} != 0) begin
{% for rule in checker.rules if rule.environment == told %}
      assume ({{ rule.name }});
{% endfor %}
    end else begin
{% for rule in checker.rules if rule.environment == told %}
      assert ({{ rule.name }});
{% endfor %}
    end
{% endfor %}
  end

  always @(posedge {{ clock }}) begin
{% if latency %}
    cleared <= !checked;
{% endif %}
{% for c in checker.channels %}
    stalled_{{ c.name }} <= checked && valid_{{ c.name }} && !moved_{{ c.name }};
    held_{{ c.name }} <= payload_{{ c.name }};
{% endfor %}
  end
endmodule
