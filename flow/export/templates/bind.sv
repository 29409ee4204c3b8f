{% set clock, reset = checker.clocking.clock, checker.clocking.reset %}
// The rules of {{ checker.top }}_checker.sv as concurrent properties, bound into every instance of
// {{ checker.top }}. For Verilator (--assert) and commercial tools; give them the checker too.
module {{ checker.top }}_bind (
{% for port in checker.connected %}
{% set width = checker.ports.get(port, 1) %}
  input wire {{ "[%d:0] " % (width - 1) if width > 1 }}{{ port }}{{ "" if loop.last else "," }}
{% endfor %}
);
  wire [{{ checker.rules | length - 1 }}:0] violations;
  {{ checker.top }}_checker u_checker (
{% for port in checker.connected %}
    .{{ port }}({{ port }}),
{% endfor %}
    .violations(violations)
  );
{% for rule in checker.rules %}

  // {{ rule.says }}{{ " (environment)" if rule.environment }}
  {{ rule.name }}: assert property (@(posedge {{ clock }})
{% if rule.property %}
    disable iff ({{ "!" if checker.clocking.active_low }}{{ reset }}{{ " || " ~ checker.clear if checker.clear }}) {{ rule.property }});
{% else %}
    !violations[{{ loop.index0 }}]);
{% endif %}
{% endfor %}
endmodule

bind {{ checker.top }} {{ checker.top }}_bind u_{{ checker.top }}_bind (
{% for port in checker.connected %}
  .{{ port }}({{ port }}){{ "" if loop.last else "," }}
{% endfor %}
);
