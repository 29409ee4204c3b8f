"""Scripts on the exported Verilog of a matrix engine, under a simulator that did not make it."""

from ..hdl.matmul import Matmul
from .bench import Result, Stalls
from .engine import port_signals
from .script import INPUTS, OUTPUTS, Script
from .verilog import ICARUS, VerilogSimulator, run_bench

__all__ = ["run_verilog_script"]


def run_verilog_script(
    verilog: str,
    top: str,
    component: Matmul,
    script: Script,
    stalls: Stalls,
    simulator: VerilogSimulator = ICARUS,
) -> Result:
    """Run a script on a design's Verilog, every beat and the stream rules compared.

    Args:
        verilog: text of the design.
        top: name of its top module.
        component: the design.
        script: commands, beats and golden answers; its ``abort`` is not looked at.
        stalls: how to stall each stream.
        simulator: the simulator.

    Raises:
        RuntimeError: the simulator is not installed or does not accept the Verilog.
    """
    widths = {name: len(signal) for name, (signal, _) in port_signals(component).items()}
    streams = {**script.beats, **script.answers}
    declares, reads, offers, takes, checks, clears = [], [], [], [], [], []
    for name in (*INPUTS, *OUTPUTS):
        values = {"name": name, "wide": widths[f"{name}__payload"], "beats": len(streams[name])}
        values |= {"room": max(1, len(streams[name]))}
        values |= {"valid": round(stalls.valid * 1000), "ready": round(stalls.ready * 1000)}
        if streams[name]:
            reads.append(f'    $readmemh("{name}.hex", {name}_beats);')
        if name in INPUTS:
            declares.append(_INPUT.format(**values))
            offers.append(_OFFER.format(**values))
            takes.append(f"      {name}_taken = {name}__valid && {name}__ready;")
            clears.append(
                f"      if ({name}_taken) begin {name}_count = {name}_count + 1; "
                f"{name}__valid = 0; end"
            )
        else:
            declares.append(_OUTPUT.format(**values))
            offers.append(f"      {name}__ready = $urandom(seed) % 1000 < {values['ready']};")
            checks.append(_CHECK.format(**values))
    total = sum(len(beats) for beats in script.answers.values())
    work = sum(map(len, streams.values())) + script.counts["steps"]
    ports = [f".{name}__{part}" for name in streams for part in ("payload", "valid", "ready")]
    bench = _BENCH.format(
        top=top,
        ports=", ".join(f"{port}({port[1:]})" for port in ports),
        declares="\n".join(declares),
        reads="\n".join(reads),
        offers="\n".join(offers),
        takes="\n".join(takes),
        checks="\n".join(checks),
        clears="\n".join(clears),
        received=" + ".join(f"{name}_count" for name in OUTPUTS),
        total=total,
        error=int(script.fault),
        seed=stalls.seed + 1,
        limit=1000 + 30 * round(work / min(stalls.valid, stalls.ready)),
    )
    data = {f"{name}.hex": beats for name, beats in streams.items() if beats}
    result = run_bench(verilog, bench, data, simulator)
    result.blocks = script.counts["o_tiles"] + script.counts["t_tiles"]
    if result.beats < total:
        result.note(f"only {result.beats} of {total} beats came out")
    return result


_INPUT = """  reg [{wide}-1:0] {name}__payload = 0, {name}_beats [0:{room}-1];
  reg {name}__valid = 0, {name}_taken = 0;
  wire {name}__ready;
  integer {name}_count = 0;"""

_OUTPUT = """  wire [{wide}-1:0] {name}__payload;
  reg [{wide}-1:0] {name}_beats [0:{room}-1], {name}_held = 0;
  reg {name}__ready = 0, {name}_stalled = 0;
  wire {name}__valid;
  integer {name}_count = 0;"""

_OFFER = """      if (!{name}__valid && {name}_count < {beats}
          && ($urandom(seed) % 1000 < {valid})) begin
        {name}__valid = 1;
        {name}__payload = {name}_beats[{name}_count];
      end"""

_CHECK = """      if ({name}__valid === 1'bx) wrong = wrong + 1;
      if ({name}_stalled && ({name}__valid !== 1 || {name}__payload !== {name}_held)) begin
        wrong = wrong + 1;
        $display("MISMATCH cycle %0d: {name} broke the rules", cycles);
      end
      if ({name}__valid && ({name}_count >= {beats}
          || {name}__payload !== {name}_beats[{name}_count])) begin
        wrong = wrong + 1;
        if (wrong < 20) $display("MISMATCH cycle %0d: {name} beat %0d is %h, must be %h", cycles,
          {name}_count, {name}__payload, {name}_beats[{name}_count]);
      end
      {name}_stalled = {name}__valid && !{name}__ready;
      {name}_held = {name}__payload;
      if ({name}__valid && {name}__ready) {name}_count = {name}_count + 1;"""

_BENCH = """`timescale 1ns/1ps
module bench;
  reg clk = 0, rst = 1, abort = 0;
  wire busy;
  wire [1:0] error;
  integer cycles = 0, wrong = 0, seed = {seed}, rest = 0;
{declares}

  {top} dut (.clk(clk), .rst(rst), .abort(abort), .busy(busy), .error(error),
    {ports});

  always #5 clk = ~clk;

  initial begin
{reads}
    @(posedge clk);
    @(posedge clk);
    #1 rst = 0;
    while (rest < 40 && cycles < {limit}) begin
{offers}
      #4;
{takes}
{checks}
      @(posedge clk) #1;
{clears}
      cycles = cycles + 1;
      if ({received} == {total} && !busy) rest = rest + 1;
    end
    if (busy !== 0 || error !== {error}) begin
      wrong = wrong + 1;
      $display("MISMATCH at the end busy is %b, error is %d", busy, error);
    end
    $display("DONE %0d beats %0d cycles %0d wrong", {received}, cycles, wrong);
    $finish;
  end
endmodule
"""
