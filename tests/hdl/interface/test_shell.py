"""Shells: flat ports carry the same beats, and each kind of reset resets."""

import re
import subprocess

import pytest
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In
from designs import SMALL, check, exported, needs_gcc, needs_icarus
from mxsf.flow.catalogue import interfaces
from mxsf.flow.catalogue.catalogue import CATALOGUE, variant
from mxsf.flow.export.verilog import verilog
from mxsf.hdl.interface.flat import flat_links
from mxsf.hdl.interface.link import Link
from mxsf.hdl.interface.shell import has_state
from mxsf.sim.result import Stalls
from mxsf.sim.simulator.verilog import run_verilog

STALLS = Stalls(0.7, 0.6, 3)
FLAT = [(name, options) for name, options in SMALL if "flat" in CATALOGUE[name].interfaces]
RESETS = [(reset, polarity) for reset in ("sync", "async") for polarity in ("high", "low")]


def run(design):
    """Run a design with flat ports in its testbench."""
    return run_verilog(
        verilog(design),
        design.top,
        design.vectors(),
        STALLS,
        clocking=design.clock,
        links=flat_links(design.component),
    )


def test_small_designs_are_the_whole_catalogue():
    assert {name for name, _ in SMALL} == set(CATALOGUE)


@needs_icarus
@pytest.mark.parametrize(("name", "options"), FLAT, ids=str)
def test_flat_ports_carry_every_beat(name, options):
    result = run(variant(name, interface="flat", **options))
    assert result.passed, result.mismatches


@needs_icarus
def test_swapped_fields_are_caught(monkeypatch):
    def swapped(core):
        links = flat_links(core)
        return links | {"i_a_codes": links["i_b_codes"], "i_b_codes": links["i_a_codes"]}

    options = {"element": "mxsf,e4m3", "block": 4, "interface": "flat"}
    assert run(variant("dot", **options)).passed
    monkeypatch.setattr(interfaces, "flat_links", swapped)
    assert run(variant("dot", **options)).count > 0


def test_flat_ports_cover_every_bit():
    for name, options in FLAT:
        design = variant(name, interface="flat", **options)
        plain = variant(name, **options)
        covered = {port: set() for port in plain.ports}
        for port, link in design.links.items():
            assert design.ports[port] == (link.width, plain.ports[link.port][1])
            bits = set(range(link.offset, link.offset + link.width))
            assert not bits & covered[link.port]
            covered[link.port] |= bits
        assert {port: len(bits) for port, bits in covered.items()} == {
            port: width for port, (width, _) in plain.ports.items()
        }


def test_flat_names():
    ports = variant("dot", block=4, lanes=2, outputs=2, interface="flat").ports
    assert {"i_a_codes", "i_a_scale", "i_acc", "i_first", "i_valid", "i_ready", "o_acc"} <= set(
        ports
    )
    links = variant("matmul", tile=4, pes=2, depth=8, interface="flat").links
    assert links["counters_cycles"] == Link("counters__cycles", 0, 32, True)
    assert links["command_a_base"].field == "a_base"
    assert links["abort"].port == "abort"


class Clash(wiring.Component):
    i: In(stream.Signature(data.StructLayout({"valid": 1})))


def test_flat_names_must_differ():
    with pytest.raises(ValueError, match="'i_valid' would be both"):
        flat_links(Clash())


@pytest.mark.parametrize(("name", "options"), SMALL, ids=str)
def test_state_is_known_without_a_netlist(name, options):
    design, _ = exported(name, **options)
    assert has_state(design.component) == design.netlist.clocked


@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        ({}, ""),
        ({"interface": "flat"}, "_flat"),
        ({"interface": "flat", "reset": "async", "polarity": "low"}, "_flat_async_low"),
        ({"reset": "sync", "polarity": "high"}, ""),
        ({"polarity": "low"}, "_low"),
    ],
)
def test_top_says_the_shell(options, suffix):
    assert variant("encoder", **options).top == f"mxsf_encoder_mxsf_b32{suffix}"


def test_bad_shells():
    with pytest.raises(ValueError, match="unknown interface 'axi9': use stream, flat, axi"):
        variant("encoder", interface="axi9")
    with pytest.raises(ValueError, match="unknown reset 'both': use sync or async"):
        variant("encoder", reset="both")
    with pytest.raises(ValueError, match="no reset polarity 'up': use high or low"):
        variant("encoder", polarity="up")
    design = variant("decoder", reset="async")
    with pytest.raises(ValueError, match="no reset can be asynchronous, active high"):
        verilog(design)


@pytest.mark.parametrize("name", ["encoder", "matmul"])
def test_an_asynchronous_reset_reaches_every_register_with_a_reset(name):
    options = dict(next(options for design, options in SMALL if design == name))
    changes = {}
    for reset in ("sync", "async"):
        text = verilog(variant(name, reset=reset, **options))
        at_edge, at_once = 0, 0
        for module in text.split("endmodule"):
            # Pieces of one register count once.
            at_edge += len(set(re.findall(r"(\w+)(?:\[[\d:]+\])? <?= rst \?", module)))
            at_once += len(re.findall(r"@\(posedge clk, posedge rst\)\n\s+if \(rst\)", module))
        changes[reset] = at_edge, at_once
    assert changes["sync"][0] > 5
    assert changes["async"] == changes["sync"][::-1]


@pytest.mark.parametrize(
    ("simulator", "reset", "polarity"),
    [
        *(("amaranth", *kind) for kind in RESETS),
        *(
            pytest.param(
                *("cxxrtl", *kind),
                marks=[needs_gcc] if kind == RESETS[-1] else [needs_gcc, pytest.mark.long],
            )
            for kind in RESETS
        ),
    ],
)
def test_every_cycle_is_that_of_the_design(simulator, reset, polarity):
    design = variant("encoder", block=4, lanes=2, interface="flat", reset=reset, polarity=polarity)
    check(design, simulator, STALLS)


# A reset between two rising edges, while an output waits: the output must go before the next edge
# if the reset is asynchronous, else with it; then the design must work as after power-up.
RESET_BENCH = """
module bench;
  reg clk = 0, rst = 1, go = 0;
  wire valid;
  TOP dut (.clk(clk), .PORT(ACTIVE), .i_valid(go), .i_words(64'h3f80_4000_c080_3f00),
    .o_ready(1'b0), .o_valid(valid));
  always #5 clk = ~clk;
  initial begin
    repeat (2) @(posedge clk);
    #1 rst = 0; go = 1;
    repeat (6) @(posedge clk);
    #1 $display("full %b", valid);
    #2 rst = 1; go = 0;
    #1 $display("before the edge %b", valid);
    @(posedge clk);
    #1 $display("after the edge %b", valid);
    #2 rst = 0;
    repeat (3) @(posedge clk);
    #1 $display("empty %b", valid);
    go = 1;
    repeat (6) @(posedge clk);
    #1 $display("full %b", valid);
    $finish;
  end
endmodule
"""


def reset_in_mid_stream(folder, design, text):
    """What the bench prints for a design, by Icarus."""
    active = "~rst" if design.clocking.active_low else "rst"
    bench = RESET_BENCH.replace("TOP", design.top).replace("ACTIVE", active)
    (folder / "design.v").write_text(text)
    (folder / "bench.v").write_text(bench.replace("PORT", design.clocking.reset))
    compiler = ["iverilog", "-g2005", "-o", "bench", "bench.v", "design.v"]
    subprocess.run(compiler, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=folder, check=True, capture_output=True)
    return [line.rsplit(" ", 1) for line in done.stdout.decode().splitlines()]


@needs_icarus
@pytest.mark.parametrize(("reset", "polarity"), RESETS)
def test_reset(reset, polarity, tmp_path):
    design = variant("encoder", block=4, stages=2, interface="flat", reset=reset, polarity=polarity)
    seen = reset_in_mid_stream(tmp_path, design, verilog(design))
    before = "0" if reset == "async" else "1"
    assert seen == [
        ["full", "1"],
        ["before the edge", before],
        ["after the edge", "0"],
        ["empty", "0"],
        ["full", "1"],
    ]
    assert run(design).passed


@needs_icarus
def test_a_reset_that_waits_for_the_edge_is_caught(tmp_path):
    design = variant("encoder", block=4, stages=2, interface="flat", reset="async")
    planted = verilog(design).replace("posedge clk, posedge rst", "posedge clk")
    assert ["before the edge", "1"] in reset_in_mid_stream(tmp_path, design, planted)
