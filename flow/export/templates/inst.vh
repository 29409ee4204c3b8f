// Instantiation template of {{ top }}: copy it into your module, or `include it there.
// It is no module by itself, and no .v, so that a folder's *.v compiles. All its names begin with
// the module's, so that templates of several designs may stand in one module.
{% if clock %}
// C{{ (clock | string)[1:] }}.
{% endif %}
{% for port in ports %}
wire {{ port.range }}{{ top }}_{{ port.name }}; // {{ port.comment }}
{% endfor %}

{{ top }} u_{{ top }} (
{% for port in ports %}
  .{{ port.name }}({{ top }}_{{ port.name }}){{ "" if loop.last else "," }}
{% endfor %}
);
