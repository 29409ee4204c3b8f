"""A host for Verilog testbenches: commands to register writes, registers to wires.

It sits between what a testbench drives for the plain engine (``command``, ``busy``, ``error``,
``counters``) and the AXI4-Lite interface of its AXI shell.
"""

from collections.abc import Collection
from typing import Any

from jinja2 import Environment, StrictUndefined

from ...hdl.engine.command import command_layout
from ...hdl.engine.core import COUNTERS
from ...hdl.engine.matmul import Matmul
from ...hdl.engine.register_map import COMMAND, engine_registers
from ...hdl.interface.axi_engine import lite_ports, lite_widths
from ...hdl.ports import fields
from ..stimulus.vectors import Bridge

__all__ = ["host_bridge"]


def host_bridge(engine: Matmul, shown: Collection[str]) -> Bridge:
    """Build the host of an engine.

    Args:
        engine: the engine.
        shown: its outputs that a testbench looks at, of ``busy``, ``error`` and the counters.
    """
    registers = {register.name: register for register in engine_registers(engine)}
    command_bits = {
        field.name: f"{field.offset + field.width - 1}:{field.offset}"
        for field in fields(command_layout())
    }
    writes = []
    for part, lows in COMMAND.items():
        terms = [
            f"(command__payload[{command_bits[name]}] * 33'h{1 << low:x})"
            for name, low in lows.items()
        ]
        writes.append((registers[f"command_{part}"].offset, " | ".join(terms)))
    writes.append((registers["push"].offset, "1"))
    watched = {"busy": "status", "error": "error", **{f"counters__{n}": n for n in COUNTERS}}
    watched = {port: name for port, name in watched.items() if port in shown}
    reads = [
        (registers[register].offset, port, 1 if port == "busy" else registers[register].mask)
        for port, register in watched.items()
    ]
    widths = lite_widths()
    context: dict[str, Any] = {
        "command_bits": command_layout().size,
        "writes": writes,
        "reads": [(offset, port, mask.bit_length()) for offset, port, mask in reads],
        "ports": {p: (widths[p], is_input) for p, (_, _, is_input) in lite_ports().items()},
    }
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return Bridge(
        module=environment.from_string(_HOST).render(context),
        wires={port: widths[port] for port in lite_ports()},
        nets=("command__payload", "command__valid", "command__ready", *watched),
        # Twice round all registers, in the slowest case.
        idle=16 * (len(reads) + 1),
    )


_HOST = """\

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
"""
