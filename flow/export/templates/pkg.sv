// Package of {{ top }}: the payloads of its streams as packed structs.
// The first member of a packed struct is the highest: members stand from the highest bit to the
// lowest, and index 0 of an array is the least significant item.
{% if vector %}
// Cast a payload to its struct:
//   import {{ top }}_pkg::*;
//   {{ structs[-1].name }} beat;
//   assign beat = {{ structs[-1].name }}'({{ vector }});
{% endif %}
package {{ top }}_pkg;
  localparam int unsigned LATENCY = {{ latency }}; // cycles
  localparam int unsigned BLOCK_BEATS = {{ beats }};
{% for struct in structs %}

  typedef struct packed {
{% for member in struct.members %}
    {{ member.type }} {{ member.name }};{{ member.comment }}
{% endfor %}
  } {{ struct.name }};
{% endfor %}
endpackage
