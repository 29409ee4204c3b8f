"""Vectors of a program in memory: the testbench that ships catches what is wrong."""

import re
import shutil
from dataclasses import replace

import pytest
from designs import ACCELERATOR, exported, needs_icarus, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.vectors import write_vectors
from mxsf.flow.simulate import simulate_verilog
from mxsf.sim.result import Stalls
from mxsf.sim.stimulus.program_vectors import program_vectors
from mxsf.sim.stimulus.programs import random_program
from testbenches import HARMS, again, icarus, spoil

STALLS = Stalls(0.7, 0.6, 3)
NAME, SMALL = ACCELERATOR
pytestmark = needs_icarus


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder with a testbench that passes, compiled: the folder, the design's name."""
    folder = tmp_path_factory.mktemp("program")
    design, _ = exported(NAME, **SMALL)
    write_vectors(design, folder, None, STALLS)
    status, printed = icarus(folder, design.top)
    assert printed.endswith("PASS\n")
    assert status == 0
    return folder, design.top


@pytest.fixture
def bench(compiled, tmp_path):
    """A copy of the folder to spoil, and the design's name."""
    folder, top = compiled
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path, top


def fails(ended, message):
    """Check that a run ended with an error, and said why."""
    status, printed = ended
    assert status != 0
    assert "\nFAIL\n" in printed
    assert re.search(f"^MISMATCH .*{message}", printed, re.M), printed


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["memory", "golden"])
def test_what_is_not_whole_is_an_error(name, harm, bench):
    folder, top = bench
    harm(folder / f"{top}_{name}.hex")
    fails(again(folder), f"{top}_{name}.hex has")


@pytest.mark.parametrize("line", [0, -1])
def test_a_wrong_byte_is_an_error(line, bench):
    folder, top = bench
    file = folder / f"{top}_golden.hex"
    spoil(file, line)
    place = 8 * (line % len(file.read_text().split()))
    fails(again(folder), f"memory at {place:08x} is ")


@pytest.mark.parametrize(
    "register",
    tiers(
        ["program_low"],
        ["program_low", "status", "descriptor_low", "count_steps_low", "count_scale_bytes_high"],
    ),
)
def test_a_wrong_register_is_an_error(register, bench):
    folder, top = bench
    file = folder / f"{top}_tb.v"
    found = re.compile(rf"(kind = COMPARE; at = 'h\w+; data = 'h)(\w+)(; says = \"{register}\")")
    wrong, count = found.subn(lambda m: f"{m[1]}{int(m[2], 16) ^ 1:08x}{m[3]}", file.read_text())
    assert count == 1
    file.write_text(wrong)
    fails(icarus(folder, top), f"{register} is ")


def broken(text, port, value):
    """The design with another value on an output; ``given`` in it is the right one."""
    width = re.search(rf"^  output wire (\[\d+:0\] )?{port}\b", text, re.M)[1] or ""
    right, count = re.subn(rf"\.{port}\({port}\)", f".{port}(given)", text, count=1)
    assert count == 1
    own = f"""  wire {width}given;
  reg tick = 0, seen = 0;
  always @(posedge aclk) tick <= ~ tick;
  always @(posedge aclk) seen <= seen | irq;
  assign {port} = {value};
"""
    return right.replace(");\n", f");\n{own}", 1)


BROKEN = [
    ("m_axi_wstrb", "given & ~ 2", "memory at"),
    ("m_axi_araddr", "m_axi_arready ? given : ~ given", "the payload of m_axi_ar changed"),
    ("m_axi_wvalid", "given & tick", "m_axi_wvalid fell"),
    ("m_axi_wvalid", "given ? given : 1'bx", "a valid, a ready or irq is unknown"),
    ("m_axi_wdata", "{given[63:1], 1'bx}", "the payload of m_axi_w is unknown"),
    ("m_axi_arsize", "2", "m_axi_ar is no burst of whole beats"),
    ("m_axi_awburst", "2", "m_axi_aw is no burst of whole beats"),
    ("m_axi_wlast", "~ given", "m_axi_wlast is wrong"),
    ("s_axi_rresp", "2", "status is refused"),
    ("s_axi_bvalid", "1'b1", "s_axi_b answers unasked"),
    ("s_axi_rdata", "given | 1 << 31", "status is 8"),
    ("irq", "1'b0", "no end by now"),
    ("irq", "given | seen", "the interrupt cannot be taken back"),
]


@pytest.mark.parametrize(("port", "value", "message"), tiers(BROKEN[:2], BROKEN))
def test_a_broken_design_is_caught(port, value, message, bench):
    folder, top = bench
    file = folder / f"{top}.v"
    file.write_text(broken(file.read_text(), port, value))
    fails(icarus(folder, top, f"-P{top}_tb.LIMIT=4000"), message)


def test_time_out_is_an_error(bench):
    folder, top = bench
    fails(icarus(folder, top, f"-P{top}_tb.LIMIT=200"), "no end by now")


def test_a_program_that_does_not_interrupt_is_refused():
    component = variant(NAME, **SMALL).component
    silent = random_program(component.built, 1, irq=False)
    with pytest.raises(ValueError, match="raise the interrupt at its END: fault NONE"):
        program_vectors(component, silent)
    silent.memory[silent.start : silent.start + 64] = 0
    with pytest.raises(ValueError, match="raise the interrupt at its END: fault OPCODE"):
        program_vectors(component, silent)


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        {"pes": 4},
        {"pes": 1, "bus": 512, "address": 64, "rounding": "stochastic", "reset": "async"},
        {"pes": 16, "bus": 128, "requantize": "no", "element": "int8", "outstanding": 1},
    ],
    ids=str,
)
def test_other_forms_pass(options):
    design = variant(NAME, tile=4, depth=16, **options)
    for seed in range(3):
        result = simulate_verilog(design, "icarus", None, replace(STALLS, seed=seed))
        assert result.passed, result.mismatches
        assert result.blocks > 0
