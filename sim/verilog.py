"""The exported Verilog under Icarus Verilog or Verilator: simulators that did not make it.

A plain Verilog testbench reads stimulus and golden answer as hex files, stalls at random, and
checks every output beat and the stream rules.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .bench import Result, Stalls, Stimulus
from .payload import to_int

__all__ = [
    "ICARUS",
    "VERILATOR",
    "VerilogSimulator",
    "run_bench",
    "run_verilog",
    "run_verilog_table",
]


@dataclass(frozen=True)
class VerilogSimulator:
    """A simulator of Verilog files.

    Args:
        name: its name.
        package: Debian package that brings it.
        programs: programs that it needs.
        commands: what compiles and runs ``bench.v`` and ``design.v`` in the current folder.
    """

    name: str
    package: str
    programs: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]

    def available(self) -> bool:
        """Whether it is installed."""
        return all(shutil.which(program) for program in self.programs)


ICARUS = VerilogSimulator(
    "icarus",
    "iverilog",
    ("iverilog", "vvp"),
    (
        ("iverilog", "-g2005", "-Wall", "-o", "bench.vvp", "bench.v", "design.v"),
        ("vvp", "-n", "bench.vvp"),
    ),
)
"""Interpreted, four-valued: sees what is not initialised."""

VERILATOR = VerilogSimulator(
    "verilator",
    "verilator",
    ("verilator", "g++", "make"),
    (
        (
            *("verilator", "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
            *("--top-module", "bench", "-o", "bench", "bench.v", "design.v"),
        ),
        ("./obj_dir/bench",),
    ),
)
"""Compiled: for large designs."""


def run_verilog(
    verilog: str,
    top: str,
    stimulus: Stimulus,
    stalls: Stalls,
    *,
    clocked: bool = True,
    simulator: VerilogSimulator = ICARUS,
) -> Result:
    """Run a stream design's Verilog on a stimulus, every output beat compared.

    Args:
        verilog: text of the design.
        top: name of its top module.
        stimulus: beats in and out.
        stalls: how to stall.
        clocked: whether it has state, and with it the ports ``clk`` and ``rst``.
        simulator: the simulator.

    Raises:
        RuntimeError: the simulator is not installed or does not accept the Verilog.
    """
    wide_in, wide_out = stimulus.widths
    bench = _STREAM.format(
        top=top,
        clock=".clk(clk), .rst(rst), " if clocked else "",
        wide_in=wide_in,
        wide_out=wide_out,
        beats=len(stimulus.inputs),
        answers=len(stimulus.outputs),
        valid=round(stalls.valid * 1000),
        ready=round(stalls.ready * 1000),
        seed=stalls.seed + 1,
        limit=1000 + 40 * round(len(stimulus.inputs) / min(stalls.valid, stalls.ready)),
    )
    data = {
        "in.hex": [to_int(row) for row in stimulus.inputs],
        "out.hex": [to_int(row) for row in stimulus.outputs],
    }
    result = run_bench(verilog, bench, data, simulator)
    result.blocks = stimulus.blocks
    if result.beats < len(stimulus.outputs):
        result.note(f"only {result.beats} of {len(stimulus.outputs)} beats came out")
    return result


def run_verilog_table(
    verilog: str,
    top: str,
    widths: Mapping[str, int],
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
) -> Result:
    """Run a combinational design's Verilog on rows of inputs under Icarus, all outputs compared."""
    count = len(next(iter(inputs.values())))
    reads, declares, drives, checks = [], [], [], []
    data = {}
    for kind, table in (("in", inputs), ("out", outputs)):
        for port, values in table.items():
            data[f"{port}.hex"] = [int(value) for value in values]
            bits = f"[{widths[port] - 1}:0]"
            declares.append(f"  reg {bits} {port}_rows [0:{count - 1}];")
            declares.append(f"  {'reg' if kind == 'in' else 'wire'} {bits} {port};")
            reads.append(f'    $readmemh("{port}.hex", {port}_rows);')
            if kind == "in":
                drives.append(f"      {port} = {port}_rows[row];")
            else:
                checks.append(f"      if ({port} !== {port}_rows[row]) begin")
                checks.append("        wrong = wrong + 1;")
                checks.append(
                    f'        $display("MISMATCH row %0d: {port} is %h, must be %h", '
                    f"row, {port}, {port}_rows[row]);"
                )
                checks.append("      end")
    bench = _TABLE.format(
        top=top,
        count=count,
        declares="\n".join(declares),
        reads="\n".join(reads),
        drives="\n".join(drives),
        checks="\n".join(checks),
        ports=", ".join(f".{port}({port})" for port in [*inputs, *outputs]),
    )
    result = run_bench(verilog, bench, data, ICARUS)
    result.blocks = result.beats
    return result


def run_bench(
    verilog: str, bench: str, data: Mapping[str, Sequence[int]], simulator: VerilogSimulator
) -> Result:
    """Compile a testbench and a design, run them, and read what the testbench prints.

    Args:
        verilog: text of the design.
        bench: text of the testbench, module ``bench``. It prints ``MISMATCH ...`` lines and ends
            with ``DONE n beats n cycles n wrong``.
        data: numbers for hex files that the testbench reads, by file name.
        simulator: the simulator.

    Raises:
        RuntimeError: the simulator is not installed or does not accept the Verilog.
    """
    if not simulator.available():
        raise RuntimeError(
            f"{simulator.name} is not installed (Debian: apt-get install {simulator.package})"
        )
    result = Result(simulator.name)
    with tempfile.TemporaryDirectory(prefix="mxsf-verilog-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        (folder / "bench.v").write_text(bench)
        for file, values in data.items():
            (folder / file).write_text("".join(f"{value:x}\n" for value in values))
        done = None
        for command in simulator.commands:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
    assert done is not None
    for line in done.stdout.splitlines():
        if line.startswith("MISMATCH "):
            result.mismatches.append(line.removeprefix("MISMATCH "))
        elif found := re.fullmatch(r"DONE (\d+) beats (\d+) cycles (\d+) wrong", line):
            result.beats, result.cycles, result.count = (int(number) for number in found.groups())
            return result
    raise RuntimeError(f"the testbench did not finish: {done.stdout.strip()[-300:]}")


_STREAM = """`timescale 1ns/1ps
module bench;
  reg clk = 0, rst = 1;
  reg [{wide_in}-1:0] i__payload = 0, inputs [0:{beats}-1];
  reg i__valid = 0, o__ready = 0;
  wire i__ready, o__valid;
  wire [{wide_out}-1:0] o__payload;
  reg [{wide_out}-1:0] outputs [0:{answers}-1], held = 0;
  reg stalled = 0;
  integer sent = 0, received = 0, cycles = 0, wrong = 0, seed = {seed};

  {top} dut ({clock}.i__payload(i__payload), .i__valid(i__valid),
    .i__ready(i__ready), .o__payload(o__payload), .o__valid(o__valid), .o__ready(o__ready));

  always #5 clk = ~clk;

  task fail;
    begin
      wrong = wrong + 1;
      if (wrong <= 20)
        $display("MISMATCH cycle %0d beat %0d: o is %b %h, must be %h",
          cycles, received, o__valid, o__payload, outputs[received]);
    end
  endtask

  initial begin
    $readmemh("in.hex", inputs);
    $readmemh("out.hex", outputs);
    @(posedge clk);
    @(posedge clk);
    #1 rst = 0;
    while (received < {answers} && cycles < {limit}) begin
      if (!i__valid && sent < {beats} && ($urandom(seed) % 1000 < {valid})) begin
        i__valid = 1;
        i__payload = inputs[sent];
      end
      o__ready = $urandom(seed) % 1000 < {ready};
      #4;
      if (stalled && (o__valid !== 1 || o__payload !== held)) fail;
      if (o__valid === 1'bx || i__ready === 1'bx) fail;
      stalled = o__valid && !o__ready;
      held = o__payload;
      if (o__valid && o__ready) begin
        if (o__payload !== outputs[received]) fail;
        received = received + 1;
      end
      if (i__valid && i__ready) begin
        sent = sent + 1;
        @(posedge clk) #1 i__valid = 0;
      end else
        @(posedge clk) #1;
      cycles = cycles + 1;
    end
    $display("DONE %0d beats %0d cycles %0d wrong", received, cycles, wrong);
    $finish;
  end
endmodule
"""

_TABLE = """`timescale 1ns/1ps
module bench;
{declares}
  integer row, wrong = 0;
  {top} dut ({ports});
  initial begin
{reads}
    for (row = 0; row < {count}; row = row + 1) begin
{drives}
      #1;
{checks}
    end
    $display("DONE %0d beats %0d cycles %0d wrong", row, row, wrong);
    $finish;
  end
endmodule
"""
