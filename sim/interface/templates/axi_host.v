
// It writes each command to the registers, the last write again until it is done, and reads status,
// error and counters over and over.
module host (
  input clk, rst,
  input [{{ command_bits - 1 }}:0] command__payload,
  input command__valid,
  output reg command__ready,
{% for offset, port, bits in reads %}
  output reg [{{ bits - 1 }}:0] {{ port }},
{% endfor %}
{% for p, (bits, is_input) in ports.items() %}
  {{ "output" if is_input else "input" }} [{{ bits - 1 }}:0] {{ p }}{{ "" if loop.last else "," }}
{% endfor %}
);
  reg aw, w, ar, writing, reading;
  reg [7:0] write, read;
  reg [11:0] to, from;
  reg [31:0] value;

  assign s_axi_awvalid = aw, s_axi_wvalid = w, s_axi_arvalid = ar;
  assign s_axi_awaddr = to, s_axi_araddr = from, s_axi_wdata = value;
  assign s_axi_awprot = 0, s_axi_arprot = 0, s_axi_wstrb = 4'hf;
  assign s_axi_bready = 1, s_axi_rready = 1;

  always @* case (write)
{% for offset, term in writes %}
    {{ loop.index0 }}: begin to = {{ offset }}; value = {{ term }}; end
{% endfor %}
    default: begin to = 0; value = 0; end
  endcase
  always @* case (read)
{% for offset, port, bits in reads %}
    {{ loop.index0 }}: from = {{ offset }};
{% endfor %}
    default: from = 0;
  endcase

  always @(posedge clk) begin
    command__ready <= 0;
    if (s_axi_awready) aw <= 0;
    if (s_axi_wready) w <= 0;
    if (s_axi_arready) ar <= 0;
    if (!writing && command__valid && !command__ready) {writing, aw, w} <= 3'b111;
    if (s_axi_bvalid) begin
      writing <= 0;
      if (write != {{ writes | length - 1 }}) write <= write + 1;
      else if (s_axi_bresp == 0) begin
        write <= 0;
        command__ready <= 1;
      end
    end
    if (!reading) {reading, ar} <= 2'b11;
    if (s_axi_rvalid) begin
      reading <= 0;
      read <= read == {{ reads | length - 1 }} ? 0 : read + 1;
      case (read)
{% for offset, port, bits in reads %}
        {{ loop.index0 }}: {{ port }} <= s_axi_rdata[{{ bits - 1 }}:0];
{% endfor %}
        default: ;
      endcase
    end
    if (rst) {aw, w, ar, writing, reading, write, read, command__ready} <= 0;
  end
endmodule
