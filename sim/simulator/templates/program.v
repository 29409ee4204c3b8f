{% from "testbench.v" import reader, verdict with context %}
// Testbench of {{ top }}.
// A memory answers the AXI4 bus, a host writes the registers and begins the program that lies in
// memory. {{ stem }}_memory.hex and _golden.hex in the current folder are memory
// before and after it, a beat of the bus a line. At the interrupt memory and registers are compared;
// the rules of both buses are checked in every cycle. It stalls by numbers of its own: VALID and
// READY are chances in 1000, LATENCY is the most cycles that memory takes. +vcd writes waves.
module {{ name }};
  parameter VALID = {{ valid }}, READY = {{ ready }}, SEED = {{ seed }}, LIMIT = {{ limit }};
  parameter LATENCY = 60;
  localparam BYTES = {{ bus // 8 }}, SIZE = {{ beats }}, ROOM = 16;
  localparam WRITE = 0, POLL = 1, COMPARE = 2;

  reg clk = 0, rst = 1;
  reg [31:0] random = SEED;
  integer cycles = 0, wrong = 0, moved = 0, file, lines, n;

{% for port, (bits, is_input) in ports.items() %}
  {{ "reg" if is_input else "wire" }} [{{ bits - 1 }}:0] {{ port }}{{ " = 0" if is_input }};
{% endfor %}

  {{ top }} dut (
{% for p, net in connections.items() %}
    .{{ p }}({{ net }}){{ "" if loop.last else "," }}
{% endfor %}
  );

  reg [{{ bus - 1 }}:0] memory [0:SIZE - 1], memory_line, golden [0:SIZE - 1], golden_line, word;

  // The memory: rings of bursts and of data before their address, and how many there were.
  reg [{{ address - 1 }}:0] ar_address [0:ROOM - 1], aw_address [0:ROOM - 1], place;
  reg [7:0] ar_length [0:ROOM - 1], aw_length [0:ROOM - 1], r_beat = 0, w_beat = 0;
  integer ar_due [0:ROOM - 1], b_due [0:ROOM - 1];
  reg [{{ bus + bus // 8 }}:0] w_beats [0:ROOM - 1];
  reg [1:0] b_resp [0:ROOM - 1];
  reg [{{ bus // 8 - 1 }}:0] strobes;
  reg w_last, r_moved = 0, b_moved = 0;
  integer ar_count = 0, r_count = 0, aw_count = 0, w_taken = 0, w_count = 0, full = 0, b_count = 0;

  // The host: what it has to offer, what it was answered.
  reg owes_aw = 0, owes_w = 0, owes_ar = 0, aw_moved = 0, w_moved = 0, ar_moved = 0;
  reg waits_b = 0, waits_r = 0;
  reg [1:0] response;
  reg [31:0] value, data;
  reg [11:0] at;
  reg [8 * {{ longest }} - 1:0] says;
  integer step = 0, kind;
{% for c, channel in channels.items() %}

  reg {{ c }}_stalled = 0;
  reg [{{ channel.bits - 1 }}:0] {{ c }}_held;
  wire [{{ channel.bits - 1 }}:0] {{ c }} = {
    {{ channel.payload | join(",\n    ") }}
  };
{% endfor %}

  wire [{{ known | length - 1 }}:0] known = {
    {{ known | join(",\n    ") }}
  };

  always #5 clk = ~clk;

  task fail;
    input [8 * 64 - 1:0] why;
    begin
      wrong = wrong + 1;
      if (wrong <= 20) $display("MISMATCH cycle %0d: %0s", cycles, why);
    end
  endtask

  task draw; begin random = random * 32'd1664525 + 32'd1013904223; end endtask
{{ reader("memory", beats, "memory") }}
{{- reader("golden", beats, "golden") }}

  task conclude;
    begin
      $display("DONE %0d beats %0d cycles %0d wrong", moved, cycles, wrong);
{{- verdict() }}    end
  endtask

  task drive_memory;
    begin
      draw;
      m_axi_arready = ar_count - r_count < ROOM && random[31:16] % 1000 < READY;
      draw;
      m_axi_awready = aw_count - b_count < ROOM && random[31:16] % 1000 < READY;
      draw;
      m_axi_wready = w_taken - w_count < ROOM && random[31:16] % 1000 < READY;
      draw;
      if (!m_axi_rvalid && r_count != ar_count && ar_due[r_count % ROOM] <= cycles
          && random[31:16] % 1000 < VALID) begin
        place = ar_address[r_count % ROOM] / BYTES + r_beat;
        m_axi_rvalid = 1;
        m_axi_rresp = place < SIZE ? 0 : 3;
        if (place < SIZE) m_axi_rdata = memory[place];
        m_axi_rlast = r_beat == ar_length[r_count % ROOM];
      end
      draw;
      if (!m_axi_bvalid && b_count != full && b_due[b_count % ROOM] <= cycles
          && random[31:16] % 1000 < VALID) begin
        m_axi_bvalid = 1;
        m_axi_bresp = b_resp[b_count % ROOM];
      end
    end
  endtask

  task drive_host;
    begin
{% for c in ("aw", "w", "ar") %}
      draw;
      if (owes_{{ c }} && random[31:16] % 1000 < VALID) begin
        s_axi_{{ c }}valid = 1;
        owes_{{ c }} = 0;
      end
{% endfor %}
      draw;
      s_axi_bready = random[31:16] % 1000 < READY;
      draw;
      s_axi_rready = random[31:16] % 1000 < READY;
    end
  endtask

  task check_rules;
    begin
      if (^known === 1'bx) fail("a valid, a ready or irq is unknown");
{% for c, channel in channels.items() %}
      if ({{ c }}_stalled && !{{ c }}valid) fail("{{ c }}valid fell before the transfer");
      if ({{ c }}_stalled && {{ c }} !== {{ c }}_held)
        fail("the payload of {{ c }} changed before the transfer");
      if ({{ c }}valid && ^{{ c }} === 1'bx)
        fail("the payload of {{ c }} is unknown");
      {{ c }}_stalled = {{ c }}valid && !{{ c }}ready;
      {{ c }}_held = {{ c }};
{% endfor %}
{% for c in ("m_axi_ar", "m_axi_aw") %}
      if ({{ c }}valid && ({{ c }}burst != 1 || {{ c }}size != {{ (bus // 8).bit_length() - 1 }}
          || {{ c }}addr % BYTES != 0 || {{ c }}addr % 4096 + ({{ c }}len + 1) * BYTES > 4096))
        fail("{{ c }} is no burst of whole beats within 4 KiB");
{% endfor %}
    end
  endtask

  // A beat of data whose address is there.
  task write_beat;
    begin
      {w_last, strobes, word} = w_beats[w_count % ROOM];
      place = aw_address[full % ROOM] / BYTES + w_beat;
      if (place >= SIZE) b_resp[full % ROOM] = 3;
      else for (n = 0; n < BYTES; n = n + 1)
        if (strobes[n])
          memory[place] = memory[place] ^ ((memory[place] ^ word) & ({{ bus }}'hff << 8 * n));
      if (w_last != (w_beat == aw_length[full % ROOM])) fail("m_axi_wlast is wrong");
      w_count = w_count + 1;
      w_beat = w_beat + 1;
      if (w_last) begin
        draw;
        b_due[full % ROOM] = cycles + 1 + random[31:16] % (LATENCY + 1);
        full = full + 1;
        w_beat = 0;
      end
    end
  endtask

  task sample_memory;
    begin
      if (m_axi_arvalid && m_axi_arready) begin
        draw;
        ar_address[ar_count % ROOM] = m_axi_araddr;
        ar_length[ar_count % ROOM] = m_axi_arlen;
        ar_due[ar_count % ROOM] = cycles + 1 + random[31:16] % (LATENCY + 1);
        ar_count = ar_count + 1;
      end
      r_moved = m_axi_rvalid && m_axi_rready;
      if (r_moved) begin
        moved = moved + 1;
        r_beat = m_axi_rlast ? 0 : r_beat + 1;
        if (m_axi_rlast) r_count = r_count + 1;
      end
      b_moved = m_axi_bvalid && m_axi_bready;
      if (b_moved) b_count = b_count + 1;
      if (m_axi_awvalid && m_axi_awready) begin
        aw_address[aw_count % ROOM] = m_axi_awaddr;
        aw_length[aw_count % ROOM] = m_axi_awlen;
        b_resp[aw_count % ROOM] = 0;
        aw_count = aw_count + 1;
      end
      if (m_axi_wvalid && m_axi_wready) begin
        moved = moved + 1;
        w_beats[w_taken % ROOM] = {m_axi_wlast, m_axi_wstrb, m_axi_wdata};
        w_taken = w_taken + 1;
      end
      if (w_count != w_taken && full != aw_count) write_beat;
    end
  endtask

  task sample_host;
    begin
{% for c in ("aw", "w", "ar") %}
      {{ c }}_moved = s_axi_{{ c }}valid && s_axi_{{ c }}ready;
{% endfor %}
{% for c in ("b", "r") %}
      if (s_axi_{{ c }}valid && s_axi_{{ c }}ready) begin
        if (!waits_{{ c }}) fail("s_axi_{{ c }} answers unasked");
        waits_{{ c }} = 0;
        response = s_axi_{{ c }}resp;
{% if c == "r" %}
        value = s_axi_rdata;
{% endif %}
      end
{% endfor %}
    end
  endtask

  // A cycle of both buses. What is not offered is unknown.
  task cycle;
    begin
      drive_memory;
      drive_host;
      #4 check_rules;
      sample_memory;
      sample_host;
      @(posedge clk);
      #1;
      if (r_moved) begin
        m_axi_rvalid = 0;
        { m_axi_rdata, m_axi_rresp, m_axi_rlast } = 'bx;
      end
      if (b_moved) begin
        m_axi_bvalid = 0;
        m_axi_bresp = 'bx;
      end
{% for c in ("aw", "w", "ar") %}
      if ({{ c }}_moved) s_axi_{{ c }}valid = 0;
{% endfor %}
      cycles = cycles + 1;
      if (cycles >= LIMIT) begin
        fail("no end by now");
        conclude;
      end
    end
  endtask

  // What the host does, in its order: write, poll until the interrupt, or read and compare.
  task access;
    case (step)
{% set accesses = namespace(count=0) %}
{% macro access(kind, name, offset, value) %}
      {{ accesses.count }}: begin kind = {{ kind }}; at = 'h{{ "%03x" % offset }}; data = 'h{{ "%08x" % value }}; says = "{{ name }}"; end
{% set accesses.count = accesses.count + 1 %}
{% endmacro %}
{% for name, offset, value in writes %}
{{ access("WRITE", name, offset, value) }}
{%- endfor %}
{{ access("POLL", "status", status, 0) }}
{%- for name, offset, value in ends %}
{{ access("COMPARE", name, offset, value) }}
{%- endfor %}
{{ access("WRITE", *clear) }}
{%- set ended = accesses.count %}
      default: kind = WRITE;
    endcase
  endtask

  initial begin
    read_memory;
    read_golden;
    if ($test$plusargs("vcd")) begin
      $dumpfile("{{ name }}.vcd");
      $dumpvars(0, {{ name }});
    end
    if (wrong != 0) conclude;
    { m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_bresp } = 'bx;
    @(posedge clk);
    @(posedge clk);
    #1 rst = 0;
    while (step < {{ ended }}) begin
      access;
      {s_axi_awaddr, s_axi_wdata, s_axi_wstrb, s_axi_araddr} = {at, data, 4'hf, at};
      if (kind == WRITE) {owes_aw, owes_w, waits_b} = 3'b111;
      else {owes_ar, waits_r} = 2'b11;
      while (waits_b || waits_r) cycle;
      if (response != 0) fail({says, " is refused"});
      if (kind == COMPARE && value !== data) begin
        wrong = wrong + 1;
        if (wrong <= 20)
          $display("MISMATCH at the end: %0s is %h, must be %h", says, value, data);
      end
      if (kind != POLL || irq) step = step + 1;
    end
    if (irq !== 0) fail("the interrupt cannot be taken back");
    repeat (50) cycle;
    if (m_axi_arvalid || m_axi_awvalid || m_axi_wvalid || r_count != ar_count || b_count != aw_count
        || w_count != w_taken) fail("the bus is not quiet after the program");
    for (lines = 0; lines < SIZE; lines = lines + 1)
      if (memory[lines] !== golden[lines]) begin
        wrong = wrong + 1;
        if (wrong <= 20)
          $display("MISMATCH at the end: memory at %h is %h, must be %h", lines * BYTES, memory[lines],
            golden[lines]);
      end
    conclude;
  end
endmodule
