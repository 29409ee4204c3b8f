{% from "testbench.v" import reader, verdict with context %}
// Testbench of {{ top }}.
// It reads {{ stem }}_*.hex from the current folder, one beat a line. Every beat that leaves is
// compared; valid and payload must stay until the transfer, and no more beats may come than there
// are. It stalls by numbers of its own: VALID and READY are chances in 1000. +vcd writes waves.
{% if checks %}
// With the macro CHECKER it holds {{ top }}_checker too (SystemVerilog), and counts
// the rules that are broken.
{% endif %}
module {{ name }};
  parameter VALID = {{ valid }}, READY = {{ ready }}, SEED = {{ seed }}, LIMIT = {{ limit }};

  reg clk = 0, rst = 1, done = 0;
  reg [31:0] random = SEED;
  integer cycles = 0, quiet = 0, wrong = 0, received = 0, file, lines;
{% for s, c in inputs.items() %}

  reg [{{ c.bits - 1 }}:0] {{ s }}__payload = 0, {{ s }}_line;
  reg [{{ c.bits - 1 }}:0] {{ s }}_beats [0:{{ [c.count, 1] | max - 1 }}];
  reg {{ s }}__valid = 0, {{ s }}_taken = 0;
  wire {{ s }}__ready;
  integer {{ s }}_sent = 0;
{% endfor %}
{% for s, c in outputs.items() %}

  wire [{{ c.bits - 1 }}:0] {{ s }}__payload;
  reg [{{ c.bits - 1 }}:0] {{ s }}_beats [0:{{ [c.count, 1] | max - 1 }}], {{ s }}_held = 0, {{ s }}_line;
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

{% if checks %}
`ifdef CHECKER
  wire [{{ rules | length - 1 }}:0] violations;
  {{ top }}_checker checks (
{% for p, net in checks.items() %}
    .{{ p }}({{ net }}),
{% endfor %}
    .violations(violations)
  );
`endif

{% endif %}
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

{% for s in ports if counts[s] %}
{{ reader(s, counts[s], s ~ "_beats") }}
{%- endfor %}

  initial begin
{% for s in ports if counts[s] %}
    read_{{ s }};
{% endfor %}
    done = wrong != 0;
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
{% if checks %}
`ifdef CHECKER
      if (violations !== {{ rules | length }}'d0) begin
        wrong = wrong + 1;
        if (wrong <= 20) $display("MISMATCH cycle %0d: broken rules:
{%- for rule in rules | reverse %}%0s{% endfor %}", cycles{% for rule in rules | reverse %},
          violations[{{ rules | length - loop.index }}] === 1'b0 ? "" : " {{ rule }}"{% endfor %});
      end
`endif
{% endif %}
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
    if (cycles != 0 && {{ s }}_received < {{ c.count }}) begin
      wrong = wrong + 1;
      $display("MISMATCH cycle %0d: only %0d of {{ c.count }} beats of {{ s }} came out", cycles,
        {{ s }}_received);
    end
{% endfor %}
{% for p, value in ends.items() %}
    if (cycles != 0 && {{ p }} !== {{ value }}) begin
      wrong = wrong + 1;
      $display("MISMATCH at the end: {{ p }} is %h, must be %h", {{ p }}, {{ value }});
    end
{% endfor %}
    $display("DONE %0d beats %0d cycles %0d wrong", received, cycles, wrong);
{{ verdict() }}  end
endmodule
{{ bridge.module if bridge else "" }}
