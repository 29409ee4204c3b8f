# Timing constraints of {{ top }}: Synopsys Design Constraints
# for synthesis of the module by itself.
create_clock -name {{ clock.clock }} -period {{ period }} [get_ports { {{- clock.clock -}} }]

# What the logic outside takes of the period, in ns. These are places to start from, not facts.
{% for name in inputs %}
# set_input_delay -clock {{ clock.clock }} {{ share }} [get_ports { {{- name -}} }]
{% endfor %}
{% for name in outputs %}
# set_output_delay -clock {{ clock.clock }} {{ share }} [get_ports { {{- name -}} }]
{% endfor %}
{% if clock.asynchronous %}

# The reset acts at any time; its release must keep the recovery time. Where a synchronizer outside
# sees to that, this takes its assertion out of the analysis.
# set_false_path -from [get_ports { {{- clock.reset -}} }]
{% endif %}
