"""Vectors: the testbench that ships runs anywhere, and catches what is wrong."""

import numpy as np
import pytest
from designs import SMALL, exported, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.vectors import write_vectors
from mxsf.flow.export.verilog import verilog
from mxsf.sim.result import Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.program_vectors import ProgramVectors
from testbenches import HARMS, icarus, spoil, verilated

STALLS = Stalls(0.7, 0.6, 3)


def written(folder, name, options):
    """Write a design with its testbench: name of the top, the files of its answers."""
    design, _ = exported(name, **options)
    write_vectors(design, folder, None, STALLS)
    vectors = design.vectors()
    answers = ["golden"] if isinstance(vectors, ProgramVectors) else vectors.outputs
    return design.top, [folder / f"{design.top}_{port}.hex" for port in answers]


AXI = [
    ("encoder", {"block": 4, "interface": "axi"}),
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "element": "e2m1", "interface": "axi"}),
]


@needs_icarus
@pytest.mark.parametrize(("name", "options"), [*SMALL, *AXI], ids=str)
def test_the_exit_status_is_the_verdict(name, options, tmp_path):
    """Of every design; a wrong answer at any of its outputs is an error."""
    top, answers = written(tmp_path, name, options)
    status, printed = icarus(tmp_path, top)
    assert printed.endswith("PASS\n")
    assert status == 0
    for file in answers:
        whole = file.read_text()
        if not whole:
            continue
        spoil(file)
        status, printed = icarus(tmp_path, top)
        assert status != 0
        assert "\nFAIL\n" in printed
        file.write_text(whole)


@pytest.mark.long
@needs_verilator
@pytest.mark.parametrize(("name", "options"), [*SMALL, AXI[0]], ids=str)
def test_the_exit_status_under_verilator(name, options, tmp_path):
    top, answers = written(tmp_path, name, options)
    run = verilated(tmp_path, top)
    assert run()[0] == 0
    spoil(next(file for file in answers if file.read_text()))
    status, printed = run()
    assert status != 0
    assert "\nFAIL\n" in printed


def unknown(file):
    """An output of the design is X."""
    top = file.stem.rpartition("_")[0]
    path = file.with_name(f"{top}.v")
    name = "significand" if "decoder" in top else "o__payload"
    harm = f"module harm; initial force {top}_tb.dut.{name} = 'bx; endmodule\n"
    path.write_text(path.read_text() + harm)


@needs_icarus
@pytest.mark.parametrize("harm", [*HARMS, unknown])
@pytest.mark.parametrize(
    ("name", "port"), [("decoder", "code"), ("encoder", "i"), ("encoder", "o")]
)
def test_what_is_not_whole_is_an_error(name, port, harm, tmp_path):
    top, _ = written(tmp_path, name, {"block": 4} if name == "encoder" else {})
    harm(tmp_path / f"{top}_{port}.hex")
    status, printed = icarus(tmp_path, top)
    assert status != 0
    assert "\nFAIL\n" in printed
    assert "MISMATCH" in printed


@needs_icarus
def test_time_out_is_an_error(tmp_path):
    top, _ = written(tmp_path, "encoder", {"block": 4})
    status, printed = icarus(tmp_path, top, f"-P{top}_tb.LIMIT=20")
    assert status != 0
    assert "came out" in printed


@needs_icarus
@pytest.mark.parametrize("port", ["o", "t"])
def test_testbench_catches_a_wrong_answer(port, tmp_path):
    top, _ = written(tmp_path, "requantizer", {"tile": 4, "both": True})
    file = tmp_path / f"{top}_{port}.hex"
    spoil(file)
    _, printed = icarus(tmp_path, top)
    assert f"beat {len(file.read_text().split()) - 1}: {port} is" in printed


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
    text = verilog(design).replace("module mxsf_encoder_mxsf_b4 (", "module inner (")
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
    assert "module inner (" in text
    result = run_verilog(text + outer, design.top, design.vectors(), STALLS)
    assert result.count > 0


@needs_icarus
def test_own_data(run, tmp_path):
    np.save("x.npy", np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32))
    code, printed, _ = run("vectors", "encoder", "--input", "x.npy")
    assert code == 0
    assert "build/mxsf_encoder_mxsf_b32_tb.v" in printed
    assert len((tmp_path / "build/mxsf_encoder_mxsf_b32_i.hex").read_text().split()) == 16
    assert icarus(tmp_path / "build", "mxsf_encoder_mxsf_b32")[0] == 0
