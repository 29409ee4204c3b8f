"""The command line: what it writes, how it fails, what its help says."""

import json
from dataclasses import replace

import numpy as np
import pytest
from designs import needs_gcc, needs_icarus
from mxsf.flow.catalogue.catalogue import CATALOGUE
from mxsf.flow.cli import main as cli
from mxsf.flow.cli.chosen import of_options
from mxsf.flow.synth.critical_path import CriticalPath
from mxsf.flow.synth.timing import Run, Timing
from mxsf.golden import MX9, MXSF, NVFP4, BlockTensor, Factor, QuotientRule, quantize
from mxsf.sim.design.kind import Choice
from mxsf.sim.simulator.yosys import PINNED

DESIGNED = ("generate", "vectors", "simulate", "area", "timing")
"""Commands that take every design."""


def test_formats(run):
    code, out, _ = run("formats")
    assert code == 0
    assert "e2m5 nesting e3m2" in out
    assert ["mx9", "9", "e0m7", "6", "1x16"] in [line.split()[:5] for line in out.splitlines()]
    code, out, _ = run("formats", "--json")
    assert json.loads(out)["mxsf"]["subnormal"]["exponent_bits"] == 3
    assert json.loads(out)["mx4"]["micro"] == [1, 2]


def test_generate(run, tmp_path):
    code, out, _ = run("generate", "encoder", "--lanes", 8, "--rule", "rceil", "--prefix", "acme_")
    assert code == 0
    top = "acme_mxsf_encoder_mxsf_b32_l8_rceil"
    assert out.split() == [f"build/{top}.v", f"build/{top}.json"]
    facts = json.loads((tmp_path / f"build/{top}.json").read_text())
    assert facts["top"] == top
    assert facts["block_beats"] == 4
    text = (tmp_path / f"build/{top}.v").read_text()
    assert all(
        line.split()[1].startswith("acme_") for line in text.splitlines() if line[:7] == "module "
    )


def test_generate_for_axi(run, tmp_path):
    small = ("--tile", 4, "--pes", 1, "--depth", 2, "--element", "e2m1")
    code, out, _ = run("generate", "matmul", *small, "--interface", "axi", "--extras", "--fusesoc")
    assert code == 0
    top = "mxsf_matmul_e2m1_t4_p1_d2_axi"
    names = [line.removeprefix("build/").removeprefix(top) for line in out.split()]
    ends = [
        ".v",
        ".json",
        "mxsf_matmul_regs.h",
        "_regs.md",
        "_inst.vh",
        ".vlt",
        "_pkg.sv",
        "_checker.sv",
        "_bind.sv",
        ".sdc",
        ".xdc",
    ]
    assert names == [*ends, ".core"]
    facts = json.loads((tmp_path / f"build/{top}.json").read_text())
    scale = {"name": "scale", "offset": 0, "width": 8, "length": 1, "signed": False}
    assert scale | {"port": "m_axis_t_tuser"} in facts["payloads"]["t"]
    assert facts["ports"]["s_axis_a_tkeep"]["role"] == "tkeep"
    assert facts["registers"][0]["name"] == "id"


def test_bad_axi(run):
    code, _, err = run("simulate", "encoder", "--interface", "axi")
    assert (code, err.count("\n")) == (2, 1)
    assert "mxsf_encoder_mxsf_b32_axi has no cycle model" in err
    code, _, err = run("generate", "decoder", "--interface", "axi")
    assert (code, err) == (2, "error: decoder has no streams: its interface cannot be axi\n")
    code, _, err = run("generate", "encoder", "--tkeep", "no")
    assert (code, err.count("\n")) == (2, 1)
    assert "tkeep no has no effect with stream ports" in err
    code, _, err = run("vectors", "accumulator", "--interface", "axi", "--tkeep", "yes")
    assert (code, err.count("\n")) == (2, 1)
    assert "no AXI4-Stream input with arrays: tkeep yes has no effect" in err


def test_generate_a_shell(run, tmp_path):
    options = ("--ports", "flat", "--reset", "async", "--reset-polarity", "low")
    code, out, _ = run("generate", "encoder", "--block", 4, *options)
    assert code == 0
    top = "mxsf_encoder_mxsf_b4_flat_async_low"
    assert out.split() == [f"build/{top}.v", f"build/{top}.json"]
    facts = json.loads((tmp_path / f"build/{top}.json").read_text())
    assert facts["interface"] == "flat"
    assert facts["clocking"]["asynchronous"]
    assert facts["ports"]["rst_n"] == {"direction": "in", "width": 1, "role": "reset"}
    words = {"direction": "in", "width": 64, "stream": "i", "role": "payload", "field": "words"}
    assert facts["ports"]["i_words"] == words


def test_generate_extras(run, tmp_path):
    code, out, _ = run("generate", "encoder", "--block", 4, "--extras", "--period", 2.5)
    assert code == 0
    top = "build/mxsf_encoder_mxsf_b4"
    ends = (".v", ".json", "_inst.vh", ".vlt", "_pkg.sv", "_checker.sv", "_bind.sv", ".sdc", ".xdc")
    assert out.split() == [f"{top}{end}" for end in ends]
    assert "-period 2.5 " in (tmp_path / f"{top}.sdc").read_text()
    code, out, err = run("generate", "encoder", "--extras", "--period", 0)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "'--period': period must be 0.001 to 1000000 ns, not 0" in err


def test_a_combinational_design_has_no_reset(run, tmp_path):
    code, out, err = run("generate", "decoder", "--reset-polarity", "low")
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: mxsf_decoder_mxsf_low is combinational: no reset can be")


@needs_gcc
def test_simulate_a_tensor(run, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((3, 20)))
    code, out, _ = run("simulate", "encoder", "--block", 8, "--input", "x.npy")
    assert code == 0
    assert "9 blocks" in out
    assert "0 mismatches" in out


@pytest.mark.parametrize("simulator", ["amaranth", pytest.param("cxxrtl", marks=needs_gcc)])
def test_waveform(run, tmp_path, simulator):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((3, 20)))
    code, _, _ = run(
        "simulate",
        *("encoder", "--block", 2, "--stages", 1, "--simulator", simulator, "--vcd", "waves/e.vcd"),
        *("--input", "x.npy"),
    )
    assert code == 0
    text = (tmp_path / "waves/e.vcd").read_text()
    assert "i__payload" in text
    assert "$enddefinitions" in text
    assert "i__payload" in (tmp_path / "waves/e.gtkw").read_text()


@needs_icarus
@pytest.mark.parametrize("ports", ["stream", "axi"])
def test_simulate_what_ships(run, ports):
    words = ["simulate", "encoder", "--block", 2, "--stages", 1, "--interface", ports]
    words += ["--simulator", "icarus"]
    code, out, _ = run(*words)
    assert code == 0
    assert "on icarus: " in out
    assert "0 mismatches" in out
    code, _, err = run(*words, "--vcd", "e.vcd")
    assert (code, err) == (2, "error: --vcd e.vcd has no effect with --simulator icarus\n")


def test_a_mismatch_exits_1(run, monkeypatch):
    monkeypatch.setattr("mxsf.hdl.dot.decoder.Const", lambda value, width: 1 - value)
    code, out, _ = run("simulate", "decoder", "--simulator", "amaranth")
    assert code == 1
    assert "must be" in out


def test_quantize_takes_the_choices_of_nvfp4(run, tmp_path):
    x = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    start = ("quantize", "x.npy", "x.npz", "--element", "nvfp4")

    def made(*options):
        assert run(*start, *options)[0] == 0
        return BlockTensor.load(tmp_path / "x.npz")

    assert made() == quantize(x, NVFP4)
    assert made("--rule", "up", "--factor", "POW2") == quantize(
        x, NVFP4, rule=QuotientRule.UP, factor=Factor.POW2
    )
    given = made("--factor", "0.25", "--least", "8", "--reciprocal")
    fmt = replace(NVFP4, factor=Factor.GIVEN, least=8, reciprocal=True)
    assert given == quantize(x, fmt, factor=0.25)
    rows = made("--factor-axis", "row")
    assert rows == quantize(x, replace(NVFP4, factor_axis="row"))
    assert run("quantize", "x.npz", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), rows.dequantize())


def test_quantize_and_back(run, tmp_path):
    x = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    assert run("quantize", "x.npy", "x.npz", "--block", "8x8", "--rule", "ceil")[0] == 0
    assert BlockTensor.load(tmp_path / "x.npz").block == (8, 8)
    assert run("quantize", "x.npy", "x.npz", "--element", "e2m4")[1].endswith(
        "planes of 4+2+1 bits\n"
    )
    assert BlockTensor.load(tmp_path / "x.npz").element.name == "e2m4"
    assert run("quantize", "x.npy", "x.npz", "--element", "mx9")[1].endswith(
        "mx9 1x16, shape (5, 40), planes of 8 bits\n"
    )
    assert run("quantize", "x.npz", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), quantize(x, MX9).dequantize())
    assert run("quantize", "x.npy", "x.npz")[0] == 0
    assert run("quantize", "x.npz", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), quantize(x, MXSF).dequantize())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npy", "x.npz", "y.npy"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["generate"], "Missing argument 'DESIGN'"),
        (["generate", "adder"], "unknown design 'adder': use decoder, encoder"),
        (
            ["generate", "decoder", "--stages", "2"],
            "decoder has no parameter 'stages', only element;",
        ),
        (["generate", "encoder", "--element", "e9m9"], "exponent_bits must be 0 to 8, not 9"),
        (["generate", "encoder", "--element", "fp8"], "unknown format 'fp8'"),
        (["generate", "encoder", "--lanes", "5"], "lanes must divide block = 32, not 5"),
        (["generate", "encoder", "--block", "ten"], "an integer is needed, not 'ten'"),
        (["generate", "encoder", "--block", "0"], "block must be 1 to 1024, not 0"),
        (["generate", "encoder", "--block", "3000"], "block must be 1 to 1024, not 3000"),
        (["area", "dot", "--block", "100000"], "block must be 1 to 1024, not 100000"),
        (["simulate", "matmul", "--depth", "1"], "depth must be 2 to 32768, not 1"),
        (["vectors", "requantizer", "--tile", "6"], "tile must be 4, 8, 16, 32, not 6"),
        (["timing", "dot", "--outputs", "5000"], "outputs must be 0 to 4096, not 5000"),
        (["timing", "dot", "--seeds", "101"], "seeds must be 1 to 100, not 101"),
        (["vectors", "dot", "--seed", "-1"], "seed must be 0 to 4294967295, not -1"),
        (["generate", "--output", "x", "encoder"], "--output follows the design: mxsf generate"),
        (["prove", "encoder"], "mxsf prove does not take encoder: use decoder, pack, unpack"),
        (["prove", "pack"], "mxsf_pack_6bit has registers: only a combinational design"),
        (["generate", "encoder", "--rule", "up"], "unknown rule 'up'"),
        (["generate", "encoder", "--overflow", "ovf"], "mxsf has none"),
        (["generate", "pack", "--bits", "17"], "bits must be 3 to 16, not 17"),
        (["generate", "unpack", "--bits", "7", "--lanes", "12"], "multiple of 8, so that planes"),
        (["generate", "dot", "--stages", "sum/99"], "stages: of the adder tree use sum/1 to sum/5"),
        (["generate", "encoder", "--bits", "7"], "encoder has no parameter 'bits'"),
        (["generate", "encoder", "--prefix", "a b"], "prefix must be"),
        (["simulate", "encoder", "--simulator", "spice"], "'spice' is not one of"),
        (["simulate", "encoder", "--input", "no.npy"], "'no.npy' does not exist"),
        (["simulate", "encoder", "--input", "bad.npy"], "bad.npy is no .npy file"),
        (["simulate", "encoder", "--input", "ints.npy"], "a float array is needed, not int64"),
        (["area", "encoder", "--target", "asic"], "unknown target 'asic'"),
        (["area", "encoder", "--target", "liberty=no.lib"], "no liberty file no.lib"),
        (["area", "encoder", "--yosys", "no-such-yosys"], "no-such-yosys cannot be run"),
        (["quantize", "ints.npy", "x.npz"], "a float array is needed, not int64"),
        (["quantize", "bad.npy", "x.txt"], "from .npy to .npz or back"),
        (["quantize", "floats.npy", "x.npz", "--block", "8"], "a block is ROWSxCOLUMNS"),
        (["quantize", "floats.npy", "x.npz", "--block", "0x8"], "block must be at least 1"),
        (["report", "--element", "fp9"], "unknown format 'fp9'"),
        (["report", "--element", "mxsf", "--all"], "--element mxsf has no effect beside --all"),
        (["generate", "encoder", "--period", "5"], "--period 5 has no effect without --extras"),
        (["quantize", "b.npz", "x.npy", "--block", "8x8"], "--block 8x8 has no effect where"),
        (["quantize", "b.npz", "x.npy", "--factor-axis", "row"], "--factor-axis row has no effect"),
        (["quantize", "b.npz", "x.npy", "--reciprocal"], "--reciprocal has no effect where"),
        (["quantize", "floats.npy", "x.npz", "--factor", "two"], "none, amax, pow2 or a number"),
        (["quantize", "floats.npy", "x.npz", "--factor", "1"], "factor given has no effect with"),
        (["quantize", "floats.npy", "x.npz", "--rule", "up"], "rule up needs scales with a"),
        (["generate", "dot", "--element", "nvfp4"], "must have scales of e8m0 in hardware, not nv"),
        (["host", "/nowhere", "--output", "c.npy"], "--output c.npy has no effect without"),
        (["timing", "dot", "--frequency", "nan"], "'--frequency': a number is needed, not 'nan'"),
        (["simulate", "decoder", "--valid", "0.5"], "--valid 0.5 has no effect: mxsf_decoder_"),
        (["vectors", "decoder", "--seed", "3"], "--seed 3 has no effect: mxsf_decoder_mxsf has no"),
        (["generate", "decoder", "--reset", "sync"], "--reset sync has no effect: mxsf_decoder"),
        (
            ["generate", "encoder", "--storage", "registers"],
            "--storage registers has no effect on mxsf_encoder_mxsf_b32_registers: a block is one",
        ),
        (
            ["generate", "matmul", "--requantize", "no", "--rule", "ceil"],
            "--rule ceil has no effect on mxsf_matmul_mxsf_t8_ceil_rows: there is no re-quantizer",
        ),
        (["board", "--list", "--seeds", "2"], "--seeds 2 has no effect beside --list"),
        (["board", "--list", "--output", "x"], "--output x has no effect beside --list"),
        (["board", "--list", "icebreaker"], "the board icebreaker has no effect beside --list"),
        (["board", "icebreaker", "--requantize", "no", "--rule", "ceil"], "--rule ceil has no"),
        (["report", "--full", "--all"], "--all has no effect beside --full"),
        (["report", "--only", "format", "--target", "ecp5"], "--target ecp5 has no effect: --only"),
        (["simulate", "decoder", "--vcd", "/proc/x.vcd"], "'--vcd': '/proc/x.vcd' cannot be"),
        (["area", "decoder", "--json", "/proc/x"], "'--json': '/proc/x' cannot be: nothing can"),
        (["generate", "decoder", "--output", "/proc/x"], "'--output': '/proc/x' cannot be"),
        (["simulate", "decoder", "--vcd", "x.gtkw"], "x.gtkw would be its own layout"),
    ],
)
def test_bad_use_is_one_line(run, tmp_path, words, message):
    (tmp_path / "bad.npy").write_text("no array")
    np.save(tmp_path / "ints.npy", np.arange(4))
    np.save(tmp_path / "floats.npy", np.zeros((4, 4)))
    quantize(np.zeros((4, 4)), MXSF).save(tmp_path / "b.npz")
    code, _, err = run(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith("Usage: mxsf")


def test_commands_without_help(run):
    assert run()[1] == run("--help")[1]
    assert [line.split()[0] for line in run()[1].split("Commands:")[1].splitlines() if line] == [
        *cli.COMMANDS
    ]


def options(text):
    """Options of a help page, by section."""
    sections = {}
    for line in text.splitlines():
        if line and not line.startswith(" "):
            sections[line] = []
        elif line.startswith("  -") and sections:
            (*_, name) = [word for word in line.split("  ")[1].split(" ") if word[:2] == "--"]
            sections[[*sections][-1]].append(name)
    return sections


def test_help_lists_the_designs(run):
    for command in DESIGNED:
        listed = run(command, "--help")[1].split("Designs:\n")[1].splitlines()
        names = [line.split()[0] for line in listed if line[2:3] not in ("", " ")]
        assert names[:-1] == [*CATALOGUE]  # the last line says where options are
    assert "block encoder: words to one scale and codes" in run("generate", "--help")[1]


@pytest.mark.parametrize("design", CATALOGUE)
def test_help_of_a_design_lists_its_parameters(run, design):
    parameters = CATALOGUE[design].parameters
    own = set()
    for command in DESIGNED:
        out = run(command, design, "--help")[1]
        sections = options(out)
        assert sections["Parameters of the design:"] == [f"--{p.name}" for p in parameters]
        text = "".join(out.split())  # long values are broken across lines
        for parameter in parameters:
            assert "".join(parameter.description[1:].split()) in text
        own.add(" ".join(sections["Options:"]))
    assert len(own) == len(DESIGNED)
    assert not [p for p in parameters if any(f"--{p.name} " in others for others in own)]


def test_help_says_values_bounds_and_defaults(run):
    words = " ".join(run("generate", "matmul", "--help")[1].split())
    assert "--depth INTEGER Tiles that each tile memory holds: 2 to 32768 [default: 64]" in words
    assert "--fabric NAME" in words
    assert "asic, fpga, dsp [default: asic]" in words
    assert "--requantize yes|no" in words


@pytest.mark.parametrize("option", ["--simulator", "--engine"])
def test_the_older_name_of_the_simulator(run, option):
    code, out, _ = run("simulate", "decoder", option, "amaranth")
    assert code == 0
    assert " on amaranth: " in out
    assert "--engine" not in run("simulate", "decoder", "--help")[1]


def test_names_in_any_case(run, tmp_path):
    words = ("--element", "E4M3", "--rule", "RCEIL", "--block", 4, "--stages", "OUTPUT")
    shell = ("--interface", "Flat", "--reset", "ASYNC", "--reset-polarity", "Low")
    code, out, _ = run("generate", "Encoder", *words, "--source", "FP32", *shell)
    assert code == 0
    assert "build/mxsf_encoder_e4m3_b4_fp32_rceil_s_output_flat_async_low.v" in out
    np.save(tmp_path / "x.npy", np.ones((1, 32)))
    assert run("quantize", "x.npy", "x.npz", "--element", "MXSF", "--rule", "FLOOR")[0] == 0


def test_every_choice_is_read_in_any_case():
    choices = [p for d in CATALOGUE.values() for p in d.parameters if isinstance(p.kind, Choice)]
    assert choices
    for parameter in choices:
        for name in parameter.kind.table:
            assert parameter.read(name.upper()) == parameter.read(name)


def test_what_some_of_several_designs_use_is_taken():
    several = {"block": ("2",), "lanes": ("1", "2"), "storage": ("registers",)}
    assert len(of_options("encoder", several).all()) == 2
    with pytest.raises(ValueError, match="--storage registers has no effect"):
        of_options("encoder", several | {"lanes": ("2",)}).all()


def counted(run, tmp_path, *words):
    """Fabric and cells of each row of ``mxsf area``, by target."""
    code, out, _ = run("area", *words, "--json", "area.json")
    assert code == 0
    rows = json.loads((tmp_path / "area.json").read_text())["rows"]
    for row in rows:
        assert f" {row['parameters']['fabric']} " in out
    return {row["target"]: (row["parameters"]["fabric"], row["cells"]) for row in rows}


def test_the_fabric_follows_the_target(run, tmp_path):
    small = ("product_sum", "--block", 1, "--element", "e2m3", "--stages", 0)
    targets = ("--target", "generic", "--target", "ecp5", "--target", "ECP5-DSP")
    rows = counted(run, tmp_path, *small, *targets)
    follows = {"generic": "asic", "ecp5": "fpga", "ecp5-dsp": "dsp"}
    assert {target: fabric for target, (fabric, _) in rows.items()} == follows
    given = counted(run, tmp_path, *small, "--target", "ecp5", "--fabric", "asic")
    assert given["ecp5"][0] == "asic"
    assert counted(run, tmp_path, *small, "--target", "ecp5", "--fabric", "FPGA") == {
        "ecp5": rows["ecp5"]
    }


def test_timing_follows_the_target(run, monkeypatch):
    monkeypatch.setattr("mxsf.flow.cli.timing.place_and_route", planted := _Routed())
    code, out, _ = run("timing", "dot", "--target", "ice40", "--target", "ecp5-dsp")
    assert code == 0
    assert planted.seen == {"ice40": "fpga", "ecp5-dsp": "dsp"}
    assert [line.split()[3] for line in out.splitlines()[1:3]] == ["fpga", "dsp"]


class _Routed:
    """Place and route that notes the fabrics of what it is given."""

    def __init__(self):
        self.seen = {}

    def __call__(self, design, target, **_):
        self.seen[target] = design.values["fabric"]
        path = CriticalPath("a", "b", ())
        return Timing(target, "device", {}, {}, (Run(1, 99.0, path),))


@pytest.mark.long
def test_prove(run):
    code, out, _ = run("prove", "decoder", "--element", "e2m1")
    assert (code, out) == (
        0,
        "mxsf_decoder_e2m1: equal to the golden model for all inputs\n",
    )
    assert run("prove", "unpack", "--bits", 7, "--lanes", 8, "--stages", 0)[0] == 0


def test_a_failed_proof_exits_1(run, monkeypatch):
    monkeypatch.setattr("mxsf.flow.cli.prove.prove_equal", lambda *_, **__: False)
    monkeypatch.setattr("mxsf.flow.cli.prove.read_yosys", lambda _: PINNED)
    code, out, _ = run("prove", "decoder")
    assert (code, out) == (1, "mxsf_decoder_mxsf: some input tells it from the golden model\n")
