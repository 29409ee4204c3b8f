"""Nested expressions compute what Yosys wrote, and heads declare what it declared."""

import re

import pytest
from designs import SMALL, exported, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export import nesting
from mxsf.flow.export import verilog as export
from mxsf.flow.export.expression import read_expression
from mxsf.flow.export.nesting import COLUMNS, nested
from mxsf.sim.simulator.yosys import BUNDLED, PINNED, YosysError

ONE = """
hierarchy -check -top {top}
proc
flatten
memory
async2sync
opt_clean
rename {top} {name}
design -stash {name}
"""


def equal(top, gold, gate):
    """Fail where two Verilog files do not do the same, wire by wire of the same name."""
    script = "read_verilog gold.v" + ONE.format(top=top, name="gold")
    script += "read_verilog gate.v" + ONE.format(top=top, name="gate")
    script += """design -copy-from gold -as gold gold
design -copy-from gate -as gate gate
equiv_make gold gate equiv
hierarchy -top equiv
equiv_struct
equiv_simple -undef
equiv_induct -undef -seq 2
equiv_status -assert"""
    PINNED.run(script, {"gold.v": gold, "gate.v": gate})


def written(design):
    """What Yosys writes."""
    return BUNDLED.run(export.SCRIPT, {"design.il": design.netlist.text}, read="design.v")


# The proof of the others takes minutes; their benches run in other tests.
LARGE = ("dot", "baseline", "matmul", "accelerator", "product_sum")
PROVED = [case for case in SMALL if case[0] not in LARGE]


@pytest.mark.parametrize(
    "case", tiers(range(0, 3, 2), range(len(PROVED))), ids=lambda case: str(PROVED[case])
)
def test_nested_is_equal(case):
    name, options = PROVED[case]
    design, _ = exported(name, **options)
    plain = written(design)
    equal(design.top, plain, export.readable(plain, {}))


def test_what_is_not_equal_is_caught(monkeypatch):
    design, _ = exported("encoder", block=8, lanes=2)
    plain = written(design)
    monkeypatch.setattr(nesting, "_within", lambda outer, text, inner: text)
    with pytest.raises(YosysError, match="unproven"):
        equal(design.top, plain, export.readable(plain, {}))


def module(*lines):
    """A module as Yosys writes it, with names of several widths."""
    wires = {"a": 1, "b": 1, "c": 4, "d": 4, "e": 8, "_0_": 1, "_1_": 4, "_2_": 5}
    declared = [f"  wire {f'[{w - 1}:0] ' if w > 1 else ''}{name};" for name, w in wires.items()]
    return "\n".join(["module top(a);", *declared, *lines, "endmodule"])


@pytest.mark.parametrize(
    ("definition", "use", "wanted"),
    [
        ("_0_ = a & b", "e = _0_ ? e : 8'h00", "e = (a & b) ? e : 8'h00"),
        ("_0_ = | c", "e = e & { 7'h00, _0_ }", "e = e & { 7'h00, (| c) }"),
        ("_0_ = c == d", "e = e + _0_", "e = e + (c == d)"),
        ("_0_ = ~ a", "b = b | _0_", "b = b | ~a"),
        ("_0_ = ~ a", "b = ~ _0_", "b = ~ (~ a)"),
        ("_1_ = c + d", "c = _1_ & d", "c = (c + d) & d"),
        ("_1_ = c", "d = _1_ & { a, a, a, a }", "d = c & {4{a}}"),
        # Not: the carry would come back, a bit would be extended before it is inverted, ...
        ("_1_ = c + d", "e = _1_ + e", None),
        ("_1_ = ~ c", "e = e & _1_", None),
        ("_1_ = $signed(c) - $signed(d)", "c = a ? _1_ : d", None),
        ("_2_ = c + d", "e = e >> _2_", None),
        ("_1_ = c & d", "a = _1_[2] & b", None),
        ("_0_ = a & b", "c = { _0_, _0_, a, b }", None),
        ("_1_ = e >> c", "d = _1_ & c", None),
    ],
)
def test_where_an_expression_goes(definition, use, wanted):
    text = nested(module(f"  assign {definition};", f"  assign {use};"))
    seen = re.findall(r"^  assign (.*);$", text, re.M)
    if wanted is None:
        assert seen == [definition, use]
    else:
        assert seen == [wanted]
        assert f" {definition[:3]};" not in text


def test_long_lines_stay():
    name = "x" * 50
    wires = [f"  wire {name}{number};" for number in "01"]
    lines = [f"  assign _0_ = {name}0 & {name}1;", f"  assign b = _0_ | {name}1;"]
    text = module(*wires, *lines)
    assert nested(text) == text
    _, report = exported("dot", block=4)
    nests = [line for line in report.split("\n") if re.match(r"  assign \w+ = .*\(", line)]
    assert len(nests) > 50
    assert max(map(len, nests)) <= COLUMNS


def test_a_register_names_what_it_takes_on(monkeypatch):
    monkeypatch.setattr(nesting, "COLUMNS", 0)
    text = module("  reg r;", "  always @(posedge a)", "    r <= _0_;", "  assign _0_ = a & b;")
    assert "    r <= r_next;\n  assign r_next = a & b;" in nested(text)


def test_widths_and_places():
    found = read_expression("$signed(c) < $signed(e)", {"c": 4, "e": 8}, 1)
    assert (found.width, found.signed, found.closed) == (1, False, True)
    assert [place.width for (place,) in found.places.values()] == [0, 0]
    found = read_expression("a ? c : { 3'h0, b }", {"a": 1, "b": 1, "c": 4}, 6)
    assert (found.width, found.closed) == (4, False)
    assert {name: place.width for name, (place,) in found.places.items()} == {
        "a": 0,
        "c": 6,
        "b": 0,
    }


@pytest.mark.parametrize(("name", "most"), [("dot", 20), ("encoder", 10)])
def test_few_wires_have_no_name(name, most):
    text = export.verilog(variant(name, block=8))
    assert len(re.findall(r"^  (?:wire|reg) .*\b_\d+_", text, re.M)) <= most


def test_heads_say_what_modules_compute():
    _, text = exported("encoder", block=8, lanes=2)
    said = re.findall(r"^// (.*)\nmodule \w+ \($", text, re.M)
    assert len(said) == len(re.findall(r"^module ", text, re.M))
    assert "A stream of blocks of words to a stream of codes and scales." in said
