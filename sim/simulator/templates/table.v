{% from "testbench.v" import reader, verdict with context %}
// Testbench of {{ top }}.
// It reads {{ stem }}_*.hex from the current folder, one row a line, and compares every output.
module {{ name }};
  integer row, wrong = 0, file, lines;
{% for p, c in inputs.items() %}
  reg [{{ c.bits - 1 }}:0] {{ p }}, {{ p }}_line, {{ p }}_rows [0:{{ c.count - 1 }}];
{% endfor %}
{% for p, c in outputs.items() %}
  wire [{{ c.bits - 1 }}:0] {{ p }};
  reg [{{ c.bits - 1 }}:0] {{ p }}_line, {{ p }}_rows [0:{{ c.count - 1 }}];
{% endfor %}

  {{ top }} dut (
{% for p, net in connections.items() %}
    .{{ p }}({{ net }}){{ "" if loop.last else "," }}
{% endfor %}
  );

{% for p in ports %}
{{ reader(p, counts[p], p ~ "_rows") }}
{%- endfor %}

  initial begin
{% for p in ports %}
    read_{{ p }};
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
{{ verdict() }}  end
endmodule
