"""Several designs go into one module and one compilation, in every tool that reads the packages."""

import re
import subprocess

import pytest
from designs import exported, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.extras import extras
from mxsf.sim.simulator.yosys import NATIVE, PINNED

DESIGNS = [
    ("encoder", {"block": 8, "interface": "axi"}),
    ("dot", {"block": 8, "lanes": 4, "element": "int8,e4m3", "outputs": 2}),
    ("decoder", {}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with three designs, their packages and templates, and a module of all three."""
    folder = tmp_path_factory.mktemp("composed")
    tops = []
    for name, options in DESIGNS:
        design, text = exported(name, **options)
        tops.append(design.top)
        for file, content in {f"{design.top}.v": text, **extras(design)}.items():
            (folder / file).write_text(content)
    (folder / "outer.sv").write_text(outer(*tops))
    return folder


def outer(encoder, dot, decoder, where=""):
    """A module that holds all three, reads fields of structs, and numbers of packages.

    Args:
        encoder, dot, decoder: names of their modules.
        where: pattern of what stands in front of a package's name; empty to import it.
    """
    inner = {top: where.format(top) for top in (encoder, dot)}
    imports = [f"  import {top}_pkg::*;" for top in inner if not where]
    lines = [
        *(f'`include "{top}_inst.vh"' for top in (encoder, dot, decoder)),
        f"  {inner[encoder]}{encoder}_s_axis_tdata_t words;",
        f"  {inner[dot]}{dot}_i_t beat;",
        f"  assign words = {encoder}_s_axis_tdata;",
        f"  assign beat = {dot}_i__payload;",
        f"  assign {decoder}_code = words.words[1][7:0] ^ beat.b.codes[2]",
        f"    ^ {inner[encoder]}{encoder}_BLOCK[7:0] ^ {inner[dot]}{dot}_B_BIAS[7:0];",
        f"  assign {encoder}_s_axis_tdata = {{16{{data}}}};",
        f"  assign {encoder}_s_axis_tkeep = {{16{{1'b1}}}};",
        f"  assign {dot}_i__payload = {{115{{data[0]}}}};",
        *(f"  assign {wire} = data[0];" for wire in driven(encoder, dot)),
        f"  assign out = ^ {{{decoder}_significand, {dot}_o__payload, {encoder}_m_axis_tdata}};",
    ]
    head = "module outer (input wire [7:0] data, output wire out);"
    return "\n".join([head, *imports, *lines, "endmodule", ""])


def driven(encoder, dot):
    """One-bit inputs of both."""
    axis = ("aclk", "aresetn", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready")
    yield from (f"{encoder}_{port}" for port in axis)
    yield from (f"{dot}_{port}" for port in ("clk", "rst", "i__valid", "o__ready"))


def names(folder, pattern):
    """Names of files."""
    return sorted(path.name for path in folder.glob(pattern))


def icarus(folder):
    """What Icarus says of the module: packages, checkers, and every ``.v`` of the folder."""
    command = ["iverilog", "-g2012", "-Wall", "-t", "null", "-s", "outer"]
    rest = ["outer.sv", *names(folder, "*.v"), *names(folder, "*_checker.sv")]
    files = [*names(folder, "*_pkg.sv"), *rest]
    done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def verilator(folder):
    """What Verilator says of it, with the waivers of each design, and properties bound into two."""
    command = ["verilator", "--lint-only", "-Wall", "-Wno-UNUSEDSIGNAL", "--assert"]
    rest = [
        "outer.sv",
        *(n for end in (".v", "_checker.sv", "_bind.sv") for n in names(folder, f"*{end}")),
    ]
    files = ["--top-module", "outer", *names(folder, "*.vlt"), *names(folder, "*_pkg.sv"), *rest]
    done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def yosys(folder, where):
    """Read it with Yosys's own reader, names of packages in front, or with slang; then check."""
    files = {path.name: path.read_text() for path in folder.iterdir()}
    packages, modules, checkers = (
        " ".join(names(folder, end)) for end in ("*_pkg.sv", "*.v", "*_checker.sv")
    )
    if where:
        tops = [variant(name, **options).top for name, options in DESIGNS]
        files["outer.sv"] = outer(*tops, where=where)
        read = f"read_verilog -sv {packages} {checkers} outer.sv\nread_verilog {modules}"
    else:
        read = f"read_slang {packages} {modules} {checkers} outer.sv --top outer"
    PINNED.run(f"{read}\nhierarchy -check -top outer\nproc\nflatten\ncheck -assert", files)


@pytest.mark.long
@needs_icarus
@needs_verilator
def test_three_designs_in_a_module(folder):
    assert icarus(folder) == ""
    assert verilator(folder) == ""
    yosys(folder, "{}_pkg::")


@pytest.mark.long
@pytest.mark.skipif(PINNED is not NATIVE, reason="only pyosys has slang")
def test_three_designs_in_a_module_by_slang(folder):
    yosys(folder, "")


@needs_icarus
def test_a_name_of_two_designs_is_caught(folder, tmp_path):
    """Without the module's name in front, wires collide."""
    for path in folder.iterdir():
        text = path.read_text()
        if path.name.endswith("_inst.vh"):
            text = re.sub(r"\b\w+_(clk|aclk)\b", "clock", text)
        (tmp_path / path.name).write_text(text)
    assert "clock" in icarus(tmp_path)


def test_every_name_begins_with_the_module():
    for name, options in DESIGNS:
        design, _ = exported(name, **options)
        texts = extras(design)
        package, instance = (texts[f"{design.top}{end}"] for end in ("_pkg.sv", "_inst.vh"))
        declared = re.findall(r"^  (?:localparam .*? (\w+) =|\} (\w+);)", package, re.M)
        declared += [(wire, "") for wire in re.findall(r"^wire .*?(\w+); //", instance, re.M)]
        assert len(declared) > 5
        assert all((one or other).startswith(f"{design.top}_") for one, other in declared)


def test_packages_say_the_numbers():
    def said(name, **options):
        design = variant(name, **options)
        package = extras(design)[f"{design.top}_pkg.sv"]
        return {
            constant.removeprefix(f"{design.top}_"): int(value)
            for constant, value in re.findall(r"localparam .*? (\w+) = (-?\d+);", package)
        }

    dot = said("dot", block=8, lanes=4, element="int8,e4m3")
    design = variant("dot", block=8, lanes=4, element="int8,e4m3")
    assert dot == {
        "LATENCY": design.latency,
        **{"BLOCK_BEATS": 2, "BLOCK": 8, "LANES": 4, "OUTPUTS": 0, "RESULT_BITS": 32},
        **{"A_CODE_BITS": 8, "A_BIAS": 6, "B_CODE_BITS": 8, "B_BIAS": 7},
    }
    assert said("decoder", element="e2m1") == {"LATENCY": 0, "CODE_BITS": 4, "BIAS": 1}
    numbers = said("requantizer", tile=4)
    assert (numbers["TILE"], numbers["BLOCK_BEATS"], numbers["SOURCE_BITS"]) == (4, 4, 32)
    assert "BLOCK" not in numbers


@pytest.mark.parametrize("tkeep", ["yes", "no"])
def test_tkeep_is_explained(tkeep):
    design, text = exported("encoder", block=8, interface="axi", tkeep=tkeep)
    texts = extras(design)
    package, instance = (texts[f"{design.top}{end}"] for end in ("_pkg.sv", "_inst.vh"))
    counts = tkeep == "yes"
    sentence = "unless tkeep keeps all of its bytes" if counts else "There is no tkeep"
    assert sentence in text
    assert sentence in package
    assert ("{16{1'b1}} where every beat is whole" in instance) == counts
    assert ("input wire [15:0] s_axis_tkeep" in text) == counts
