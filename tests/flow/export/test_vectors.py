"""Vectors: the testbench that ships runs anywhere, and catches what is wrong."""

import subprocess

import numpy as np
import pytest
from designs import SMALL, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.cli.main import main
from mxsf.flow.export.vectors import write_vectors
from mxsf.flow.export.verilog import verilog
from mxsf.sim.result import Stalls
from mxsf.sim.simulator.verilog import VERILATOR, run_verilog

STALLS = Stalls(0.7, 0.6, 3)


def icarus(folder, top):
    """Compile without a warning and run, as a user would; what it printed."""
    command = ["iverilog", "-g2005", "-Wall", "-o", "tb", f"{top}_tb.v", f"{top}.v"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert not done.stderr
    return subprocess.run(
        ["vvp", "-n", "tb"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@needs_icarus
@pytest.mark.parametrize(("name", "options"), SMALL, ids=str)
def test_testbench_passes(name, options, tmp_path):
    design = variant(name, **options)
    paths = write_vectors(design, tmp_path, None, STALLS)
    assert all(path.stat().st_size for path in paths)
    assert icarus(tmp_path, design.top).endswith("PASS\n")


@needs_icarus
@pytest.mark.parametrize("port", ["o", "t"])
def test_testbench_catches_a_wrong_answer(port, tmp_path):
    design = variant("requantizer", tile=4, both=True)
    write_vectors(design, tmp_path, None, STALLS)
    file = tmp_path / f"{design.top}_{port}.hex"
    lines = file.read_text().split()
    lines[-1] = f"{int(lines[-1], 16) ^ 1:x}"
    file.write_text("\n".join(lines))
    printed = icarus(tmp_path, design.top)
    assert printed.endswith("FAIL\n")
    assert f"beat {len(lines) - 1}: {port} is" in printed


@needs_icarus
@pytest.mark.parametrize(("more", "problem"), [(-1, "beat too many"), (1, "only")])
def test_testbench_counts_beats(more, problem):
    design = variant("encoder", block=4)
    vectors = design.vectors()
    column = vectors.outputs["o"]
    values = [*column.values, 0][: len(column.values) + more]
    changed = type(vectors)(
        vectors.inputs, {"o": column._replace(values=values)}, True, vectors.blocks
    )
    result = run_verilog(verilog(design), design.top, changed, STALLS)
    assert result.count == 1
    assert problem in result.mismatches[0]


@needs_icarus
def test_testbench_catches_a_payload_that_does_not_stay():
    design = variant("encoder", block=4)
    text = verilog(design).replace("module mxsf_encoder_mxsf_b4(", "module inner(")
    ports = "clk, rst, i__payload, i__valid, i__ready, o__payload, o__valid, o__ready"
    widths = {name: width for name, (width, _) in design.ports.items()}
    outer = f"""
module {design.top}({ports});
  input clk, rst, i__valid, o__ready;
  input [{widths["i__payload"] - 1}:0] i__payload;
  output i__ready, o__valid;
  output [{widths["o__payload"] - 1}:0] o__payload;
  wire [{widths["o__payload"] - 1}:0] given;
  inner inner (.clk(clk), .rst(rst), .i__payload(i__payload), .i__valid(i__valid),
    .i__ready(i__ready), .o__payload(given), .o__valid(o__valid), .o__ready(o__ready));
  assign o__payload = o__ready ? given : ~given;
endmodule
"""
    assert "module inner(" in text
    result = run_verilog(text + outer, design.top, design.vectors(), STALLS)
    assert result.count > 0


@pytest.mark.long
@needs_verilator
@pytest.mark.parametrize(("name", "options"), SMALL, ids=str)
def test_testbench_under_verilator(name, options):
    design = variant(name, **options)
    result = run_verilog(
        verilog(design),
        design.top,
        design.vectors(),
        STALLS,
        clocking=design.clock,
        simulator=VERILATOR,
    )
    assert result.passed, result.mismatches


@needs_icarus
def test_own_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32))
    monkeypatch.setattr("sys.argv", ["mxsf", "vectors", "encoder", "--input", "x.npy"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert "build/mxsf_encoder_mxsf_b32_tb.v" in printed
    assert len((tmp_path / "build/mxsf_encoder_mxsf_b32_i.hex").read_text().split()) == 16
    assert icarus(tmp_path / "build", "mxsf_encoder_mxsf_b32").endswith("PASS\n")
