"""Timing: harness, names of mapped nets, critical paths, and real place and route."""

import copy
import json

import pytest
from commands import command
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.synth import timing as module
from mxsf.flow.synth.area import area
from mxsf.flow.synth.critical_path import Labels, critical_path
from mxsf.flow.synth.harness import harness
from mxsf.flow.synth.net_names import matched, names
from mxsf.flow.synth.timing import TARGETS, Nextpnr, Run, Timing, check_options, read_report, timing
from mxsf.sim.simulator.program import ToolError


def net(*bits, hide=0):
    return {"hide_name": hide, "bits": list(bits)}


def cell(kind, outputs, **pins):
    directions = {pin: "output" if pin in outputs else "input" for pin in pins}
    parameters = {pin: pins.pop(pin) for pin in list(pins) if isinstance(pins[pin], str)}
    return {
        "type": kind,
        "parameters": parameters,
        "port_directions": directions,
        "connections": {pin: [bit] for pin, bit in pins.items()},
    }


REFERENCE = {
    "ports": {},
    "cells": {
        "g0": cell("$_AND_", "Y", A=1, B=2, Y=4),
        "g1": cell("$_XOR_", "Y", A=4, B=3, Y=5),
    },
    "netnames": {
        "state": net(1, 2, 3),
        "state_low": net(1, 2),
        "finder.both": net(4),
        "finder.signal_2": net(4),
        "odd": net(5),
    },
}
DESIGN = {
    "ports": {"o": {"direction": "output", "bits": [15]}, "clk": {"direction": "input"}},
    "cells": {
        # not both, then odd from it
        "$abc$1": cell("LUT4", "Z", INIT="0111" * 4, A=11, B=12, Z=14),
        "$abc$2": cell("LUT4", "Z", INIT="1001" * 4, A=14, B=13, Z=15),
        "$auto$9": cell("TRELLIS_FF", "Q", DI=15, Q=11),
        "$mul$1": cell("MULT18X18D", "P", A0=15, P0=13) | {"port_directions": {"P0": "output"}},
        "memory.0.0": cell("DP16KD", (), DIA0=15),
    },
    "netnames": {"state": net(11, 12, 13), "$abc$n": net(14, hide=1), "$abc$m": net(15, hide=1)},
}
HARNESS = {
    "cells": {
        "dut": {"type": "top", "connections": {"o": [25]}},
        "$auto$7": cell("TRELLIS_FF", "Q", DI=25, Q=26),
    },
    "netnames": {"o": net(26), "dut_o": net(25), "clk": net(27)},
    "ports": {},
}


def hop(kind, delay, source, sink, wire=None):
    ends = {"from": {"cell": source, "port": "X", "loc": [1, 2]}, "to": {"cell": sink, "port": "Y"}}
    ends["to"]["loc"] = [3, 4]
    return {"type": kind, "delay": delay, **ends, **({"net": wire} if wire else {})}


PATH = [
    hop("clk-to-q", 0.5, "dut.$auto$9", "dut.$auto$9"),
    hop("routing", 1.0, "dut.$auto$9", "dut.$abc$1", "dut.state[0]"),
    hop("logic", 0.25, "dut.$abc$1", "dut.$abc$1"),
    hop("routing", 0.0, "dut.$abc$1", "dut.$abc$2", "dut.$abc$n"),
    hop("logic", 0.25, "dut.$abc$2", "dut.$abc$2"),
    hop("routing", 0.5, "dut.$abc$2", "$auto$7", "dut.$abc$m"),
    hop("setup", 0.0, "$auto$7", "$auto$7"),
]
REPORT = {
    "fmax": {"clk": {"achieved": 400.0, "constraint": 200}},
    "utilization": {
        "TRELLIS_COMB": {"used": 2, "available": 9},
        "DCCA": {"used": 0, "available": 1},
    },
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": [hop("routing", 99.0, "p", "q")]},
        {"from": "posedge clk", "to": "posedge clk", "path": PATH},
    ],
}


def labels():
    return Labels({"": HARNESS, "dut.": DESIGN}, matched(REFERENCE, DESIGN))


def test_names_are_the_most_specific():
    assert names(REFERENCE)[1][0] == "state_low[0]"
    assert names(REFERENCE)[4] == ["finder.both", "finder.signal_2"]


def test_mapped_nets_get_the_names_of_equal_signals():
    assert matched(REFERENCE, DESIGN) == {
        **{11: "state[0]", 12: "state[1]", 13: "state[2]"},
        14: "~finder.both",
        15: "odd",
    }
    other = copy.deepcopy(DESIGN)
    other["cells"]["$abc$1"]["parameters"]["INIT"] = "0110" * 4
    assert 14 not in matched(REFERENCE, other)


ADDER = {
    "$_XOR_": [(1, 2, 11), (11, 5, 21), (3, 4, 12), (12, 15, 22)],  # halves, sums
    "$_AND_": [(1, 2, 13), (11, 5, 14), (3, 4, 16), (12, 15, 17)],
    "$_OR_": [(13, 14, 15), (16, 17, 23)],  # carries
}


@pytest.mark.parametrize(
    "cells",
    [
        {
            "c": cell(
                "CCU2C",
                ("S0", "S1", "COUT"),
                **{"INIT0": "1001011010101010", "INIT1": "1001011010101010"},
                **{"INJECT1_0": "NO", "INJECT1_1": "NO", "CIN": 5, "A0": 1, "B0": 2},
                **{"A1": 3, "B1": 4, "S0": 31, "S1": 32, "COUT": 33},
            )
        },
        {
            "k0": cell("SB_CARRY", "CO", I0=1, I1=2, CI=5, CO=30),
            "k1": cell("SB_CARRY", "CO", I0=3, I1=4, CI=30, CO=33),
            "s0": cell("SB_LUT4", "O", LUT_INIT="10010110" * 2, I0=1, I1=2, I2=5, O=31),
            "s1": cell("SB_LUT4", "O", LUT_INIT="10010110" * 2, I0=3, I1=4, I2=30, O=32),
        },
    ],
    ids=["ecp5", "ice40"],
)
def test_carry_chains_compute_sums(cells):
    if "c" in cells:
        cells["c"]["connections"] |= {"C0": ["0"], "C1": ["0"], "D0": ["1"], "D1": ["1"]}
    inputs = {"a": net(1, 3), "b": net(2, 4), "carry": net(5)}
    gates = {
        f"{kind}{y}": cell(kind, "Y", A=a, B=b, Y=y)
        for kind, some in ADDER.items()
        for a, b, y in some
    }
    reference = {
        "cells": gates,
        "netnames": inputs | {"sum": net(21, 22), "over": net(23)},
    }
    mapped = {"cells": cells, "netnames": inputs | {"$1": net(31, 32, 33, hide=1)}}
    named = matched(reference, mapped)
    assert (named[31], named[32], named[33]) == ("sum[0]", "sum[1]", "over")


def test_critical_path():
    path = critical_path(REPORT, labels())
    assert (path.start, path.end) == ("state[0]", "port o")
    assert path.passed() == ["finder.both", "odd"]
    assert (path.delay, path.routing, path.logic, path.wires) == (2.5, 1.5, 1.0, 2)
    assert str(path) == (
        "2.50 ns = 1.00 logic + 1.50 routing over 2 wires:\n  state[0] > finder.both > odd > port o"
    )
    row = json.loads(json.dumps(path.row()))
    assert [step["net"] for step in row["steps"] if step["kind"] == "routing"] == [
        *("state[0]", "~finder.both", "odd")
    ]
    with pytest.raises(ValueError, match="no path from register to register"):
        critical_path({"critical_paths": REPORT["critical_paths"][:1]}, labels())


def test_names_of_registers():
    named = labels()
    assert named.register("$auto$7") == "port o"  # the harness
    assert named.register("dut.$abc$2_LC") == "state[0]"  # iCE40: the LUT in front of it
    assert named.register("dut.memory.0.0") == "memory.0.0"  # no register, but a name
    assert named.register("dut.$mul$1") == "MULT18X18D of state[2]"
    assert named.register("$nextpnr_1", "dut.state[1]") == "state[1]"


def test_report():
    run, used = read_report(REPORT, 7, labels())
    assert (run.seed, run.fmax, used) == (7, 400.0, {"TRELLIS_COMB": (2, 9)})
    with pytest.raises(ToolError, match="2 clocks, not one"):
        read_report(REPORT | {"fmax": {"a": 1, "b": 2}}, 1, labels())


def test_median():
    path = critical_path(REPORT, labels())
    runs = tuple(Run(seed, fmax, path) for seed, fmax in enumerate([9.0, 5.0, 7.0, 8.0], 1))
    timed = Timing("ecp5", "85k-6", {"LUT4": 2}, {"TRELLIS_COMB": (2, 9)}, runs)
    assert (timed.fmax, timed.median.seed, timed.range) == (7.0, 3, (5.0, 9.0))
    row = json.loads(json.dumps(timed.row()))
    assert (row["fmax"], row["median_seed"], len(row["runs"])) == (7.0, 3, 4)


@pytest.mark.parametrize("pins", [False, True])
def test_harness(pins):
    text = harness(variant("decoder").netlist, pins)
    assert ".clk" not in text
    assert text.count("input") == 2  # clock and data
    assert ("pin_out" in text) == pins
    text = harness(variant("encoder", block=2).netlist, pins)
    for port in ("i__payload", "i__valid", "o__ready", "rst"):
        assert f".{port}({port})" in text
    assert ".clk(clk)" in text
    assert "o__payload <= dut_o__payload" in text
    assert ("fold2" in text) == pins  # 26 bits, 7, 2, 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "asic"}, "unknown target 'asic': use ecp5, ecp5-dsp, ice40"),
        ({"seeds": 0}, "seeds must be at least 1, not 0"),
        ({"frequency": -1}, "frequency must be above 0 MHz, not -1"),
        ({"device": "up5k"}, "unknown device 'up5k' for ecp5: use 85k, 45k, 25k"),
        ({"speed": "5"}, "unknown speed grade '5' for ecp5: use 6, 7, 8"),
        ({"target": "ice40", "speed": "6"}, "unknown speed grade '6' for ice40: it has none"),
    ],
)
def test_bad_options(monkeypatch, capsys, options, message):
    with pytest.raises(ValueError, match=message):
        check_options(**{"target": "ecp5"} | options)
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    assert command(monkeypatch, "timing", "decoder", *words) == 2
    told = {
        "seeds": "Invalid value for '--seeds': seeds must be 1 to 100, not 0",
        "frequency": "Invalid value for '--frequency': frequency must be 0.001 to 10000 MHz, "
        "not -1",
    }
    assert capsys.readouterr().err == f"error: {told.get(next(iter(options)), message)}\n"


def test_defaults():
    assert check_options("ecp5") == (TARGETS["ecp5"], "85k", "6")
    assert check_options("ice40") == (TARGETS["ice40"], "hx8k", None)


def test_missing_tool_says_what_to_install(monkeypatch):
    missing = Nextpnr(("false",), "nextpnr", needs="no_such_package", hint="pip install it")
    family = module.replace(TARGETS["ecp5"], nextpnr=missing)
    monkeypatch.setitem(TARGETS, "ecp5", family)
    with pytest.raises(ToolError, match="nextpnr is not installed: pip install it"):
        timing(variant("decoder"))


def test_errors_of_nextpnr_are_quoted():
    tool = Nextpnr(("false",), "nextpnr")
    assert tool.reason("Warning: a\nERROR: no BELs\n1 warning, 1 error") == "ERROR: no BELs"
    assert tool.reason("one\ntwo") == "one two"


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_place_and_route(target):
    design = variant("encoder", block=4, stages=3, fabric="fpga")
    timed = timing(design, target, seeds=1)
    assert 20 < timed.fmax < 500
    assert timed.fmax == pytest.approx(1e3 / timed.median.path.delay, rel=0.02)
    counted = area(design.netlist, target)  # the harness changes nothing in the design
    cells = (timed.cells["LUT4"], timed.cells["FF"], timed.cells["carry"])
    assert cells == (counted.luts, counted.flip_flops, counted.carries)
    path = timed.median.path
    assert not any("$" in name for name in (path.start, *path.passed(), path.end))
    assert len(path.passed()) > 1
    if target != "ice40":
        ports = 4 * 16 + 4 * 8 + 8 + 4 + 1  # words, codes, scale, handshakes, reset
        assert timed.used["TRELLIS_FF"][0] == counted.flip_flops + ports


@pytest.mark.long
@pytest.mark.parametrize("target", ["ecp5", "ice40"])
def test_combinational_design(target):
    path = timing(variant("decoder"), target, seeds=1).median.path
    assert path.start.startswith("port code[")
    assert path.end.startswith("port ")


@pytest.mark.long
def test_same_seed_same_figure_and_requirement(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ["decoder", "--element", "mxsf", "--element", "e4m3", "--seeds", "2"]
    assert command(monkeypatch, "timing", *words, "--json", "new/1.json") == 0
    assert command(monkeypatch, "timing", *words, "--json", "2.json", "--require", "5000") == 1
    seen = capsys.readouterr()
    assert "mxsf_decoder_mxsf on ecp5" in seen.out
    assert "MHz, below the 5000 MHz that are required" in seen.err
    assert (tmp_path / "new/1.json").read_text() == (tmp_path / "2.json").read_text()
    rows = json.loads((tmp_path / "2.json").read_text())["rows"]
    assert [row["top"] for row in rows] == ["mxsf_decoder_mxsf", "mxsf_decoder_e4m3"]
    assert all(len(row["runs"]) == 2 for row in rows)


@pytest.mark.long
def test_a_design_that_does_not_fit(monkeypatch):
    small = {"hx1k": ("--hx1k --package vq100", "-device hx")}
    monkeypatch.setitem(TARGETS, "ice40", module.replace(TARGETS["ice40"], devices=small))
    with pytest.raises(ToolError, match="b16 on hx1k: YoWASP nextpnr-ice40 failed: ERROR"):
        timing(variant("encoder", block=16), "ice40", 1)
