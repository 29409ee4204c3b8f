{% set source, latency, packets, clock = checker.source, checker.latency, checker.packets, checker.clocking.clock %}
{% if source and packets.follows %}
{% set s, beats, bits, slot = source.name, source.beats, source.count_bits, source.marks.get("output") %}

  // Where the packets of {{ s }} end
{% if beats > 1 %}
  reg [{{ bits - 1 }}:0] count_{{ s }} = {{ bits }}'d0; // beats of the block so far
{% endif %}
{% if beats > 1 or not source.products %}
  wire ends_{{ s }} = {{ source.ends }};
{% endif %}
  wire closes_{{ s }} = {{ source.closes }};
{% if not packets.leaves %}
  wire [{{ source.size_bits - 1 }}:0] size_{{ s }} = {{ source.size }};
{% endif %}
{% if source.products and "first" in source.marks %}
  reg [{{ source.products - 1 }}:0] open_{{ s }} = {{ source.products }}'d0; // products under way
  wire opened_{{ s }} = open_{{ s }}[{{ slot or 0 }}];
{% if slot and beats > 1 %}
  reg [{{ source.slot_bits - 1 }}:0] slot_{{ s }} = {{ source.slot_bits }}'d0; // output of the block
{% endif %}
{% endif %}
  always @(posedge {{ clock }})
    if (!checked) begin
{% if beats > 1 %}
      count_{{ s }} <= {{ bits }}'d0;
{% endif %}
{% if source.products and "first" in source.marks %}
      open_{{ s }} <= {{ source.products }}'d0;
{% endif %}
    end else if (moved_{{ s }}) begin
{% if beats > 1 %}
      count_{{ s }} <= ends_{{ s }} ? {{ bits }}'d0 : count_{{ s }} + {{ bits }}'d1;
{% endif %}
{% if source.products and "first" in source.marks %}
      open_{{ s }}[{{ slot or 0 }}] <= !closes_{{ s }};
{% if slot and beats > 1 %}
      slot_{{ s }} <= {{ slot }};
{% endif %}
{% endif %}
    end
{% endif %}
{% for c in checker.credits %}
{% set n, w, g = c.name, c.bits, c.give_bits %}

  // Beats that {{ c.target }} owes for {{ c.source }}
  wire [{{ g - 1 }}:0] gives_{{ n }} = {{ c.gives }};
{% if c.latency %}
  reg [{{ c.age_bits - 1 }}:0] age_{{ n }} = {{ c.age_bits }}'d0;
  reg [{{ w - 1 }}:0] owed_{{ n }} = {{ w }}'d0, inside_{{ n }} = {{ w }}'d0;
{% endif %}
  wire [{{ w - 1 }}:0] due_{{ n }} = {{ c.due }};
{% if c.latency %}
  wire [{{ w - 1 }}:0] left_{{ n }} = due_{{ n }} - {{ c.leaves("due_" ~ n) }};
  wire [{{ g - 1 }}:0] enters_{{ n }} = {{ c.enters }};
  always @(posedge {{ clock }})
    if (!checked) begin
      age_{{ n }} <= {{ c.age_bits }}'d0;
      owed_{{ n }} <= {{ w }}'d0;
      inside_{{ n }} <= {{ w }}'d0;
    end else begin
      age_{{ n }} <= {{ "{%s, gives_%s}" % (c.rest, n) if c.rest else "gives_" ~ n }};
      owed_{{ n }} <= left_{{ n }};
      inside_{{ n }} <= inside_{{ n }} + {{ c.widened("enters_" ~ n, g) }}
        - {{ c.leaves("inside_" ~ n) }};
    end
{% endif %}
{% for p in c.passed if not c.latency %}
  wire {{ "[%d:0] " % (p.bits - 1) if p.bits > 1 }}{{ p.mark }}_{{ n }}_is = {{ p.value }};
{% endfor %}
{% if c.passed and c.latency %}
{% set i, m = c.index_bits, c.passed_bits %}
  reg [{{ m - 1 }}:0] marks_{{ n }} [0:{{ 2 ** i - 1 }}]; // of all that is inside, in order
  reg [{{ i - 1 }}:0] oldest_{{ n }} = {{ i }}'d0;
  wire [{{ i - 1 }}:0] newest_{{ n }} = oldest_{{ n }} + inside_{{ n }}[{{ i - 1 }}:0];
  wire [{{ m - 1 }}:0] front_{{ n }} = marks_{{ n }}[oldest_{{ n }}];
{% for p in c.passed %}
  wire {{ "[%d:0] " % (p.bits - 1) if p.bits > 1 }}{{ p.mark }}_{{ n }}_is = front_{{ n }}[{{ p.low + p.bits - 1 }}:{{ p.low }}];
{% endfor %}
  always @(posedge {{ clock }}) begin
    if (enters_{{ n }} != {{ g }}'d0)
      marks_{{ n }}[newest_{{ n }}] <= { {{- c.passed | reverse | map(attribute="value") | join(", ") -}} };
    if (!checked) oldest_{{ n }} <= {{ i }}'d0;
    else if (moved_{{ c.target }}) oldest_{{ n }} <= oldest_{{ n }} + {{ i }}'d1;
  end
{% endif %}
{% endfor %}
{% if checker.prompt %}

  // Whether nothing has stalled since nothing was owed
  reg calm = 1'b1;
  wire idle = {% for c in checker.prompt %}{{ " && " if not loop.first }}left_{{ c.name }} == {{ c.bits }}'d0 && gives_{{ c.name }} == {{ c.give_bits }}'d0
{%- if c.rest %} && {{ c.rest }} == {{ c.age_bits - c.give_bits }}'d0{% endif %}{% endfor %};
  wire stalls = {% for c in checker.prompt %}{{ " || " if not loop.first }}{{ checker.ready(c.target) }} !== 1'b1{% endfor %};
{% if source.beats > 1 and packets.leaves > 1 %}
  wire shorter = moved_{{ source.name }} && closes_{{ source.name }} && count_{{ source.name }} != {{ source.full }};
{% elif source.beats > 1 and not packets.leaves %}
  reg [{{ source.size_bits - 1 }}:0] previous = {{ source.size_bits }}'d0;
  wire shorter = moved_{{ source.name }} && closes_{{ source.name }} && size_{{ source.name }} < previous;
  always @(posedge {{ clock }})
    if (!checked || idle) previous <= {{ source.size_bits }}'d0;
    else if (moved_{{ source.name }} && closes_{{ source.name }}) previous <= size_{{ source.name }};
{% else %}
  wire shorter = 1'b0;
{% endif %}
  always @(posedge {{ clock }})
    calm <= !checked || idle || (calm && !stalls && !shorter);
{% endif %}
{% for name in checker.counted %}
{% set bits = checker.leave_bits %}

  // Beats of the packet that leaves at {{ name }}, so far
  reg [{{ bits - 1 }}:0] count_{{ name }} = {{ bits }}'d0;
  always @(posedge {{ clock }})
    if (!checked) count_{{ name }} <= {{ bits }}'d0;
    else if (moved_{{ name }}) count_{{ name }} <= count_{{ name }} == {{ bits }}'d{{ packets.leaves - 1 }} ? {{ bits }}'d0 : count_{{ name }} + {{ bits }}'d1;
{% endfor %}
{% if source and not packets.follows %}
{% set bits = latency.bit_length() %}

  // Whether the latency has passed since the first {{ source.name }}
  reg [{{ bits - 1 }}:0] since = {{ bits }}'d0;
  wire waited = since == {{ bits }}'d{{ latency }};
  always @(posedge {{ clock }})
    if (!checked) since <= {{ bits }}'d0;
    else if (!waited && (since != {{ bits }}'d0 || moved_{{ source.name }})) since <= since + {{ bits }}'d1;
{% endif %}
