// Package of {{ top }}: its numbers{{ ", and the payloads of its streams as packed structs" if structs }}.
// All names begin with the module's, so that packages of several designs can be imported together.
{% if structs %}
// The first member of a packed struct is the highest: members stand from the highest bit to the
// lowest, and index 0 of an array is the least significant item.
{% endif %}
{% if tkeep %}
// {{ tkeep }}
{% endif %}
{% if example %}
// A payload and its struct have the same bits: assign one to the other.
//   import {{ top }}_pkg::*; // Yosys without slang: {{ top }}_pkg:: in front of each name
//   {{ example.name }} beat;
//   assign beat = {{ top }}_{{ example.port }};
{% endif %}
package {{ top }}_pkg;
{% for constant in constants %}
  localparam{{ " signed" if constant.value < 0 }} [31:0] {{ top }}_{{ constant.name }} = {{ constant.value }}; // {{ constant.comment }}
{% endfor %}
{% for struct in structs %}

  typedef struct packed {
{% for member in struct.members %}
    {{ member.type }} {{ member.name }};{{ member.comment }}
{% endfor %}
  } {{ struct.name }};
{% endfor %}
endpackage
