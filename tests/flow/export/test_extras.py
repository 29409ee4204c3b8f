"""Files beside the Verilog: other people's tools read them, and they say what the manifest says."""

import json
import re
import shutil
import subprocess

import pytest
from designs import ACCELERATOR, SMALL, interfaces, needs_icarus, needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.extras import extras, write_extras
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import verilog
from mxsf.flow.synth.timing import TARGETS
from mxsf.sim.simulator.yosys import PINNED

MANY = [*SMALL, ("dot", {"block": 4, "lanes": 2, "outputs": 3}), ("dot", {"element": "e3m4"})]


def text_of(design, end):
    return extras(design)[f"{design.top}{end}"]


@needs_icarus
@pytest.mark.parametrize(
    ("name", "options", "interface"),
    [
        *(
            (name, options, interface)
            for name, options in MANY[:4]
            for interface in interfaces(name)
        ),
        pytest.param(*ACCELERATOR, "axi", marks=pytest.mark.long),
    ],
    ids=str,
)
def test_the_instance_fits(name, options, interface, tmp_path):
    design = variant(name, interface=interface, **options)
    instance = text_of(design, "_inst.vh")
    (tmp_path / "design.v").write_text(verilog(design))

    def complaints(text):
        (tmp_path / "outer.v").write_text(f"module outer;\n{text}\nendmodule\n")
        command = ["iverilog", "-g2005", "-Wall", "-t", "null", "-s", "outer"]
        files = ["outer.v", "design.v"]
        done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True)
        return done.stderr

    assert complaints(instance) == ""
    port = next(name for name, (width, inwards) in design.ports.items() if inwards and width > 1)
    assert port in complaints(instance.replace(f".{port}(", ".no_port("))
    wire = f"{design.top}_{port};"
    assert "expects" in complaints(re.sub(rf"wire \[\d+:0\] {wire}", f"wire {wire}", instance))


def structs(facts):
    """Structs of a package: type, bits, and each member with its place in the manifest.

    On AXI each port has a struct with flat names; tlast is a bit and has none.
    """
    for stream, places in facts["payloads"].items():
        for port in dict.fromkeys(place.get("port") for place in places):
            group = [place for place in places if place.get("port") == port]
            names = [place["name"].split(".") for place in group]
            if port is None:
                width = sum(place["width"] * place["length"] for place in group)
            elif port.endswith("tlast"):
                continue
            else:
                width, names = facts["ports"][port]["width"], [["_".join(name)] for name in names]
            members = [[{"output": "output_"}.get(n, n) for n in name] for name in names]
            kind = f"{facts['top']}_pkg::{facts['top']}_{port or stream}_t"
            yield kind, width, list(zip(members, group, strict=True))


def struct_bench(cases):
    """SystemVerilog that marks each item of each field in a payload and looks for it in a struct.

    Args:
        cases: manifest of each design.
    """
    lines = []
    for facts in cases:
        for kind, width, members in structs(facts):
            lines += ["  begin", f"    automatic logic [{width - 1}:0] v; automatic {kind} s;"]
            lines += [f"    if ($bits(s) != {width}) wrong++;"]
            for names, place in members:
                member = ".".join(["s", *names])
                lines += [
                    f"    if ($bits({member}) != {place['width'] * place['length']}) wrong++;"
                ]
                for item in range(place["length"]):
                    piece = member + (f"[{item}]" if place["length"] > 1 else "")
                    low = place["offset"] + item * place["width"]
                    lines += [
                        f"    v = '0; v[{low} +: {place['width']}] = '1; s = {kind}'(v);",
                        f"    seen++; if (~{piece} != '0) wrong++;",
                        f"    s = {kind}'(~v); if ({piece} != '0) wrong++;",
                    ]
            lines += ["  end"]
    body = "\n".join(lines)
    return f"""module bench;
  int seen = 0, wrong = 0;
  initial begin
{body}
    $display("%0d seen %0d wrong", seen, wrong);
    $finish;
  end
endmodule
"""


def run_structs(folder, packages, cases):
    """Items that the bench saw and how many were wrong, by Verilator."""
    folder.mkdir()
    (folder / "bench.sv").write_text(struct_bench(cases))
    for number, text in enumerate(packages):
        (folder / f"p{number}.sv").write_text(text)
    files = [f"p{number}.sv" for number in range(len(packages))]
    build = ["verilator", "--binary", "-Wno-fatal", "--top-module", "bench", "-o", "bench"]
    subprocess.run([*build, *files, "bench.sv"], cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["./obj_dir/bench"], cwd=folder, check=True, capture_output=True)
    return tuple(map(int, re.search(rb"(\d+) seen (\d+) wrong", done.stdout).groups()))


@pytest.mark.long
@needs_verilator
def test_fields_land_on_the_offsets_of_the_manifest(tmp_path):
    streaming = [variant(name, **options) for name, options in MANY if name != "decoder"]
    streaming += [variant("dot", interface="axi", block=8, lanes=4, element="e2m3", outputs=2)]
    packages = [text_of(design, "_pkg.sv") for design in streaming]
    cases = [manifest(design) for design in streaming]
    items = sum(p["length"] for facts in cases for *_, fields in structs(facts) for _, p in fields)
    assert items > 200
    assert run_structs(tmp_path / "right", packages, cases) == (items, 0)

    first, second = re.findall(r"^    .* (?:first|words);.*\n", packages[0], re.M)[:2]
    swapped = packages[0].replace(first + second, second + first)
    assert swapped != packages[0]
    assert run_structs(tmp_path / "swapped", [swapped], cases[:1])[1] > 0


@needs_verilator
@pytest.mark.parametrize("name", ["encoder", "dot"])
def test_the_package_is_clean(name, tmp_path):
    design = variant(name, block=4)
    paths = write_extras(design, tmp_path)
    files = [path.name for path in paths if path.suffix in (".vlt", ".sv")]
    (tmp_path / f"{design.top}.v").write_text(verilog(design))
    lint = ["verilator", "--lint-only", "-Wall", *files, f"{design.top}.v"]
    done = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_keyword_is_no_member():
    text = text_of(variant("dot", block=4, outputs=2), "_pkg.sv")
    assert " output_;" in text
    assert not re.search(r" output;", text)


@pytest.mark.parametrize("end", [".sdc", ".xdc"])
@pytest.mark.parametrize("reset", ["sync", "async"])
def test_constraints(end, reset, tmp_path):
    design = variant("encoder", block=4, interface="flat", reset=reset, polarity="low")
    text = extras(design, period=2.5)[f"{design.top}{end}"]
    (clock,) = re.findall(r"^create_clock .*", text, re.M)
    assert "-period 2.5" in clock
    assert "[get_ports {clk}]" in clock
    named = set(re.findall(r"get_ports \{(\w+)\}", text))
    assert named <= set(manifest(design)["ports"])
    assert ("rst_n" in re.findall(r"set_false_path.*\{(\w+)\}", text)) == (reset == "async")

    if shutil.which("tclsh") is None:
        pytest.skip("needs tclsh for the rest")
    stubs = "".join(
        f"proc {name} args {{puts [list {name} $args]; return [lindex $args end]}}\n"
        for name in (
            *("create_clock", "get_ports", "set_input_delay", "set_output_delay"),
            *("all_inputs", "all_outputs", "set_false_path"),
        )
    )
    script = stubs + re.sub(r"^# (?=set_)", "", text, flags=re.M)
    done = subprocess.run(["tclsh"], input=script, capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.count("set_input_delay") == text.count("set_input_delay")


@pytest.mark.long
def test_nextpnr_takes_the_clock(tmp_path):
    design = variant("encoder", block=4)
    family = TARGETS["ecp5"]
    sdc = extras(design, period=8)[f"{design.top}.sdc"]
    script = f"read_verilog design.v\n{family.synthesis} -top {design.top} -json design.json"
    netlist = PINNED.run(script, {"design.v": verilog(design)}, read="design.json")
    options = ["--25k", "--package", "CABGA381", "--out-of-context", "--timing-allow-fail"]
    arguments = ["--json", "design.json", "--sdc", "design.sdc", "--report", "report.json"]
    files = {"design.json": netlist, "design.sdc": sdc}
    report = family.nextpnr.call([*options, *arguments], files, read="report.json")
    (clock,) = json.loads(report)["fmax"].values()
    assert clock["constraint"] == pytest.approx(125)


def test_what_a_design_needs():
    plain, table = variant("encoder", block=4), variant("decoder")
    ends = {name.removeprefix(plain.top) for name in extras(plain)}
    assert ends == {"_inst.vh", "_pkg.sv", "_checker.sv", "_bind.sv", ".sdc", ".xdc", ".vlt"}
    ends = {name.removeprefix(table.top) for name in extras(table)}
    assert ends == {"_inst.vh", "_pkg.sv", ".vlt"}
    wired = variant("pack", stages=0)
    ends = {name.removeprefix(wired.top) for name in extras(wired)}
    assert ends == {"_inst.vh", "_pkg.sv", "_checker.sv", ".vlt"}
