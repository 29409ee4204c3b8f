// Instantiation template of {{ top }}: copy it into your module.
{% if clock %}
// C{{ (clock | string)[1:] }}.
{% endif %}
{% for port in ports %}
wire {{ port.range }}{{ port.name }}; // {{ port.comment }}
{% endfor %}

{{ top }} {{ top }}_i (
{% for port in ports %}
  .{{ port.name }}({{ port.name }}){{ "" if loop.last else "," }}
{% endfor %}
);
