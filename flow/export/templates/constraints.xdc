# Timing constraints of {{ top }}: Vivado, for synthesis
# of the module by itself (out of context). Inside a larger design the clock comes from
# there: leave this file out.
create_clock -period {{ period }} -name {{ clock.clock }} [get_ports { {{- clock.clock -}} }]

# What the logic outside takes of the period, in ns. These are places to start from, not facts.
# set_input_delay -clock {{ clock.clock }} {{ share }} [all_inputs]
# set_output_delay -clock {{ clock.clock }} {{ share }} [all_outputs]
{% if clock.asynchronous %}

# The reset acts at any time; its release must keep the recovery time. Where a synchronizer outside
# sees to that, this takes its assertion out of the analysis.
# set_false_path -from [get_ports { {{- clock.reset -}} }]
{% endif %}
