"""The matrix engine on AXI: registers answer as described, and the golden machine's tiles leave."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from designs import needs_gcc, needs_icarus
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.register_map import register_files
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import cxxrtl_simulator
from mxsf.golden.engine.machine import Command, Fault, Opcode, Output
from mxsf.golden.formats.catalogue import FORMATS, parse
from mxsf.golden.formats.element import ElementFormat
from mxsf.hdl.engine.matmul import Matmul, machine
from mxsf.hdl.engine.register_map import engine_registers
from mxsf.hdl.register_map import Access, BitField, Register, check_registers
from mxsf.sim.interface import axi_engine
from mxsf.sim.interface.axi_engine import run_axi_engine
from mxsf.sim.result import NO_STALLS, Result, Stalls
from mxsf.sim.simulator.verilog import run_verilog
from mxsf.sim.stimulus.script import RandomScripts, Script, Writer, random_tiles, tensor_script
from mxsf.sim.stimulus.vectors import Column
from planted import Planted, on

STALLS = Stalls(0.7, 0.6, 3)
needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


@pytest.fixture(scope="module")
def design():
    return variant("matmul", interface="axi", tile=4, pes=2, depth=8, element="e2m1")


@pytest.fixture(scope="module")
def simulator(design):
    return cxxrtl_simulator(design)


def scripts(design, count=2):
    return RandomScripts(design.component, np.random.default_rng(1), count)


@needs_gcc
def test_random_commands(design, simulator):
    result = run_axi_engine(simulator, design.outside, scripts(design, 4), STALLS)
    assert result.passed, result.mismatches
    assert result.blocks > 20


@needs_gcc
@pytest.mark.parametrize("commands", [1, 2, 3, 4])
def test_an_abort_leaves_nothing_behind(design, simulator, commands):
    values = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    script = tensor_script(design.component, values)
    for seed in range(4):
        stalls = Stalls(0.7, 0.6, seed)
        result = run_axi_engine(simulator, design.outside, [script], stalls, abort_after=commands)
        assert result.passed, result.mismatches


@needs_gcc
def test_latency(design, simulator, monkeypatch):
    """From the write to push of a one-tile product to the first row."""
    writer = Writer(design.component, machine(design.component))
    random = np.random.default_rng(0)
    for opcode in (Opcode.LOAD_A, Opcode.LOAD_B):
        writer.write(Command(opcode), random_tiles(random, design.component, 1))
    writer.write(Command(Opcode.MULTIPLY, output=Output.WORDS))
    pushed, pulled = [], []
    step = axi_engine._Bench.step

    async def watched(bench):
        moved = await step(bench)
        pushed.extend([bench.result.cycles] * (moved.get("aw", {}).get("s_axi_awaddr") == 0x30))
        pulled.extend([bench.result.cycles] * ("m_axis_o" in moved))
        return moved

    monkeypatch.setattr(axi_engine._Bench, "step", watched)
    monkeypatch.setattr(axi_engine, "_DISTURBED", 0)
    assert run_axi_engine(simulator, design.outside, [writer.script]).passed
    assert pulled[0] - pushed[-1] == design.latency


@needs_gcc
def test_a_command_that_waits_is_seen(design, simulator):
    """A load whose tiles do not come is under way, those behind it wait, until push is refused."""
    result, seen = Result("seen"), []

    async def testbench(pins):
        bench = axi_engine._Bench(pins, design.outside, NO_STALLS, result)
        await bench.bus.reset()
        bench._expect(Script())
        host = bench.host
        seen.append(await host.read("status"))
        while await host.write("push", 1) and len(seen) < 9:
            seen.append(await host.read("status"))
            await host.write("command_op", Opcode.LOAD_A)
            await host.write("command_size", 1)
            await host.write("command_depth", 1)
        assert await host.write("push", 0)
        assert await host.read("error") == Fault.OPCODE

    simulator.run(testbench)
    # Empty; the first is bad and soon done; then one loads, one is checked, one waits to be.
    assert seen == [0b00, 0b01, 0b01, 0b01, 0b11]
    assert not result.count


PLANTED = {
    "write of": {"change": on("s_axi_bresp", lambda v, pins: 0)},
    "write at": {"change": on("s_axi_bresp", lambda v, pins: 0)},
    "response of": {"change": on("s_axi_rresp", lambda v, pins: 2)},
    "b answers before": {"change": on("s_axi_bvalid", lambda v, pins: 1)},
    "command_": {"drive": on("s_axi_wstrb", lambda v, pins: 0b1111)},
    # It falls only where no beat moves: one that moved unseen would leave the host waiting.
    "s_axi_rvalid fell": {
        "change": on("s_axi_rvalid", lambda v, p: v & (p.ticks % 2 | p.driven["s_axi_rready"]))
    },
    "s_axi_wready depends": {
        "change": on("s_axi_wready", lambda v, p: v & p.driven["s_axi_awvalid"])
    },
    "steps grew": {"change": on("s_axi_rdata", lambda v, p: v + (v > 0x20) * p.ticks)},
    "m_axis_o_tdata of beat": {"change": on("m_axis_o_tdata", lambda v, pins: v ^ 1)},
}


@needs_gcc
@pytest.mark.parametrize("problem", PLANTED)
def test_a_wrong_answer_is_caught(design, simulator, problem, monkeypatch):
    monkeypatch.setattr(axi_engine, "_DISTURBED", 1)
    planted = Planted(simulator, **PLANTED[problem])
    result = run_axi_engine(planted, design.outside, scripts(design), STALLS)
    assert any(problem in line for line in result.mismatches), result.mismatches


DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include "mxsf_matmul_regs.h"

#define SAYS(base, name, field) \\
    MXSF_MATMUL_GET(mxsf_matmul_read(base, MXSF_MATMUL_##name), name##_##field)
#define CAN(base, field) SAYS(base, CAPABILITY, field)

int main(int count, char **words)
{
    static uint32_t memory[1024];
    uintptr_t base = (uintptr_t)memory;
    for (int i = 1; i + 1 < count; i += 2)
        memory[strtoul(words[i], NULL, 0) / 4] = (uint32_t)strtoul(words[i + 1], NULL, 0);
    if (mxsf_matmul_read(base, MXSF_MATMUL_ID) != MXSF_MATMUL_ID_IS)
        return 1;
    mxsf_matmul_write(base, MXSF_MATMUL_PUSH, MXSF_MATMUL_PUSH_GO_MASK);
    printf("%u %u %u %u %u %u\\n", CAN(base, TILE), CAN(base, CODE_BITS), CAN(base, PES),
           CAN(base, REQUANTIZE), CAN(base, STOCHASTIC),
           mxsf_matmul_read(base, MXSF_MATMUL_TILES));
    printf("%u %u %u %u %u %u %u %u %u\\n", SAYS(base, ELEMENT, EXPONENT_BITS),
           SAYS(base, ELEMENT, MANTISSA_BITS), SAYS(base, ELEMENT, BIAS),
           SAYS(base, ELEMENT, SPECIAL), SAYS(base, ELEMENT, NESTED),
           SAYS(base, NESTED, EXPONENT_BITS_1), SAYS(base, QUANTIZER, RULE),
           SAYS(base, QUANTIZER, OVERFLOW), SAYS(base, ELEMENT, SCALE));
    return memory[MXSF_MATMUL_PUSH / 4] != 1;
}
"""

ENGINES = [
    {"tile": 4, "pes": 2, "depth": 8, "element": "e2m1"},
    {"tile": 8, "pes": 1, "depth": 2, "rounding": "stochastic", "reset": "async"},
    {"tile": 4, "pes": 16, "depth": 300, "requantize": "no", "prefix": "acme_"},
    {"tile": 4, "pes": 1, "depth": 2, "element": "e5m2", "rule": "rceil", "overflow": "ovf"},
]


@needs_cc
def test_a_driver_is_compiled_once_for_all_engines(tmp_path):
    engines = [variant("matmul", interface="axi", **options) for options in ENGINES]
    headers = {register_files(engine)["mxsf_matmul_regs.h"] for engine in engines}
    (header,) = headers
    (tmp_path / "mxsf_matmul_regs.h").write_text(header)
    (tmp_path / "driver.c").write_text(DRIVER)
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", "driver", "driver.c"]
    subprocess.run(command, cwd=tmp_path, check=True)

    def told(engine):
        known = [(r.offset, r.constant) for r in engine.registers if r.constant]
        words = [str(word) for pair in known for word in pair]
        done = subprocess.run(["./driver", *words], cwd=tmp_path, check=True, capture_output=True)
        return [int(number) for number in done.stdout.split()]

    assert [told(engine) for engine in engines] == [
        [*(4, 4, 2, 1, 0, 8), *(2, 1, 1, 0, 0, 0), *(0, 0, 0)],
        [*(8, 8, 1, 1, 1, 2), *(2, 5, 1, 0, 1, 3), *(0, 0, 0)],
        [*(4, 8, 16, 0, 0, 300), *(2, 5, 1, 0, 1, 3), *(0, 0, 0)],
        [*(4, 8, 1, 1, 0, 2), *(5, 2, 15, 2, 0, 0), *(3, 1, 0)],
    ]


def read_format(registers):
    """The element format that a host finds in the registers, and nothing else."""

    def says(name, field):
        low, width = next((f.low, f.width) for f in registers[name].fields if f.name == field)
        return registers[name].constant >> low & (1 << width) - 1

    layers = [says("element", "exponent_bits")]
    layers += [says("nested", f"exponent_bits_{k + 1}") for k in range(says("element", "nested"))]
    below, widths = sum(says("element", f"{part}_bits") for part in ("exponent", "mantissa")), []
    for exponent_bits in layers:
        below -= exponent_bits
        widths.append((exponent_bits, below))
    element = None
    for exponent_bits, mantissa_bits in reversed(widths[1:]):
        element = ElementFormat("inner", exponent_bits, mantissa_bits, subnormal=element)
    bias = says("element", "bias")
    return ElementFormat(
        "read",
        *widths[0],
        bias=bias - (bias >> 11 << 12),
        special=("none", "nan", "ieee")[says("element", "special")],
        twos_complement=bool(says("element", "twos_complement")),
        subnormal=element,
    )


ODD_FORMATS = ["e2m5+e2m3+e1m2", "e2m4+e0m4", "e0m3", "e4m0", ElementFormat("x", 3, 2, bias=-9)]


@pytest.mark.parametrize("element", [*FORMATS, *ODD_FORMATS], ids=str)
def test_a_driver_can_read_the_format(element):
    element = parse(element) if isinstance(element, str) else element
    engine = Matmul(element, tile=4, pes=1, depth=2)
    registers = {register.name: register for register in engine_registers(engine)}
    assert read_format(registers) == element
    check_registers([*registers.values()])


def test_addresses_stay():
    """Of version 1: what an older driver knows is where it was."""
    engine = Matmul(tile=4, pes=1, depth=2)
    at = {register.name: register.offset for register in engine_registers(engine)}
    assert [at[name] for name in ("id", "version", "capability", "tiles")] == [0, 4, 8, 12]
    assert [at[name] for name in ("status", "error", "control", "push")] == [16, 20, 24, 48]
    assert [at[f"command_{part}"] for part in ("op", "size", "depth", "base")] == [32, 36, 40, 44]
    assert [at[name] for name in ("cycles", "stalled_latency")] == [64, 100]


def test_so_many_nested_formats_have_no_room():
    with pytest.raises(ValueError, match="element: registers describe at most 8 nested formats"):
        engine_registers(Matmul(parse("+".join(f"e1m{k}" for k in range(9, -1, -1))), tile=4))


def test_bad_descriptions():
    def register(name="a", offset=0, *fields):
        return Register(name, offset, Access.READ, "", fields)

    with pytest.raises(ValueError, match="a: no register can be at 0x6"):
        check_registers([register(offset=6)])
    with pytest.raises(ValueError, match="a: no register can be at 0x1000"):
        check_registers([register(offset=0x1000)])
    with pytest.raises(ValueError, match="b at 0x0 is there twice"):
        check_registers([register(), register("b")])
    overlapping = BitField("x", 0, 8, ""), BitField("y", 7, 2, "")
    with pytest.raises(ValueError, match="a: field y does not fit"):
        check_registers([register("a", 0, *overlapping)])
    with pytest.raises(ValueError, match="a: field x does not fit"):
        check_registers([register("a", 0, BitField("x", 31, 2, ""))])


@needs_icarus
def test_a_host_in_verilog(design):
    """The testbench that ships writes the registers, and reads what they must say at the end."""
    text, vectors = verilog(design), design.vectors()

    def run(changed):
        return run_verilog(
            text, design.top, changed, STALLS, clocking=design.clock, links=design.links
        )

    result = run(vectors)
    assert result.passed, result.mismatches
    (steps,) = vectors.ends["counters__steps"].values
    wrong = {"counters__steps": Column(32, [steps + 1])}
    result = run(replace(vectors, ends={**vectors.ends, **wrong}))
    assert ["counters__steps" in line for line in result.mismatches] == [True]
    commands = vectors.inputs["command"]
    fewer = {"command": Column(commands.bits, commands.values[:-1])}
    assert not run(replace(vectors, inputs={**vectors.inputs, **fewer})).passed
