"""Netlist and Verilog: merged, readable, the same bytes anywhere, documented by the manifest."""

import json
import os
import re
import subprocess
import sys

import pytest
from designs import ACCELERATOR, exported, interfaces
from heads import ports
from mxsf.flow.catalogue.catalogue import CATALOGUE, variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import generate, verilog
from mxsf.flow.netlist.netlist import netlist
from mxsf.hdl import Encoder

SOME = [
    ("decoder", {}),
    ("decoder", {"element": "e5m2"}),
    ("encoder", {"block": 8}),
    ("encoder", {"block": 8, "lanes": 2, "stages": 4, "element": "int8"}),
    ("dot", {"block": 4}),
    ("dot", {"block": 4, "element": "e5m2", "lanes": 2, "outputs": 3, "fabric": "fpga"}),
    ("baseline", {"block": 4}),
    ("requantizer", {}),
    ("dot", {"block": 4, "element": "mxsf,e4m3", "interface": "flat"}),
    ("encoder", {"block": 4, "reset": "async", "polarity": "low"}),
    ("matmul", {"tile": 4, "pes": 2, "depth": 8, "element": "e2m1"}),
    ACCELERATOR,
]


@pytest.mark.parametrize(("name", "options"), SOME, ids=str)
def test_readable(name, options):
    design, text = exported(name, **options)
    code = re.sub(r"//.*", "", text)
    assert "\\" not in code, "no escaped identifiers"
    assert not re.search(r"[A-Za-z_]\w*\.[A-Za-z_]\w*\b(?!\()", code), "no dotted names"
    assert "src" not in text
    modules = re.findall(r"^module (\w+)", text, re.M)
    assert len(modules) == len(set(modules))
    assert design.top in modules
    assert all(m == design.top or m.startswith(f"{design.top}__") for m in modules)


@pytest.mark.parametrize(("name", "options"), SOME, ids=str)
def test_manifest_tells_the_ports(name, options):
    design, text = exported(name, **options)
    facts = manifest(design)
    declared = {
        port.name: {"direction": port.direction[:-3], "width": port.width}
        for port in ports(text)[design.top]
    }
    assert declared == {
        name: {key: port[key] for key in ("direction", "width")}
        for name, port in facts["ports"].items()
    }
    assert facts["schema"] == 1
    for stream, places in facts["payloads"].items():
        end = 0
        for place in places:
            assert place["offset"] == end
            end += place["width"] * place["length"]
        pieces = [p for p in facts["ports"].values() if p.get("stream") == stream]
        assert end == sum(p["width"] for p in pieces if p["role"] == "payload")
    assert facts["latency"] == (design.latency if facts["payloads"] or not design.clocked else None)
    assert json.loads(json.dumps(facts)) == facts


def test_same_bytes_again(tmp_path):
    design = variant("encoder", block=8, lanes=4)
    paths = generate(design, tmp_path / "a")
    program = (
        "import sys, pathlib; from mxsf.flow.catalogue.catalogue import variant;"
        "from mxsf.flow.export.verilog import generate;"
        "generate(variant('encoder', block=8, lanes=4), pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "b")]
    subprocess.run(command, check=True, cwd="/", env={**os.environ, "PYTHONHASHSEED": "12345"})
    for path in paths:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(p.name for p in paths)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    design = variant("decoder")
    path, _ = generate(design, tmp_path)
    before = path.read_text()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        generate(design, tmp_path)
    assert path.read_text() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_ports_stand_as_declared():
    text = verilog(variant("encoder", block=4, lanes=2))
    stream = [f"{s}__{role}" for s in "io" for role in ("payload", "valid", "ready")]
    names = {module: [port.name for port in declared] for module, declared in ports(text).items()}
    top = "mxsf_encoder_mxsf_b4_l2"
    for module in ("", "__search", "__banks", "__lanes"):
        assert names[top + module] == ["clk", "rst", *stream]
    assert names[f"{top}__placer"] == ["word", "origin", "placed"]
    assert names[f"{top}__incrementer"] == ["chosen", "code"]
    declared = ports(verilog(variant("baseline", block=4, method="window")))
    signed_first = [port.name for port in declared["mxsf_baseline_b4_window__normaliser"]]
    assert signed_first == ["value", "sign", "leading", "significand", "rest"]


def test_equal_modules_merge():
    design = netlist(Encoder(block=8, stages=3), "top")
    assert design.instances["top__placer"] == 8
    assert design.instances["top__largest_keys4"] == 4
    assert design.text.count("\nmodule ") + design.text.startswith("module ") <= 9


def test_names_are_unique_and_say_the_parameters():
    assert variant("encoder").top == "mxsf_encoder_mxsf_b32"
    assert variant("encoder", lanes=32).top == "mxsf_encoder_mxsf_b32"
    assert variant("decoder", element="e2m3+e2m1").top == "mxsf_decoder_e2m3e2m1"
    tops = set()
    count = 0
    for lanes in (1, 8, 32):
        for rule in ("floor", "rceil"):
            for source in ("bf16", "fp32"):
                for stages in (1, 2, 3):
                    tops.add(
                        variant("encoder", lanes=lanes, rule=rule, source=source, stages=stages).top
                    )
                    count += 1
    assert len(tops) == count
    nested, pair = (variant("dot", element=e, block=4).top for e in ("e2m3+e2m1", "e2m3,e2m1"))
    assert (nested, pair) == ("mxsf_dot_e2m3e2m1_b4", "mxsf_dot_e2m3_e2m1_b4")


def test_every_design_has_a_title_and_documented_parameters():
    for design in CATALOGUE.values():
        assert design.title
        assert all(parameter.help for parameter in design.parameters)


VHDL = r"[A-Za-z](?:_?[A-Za-z0-9])*"
"""An identifier of VHDL: IEEE 1076-1993, section 13.3."""

KEYWORDS_OF_VHDL = {
    *("abs", "access", "all", "array", "begin", "block", "body", "buffer", "bus", "case", "end"),
    *(
        "exit",
        "file",
        "for",
        "function",
        "group",
        "if",
        "in",
        "inout",
        "is",
        "label",
        "loop",
        "map",
    ),
    *("mod", "new", "next", "not", "null", "of", "on", "open", "others", "out", "port", "process"),
    *(
        "range",
        "record",
        "register",
        "rem",
        "report",
        "return",
        "select",
        "signal",
        "subtype",
        "to",
    ),
    *("type", "units", "until", "use", "variable", "wait", "when", "while", "with"),
}


@pytest.mark.parametrize("interface", ["stream", "flat", "axi"])
def test_default_names_are_short_and_flat_and_axi_ports_legal_in_vhdl(interface):
    for name in CATALOGUE:
        if interface not in interfaces(name):
            continue
        design = variant(name, interface=interface)
        assert len(design.top) < 64
        names = {design.top, *design.ports}
        assert all(re.fullmatch(VHDL, name) for name in names) == (
            interface != "stream" or name == "decoder"
        )
        assert not names & KEYWORDS_OF_VHDL
