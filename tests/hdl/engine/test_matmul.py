"""The matrix engine: random commands, stalls, aborts, faults, cycles, and planted bugs."""

from functools import cache

import numpy as np
import pytest
from designs import needs_gcc, needs_icarus, needs_verilator, plant, tiers
from mxsf.flow.catalogue.catalogue import tensors, variant
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import verilog
from mxsf.flow.simulate import cxxrtl_simulator, make_simulator
from mxsf.golden import MXSF, matmul, parse, quantize
from mxsf.golden.engine.machine import Command, Fault, Machine, Opcode, Output, Tiles, join, split
from mxsf.hdl import Matmul
from mxsf.hdl.engine import core as core_module
from mxsf.hdl.engine import matmul as matmul_module
from mxsf.hdl.engine import product as product_module
from mxsf.hdl.engine.command import CommandCheck
from mxsf.hdl.engine.issue import Issue
from mxsf.hdl.engine.load import TileLoad
from mxsf.hdl.engine.matmul import machine
from mxsf.hdl.engine.results import Results
from mxsf.hdl.engine.sequencer import Sequencer
from mxsf.hdl.stream.regroup import Regroup
from mxsf.sim.bench.engine import (
    product_cycles,
    run_matmul,
    run_scripts,
    script_vectors,
    steady_cycles,
)
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.verilog import ICARUS, VERILATOR, run_verilog
from mxsf.sim.stimulus.script import RandomScripts, Script, Writer, random_start, random_tiles
from mxsf.sim.stimulus.training import DEPTH, training_step

WIDE = {"pes": 8, "element": "e2m1", "depth": 77}  # two rows of PEs, few gates
STALLS = [Stalls(0.7, 0.6, 3), Stalls(0.3, 1.0, 4), Stalls(1.0, 0.3, 5)]
SMALL = {"tile": 4, "depth": 8}


def build(**options):
    return variant("matmul", **{**SMALL, "pes": 2, **options})


@cache
def compiled(**options):
    """Return the design and its compiled netlist."""
    design = build(**options)
    return design.component, cxxrtl_simulator(design)


def run(part, simulator, scripts, stalls=NO_STALLS):
    result = run_scripts(simulator, part, scripts, stalls)
    assert result.passed, result.mismatches
    return result


def load(writer, random, side, rows, columns, base=0):
    """Load random tiles, a matrix of so many tiles."""
    part, tiles = writer.component, random_tiles(random, writer.component, rows * columns)
    if side == "a":
        command = Command(Opcode.LOAD_A, rows, 1, columns, a_base=base)
    else:
        command = Command(Opcode.LOAD_B, 1, columns, rows, b_base=base)
    assert command.tiles == len(tiles.scales)
    writer.write(command, tiles)
    return part


# The golden machine.


@pytest.mark.parametrize("turns", [(False, False), (True, False), (False, True), (True, True)])
def test_machine_is_matmul_and_requantize(turns):
    random = np.random.default_rng(1)
    shapes = [(8, 12), (12, 4)]  # of op(A), op(B): 2x3 and 3x1 tiles
    x, y = (random.standard_normal(shape).astype(np.float32) for shape in shapes)
    a, b = quantize(x, MXSF, (4, 4)), quantize(y, MXSF, (4, 4))
    acc = random.standard_normal((8, 4)).astype(np.float32)
    golden = Machine(tile=4, depth=8)
    for opcode, q, turned in ((Opcode.LOAD_A, a, turns[0]), (Opcode.LOAD_B, b, turns[1])):
        stored = q.T if turned else q
        tiles = Tiles(split(stored.codes, 4), stored.scales.reshape(-1))
        golden.load(Command(opcode, 2, 1, 3, a_base=1, b_base=2), tiles)
    command = Command(Opcode.MULTIPLY, 2, 1, 3, 1, 2, *turns, accumulate=True)
    words, tiles = golden.multiply(command, split(acc, 4))
    np.testing.assert_array_equal(join(words, 2, 1), matmul(a, b, acc))
    q = quantize(matmul(a, b, acc), MXSF, (4, 4))
    np.testing.assert_array_equal(join(tiles.codes, 2, 1), q.codes)
    np.testing.assert_array_equal(tiles.scales, q.scales.reshape(-1))


FAULTS = [
    (Command(0), Fault.OPCODE),
    (Command(4), Fault.OPCODE),
    (Command(15, 0, 0, 0), Fault.OPCODE),
    (Command(Opcode.MULTIPLY, m=0), Fault.SIZE),
    (Command(Opcode.MULTIPLY, n=0), Fault.SIZE),
    (Command(Opcode.MULTIPLY, k=0), Fault.SIZE),
    (Command(Opcode.MULTIPLY, m=9), Fault.SIZE),
    (Command(Opcode.MULTIPLY, m=0x8001), Fault.SIZE),
    (Command(Opcode.LOAD_A, m=0), Fault.SIZE),
    (Command(Opcode.LOAD_B, n=0), Fault.SIZE),
    (Command(Opcode.LOAD_B, k=9), Fault.SIZE),
    (Command(Opcode.MULTIPLY, 3, 1, 3), Fault.BOUNDS),
    (Command(Opcode.MULTIPLY, 1, 3, 3), Fault.BOUNDS),
    (Command(Opcode.MULTIPLY, 2, 1, 4, a_base=1), Fault.BOUNDS),
    (Command(Opcode.LOAD_A, 8, 1, 1, a_base=0xFFFF), Fault.BOUNDS),
    (Command(Opcode.LOAD_B, 1, 1, 1, b_base=8), Fault.BOUNDS),
    (Command(Opcode.MULTIPLY, stochastic=True), Fault.ABSENT),
]
GOOD = [
    Command(Opcode.LOAD_A, 2, 0, 4),  # n is not of A
    Command(Opcode.LOAD_B, 0, 8, 1, a_base=0xFFFF),
    Command(Opcode.MULTIPLY, 8, 8, 1),
    Command(Opcode.MULTIPLY, 1, 1, 7, 1, 1),
    Command(Opcode.LOAD_A, 1, 1, 1, stochastic=True),  # rounds nothing
]


def test_faults():
    golden = Machine(tile=4, depth=8)
    assert [golden.fault(command) for command, _ in FAULTS] == [fault for _, fault in FAULTS]
    assert not any(golden.fault(command) for command in GOOD)
    with pytest.raises(ValueError, match="a bad size in Command"):
        golden.multiply(Command(Opcode.MULTIPLY, m=0))


# Every beat, with random commands.


@needs_gcc
@pytest.mark.parametrize("stalls", tiers([NO_STALLS, STALLS[0]], STALLS), ids=str)
@pytest.mark.parametrize("aborts", [0, 0.6])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"pes": 1}, marks=pytest.mark.long),
        {"pes": 2, "rounding": "stochastic"},
        WIDE,
        pytest.param({"pes": 1, "requantize": False, "stages": 3}, marks=pytest.mark.long),
        *(
            pytest.param(options, marks=pytest.mark.campaign)
            for options in (
                {"pes": 4, "element": "e4m3", "rounding": "stochastic", "fabric": "dsp"},
                {"pes": 16, "element": "e5m2", "overflow": "ovf", "depth": 13},
                {"pes": 8, "tile": 8, "depth": 16},
                {"pes": 2, "element": "int8", "rule": "rceil", "fabric": "fpga"},
            )
        ),
    ],
    ids=str,
)
def test_random_commands(options, aborts, stalls):
    part, simulator = compiled(**options)
    scripts = RandomScripts(part, np.random.default_rng(stalls.seed), 12, aborts=aborts)
    run(part, simulator, scripts, stalls)


@needs_gcc
@pytest.mark.parametrize(
    "pes",
    [
        pytest.param(1, marks=pytest.mark.campaign),
        pytest.param(8, marks=pytest.mark.long),
        pytest.param(64, marks=pytest.mark.campaign),  # converts and compiles for minutes
    ],
)
def test_tiles_of_8(pes):
    part, simulator = compiled(tile=8, pes=pes, depth=192)
    for stalls in (NO_STALLS, STALLS[0]):
        scripts = RandomScripts(part, np.random.default_rng(pes), 3, aborts=0.3)
        run(part, simulator, scripts, stalls)
    for sizes in ((1, 1, 8), (2, 2, 8), (3, 2, 8), (1, 6, 8), (7, 1, 9), (3, 3, 8), (4, 4, 8)):
        independent = sizes[0] * sizes[1] * part.steps
        cycles, steps = steady_cycles(simulator, part, sizes)
        print(f"pes {pes}, {sizes}: {steps} steps in {cycles} cycles")
        assert cycles == 3 * product_cycles(part, sizes)
        assert independent < part.loop or steps / cycles >= 0.95


@needs_gcc
def test_shipped_tensors():
    part, simulator = compiled(pes=2)
    for name, values in tensors().items():
        result = run_matmul(simulator, part, values, STALLS[0])
        assert result.passed, (name, result.mismatches)


@pytest.mark.parametrize("output", tiers([Output.BOTH], Output))
def test_on_the_simulator_of_amaranth(output):
    """A second simulator, which resets and clocks in its own way; and something is compared."""
    design, random = build(pes=4, stages=2), np.random.default_rng(2)
    writer = Writer(design.component, machine(design.component))
    load(writer, random, "a", 2, 3)
    load(writer, random, "b", 3, 1, base=4)
    start = random_start(random, 2, 4)
    command = Command(Opcode.MULTIPLY, 2, 1, 3, b_base=4, accumulate=True, output=output)
    writer.write(command, c=start)
    result = run(design.component, make_simulator(design, "amaranth"), [writer.script], STALLS[0])
    assert result.beats == {Output.BOTH: 16}.get(output, 8)


# Accumulation over commands, as the host does it.


@needs_gcc
def test_a_long_product_in_parts():
    """FP32 rows, sent back as C, continue a product to the last bit."""
    part, simulator = compiled(pes=2)
    random = np.random.default_rng(3)
    tiles = [random_tiles(random, part, 4) for _ in "ab"]
    writer = Writer(part, machine(part))
    writer.write(Command(Opcode.LOAD_A, 1, 1, 4), tiles[0])
    writer.write(Command(Opcode.LOAD_B, 1, 1, 4), tiles[1])
    half = Command(Opcode.MULTIPLY, 1, 1, 2, output=Output.WORDS)
    reached = writer.write(half)
    rest = Command(Opcode.MULTIPLY, 1, 1, 2, 2, 2, accumulate=True, output=Output.WORDS)
    parts = writer.write(rest, c=reached)
    whole = writer.write(Command(Opcode.MULTIPLY, 1, 1, 4, output=Output.WORDS))
    np.testing.assert_array_equal(parts.view(np.uint32), whole.view(np.uint32))
    run(part, simulator, [writer.script])


# Commands that are bad, streams that end, aborts.


@needs_gcc
@pytest.mark.parametrize(("command", "fault"), FAULTS, ids=str)
def test_a_bad_command_touches_nothing(command, fault):
    part, simulator = compiled(pes=2)
    random = np.random.default_rng(4)
    writer = Writer(part, machine(part))
    load(writer, random, "a", 2, 4)
    load(writer, random, "b", 4, 2)
    writer.write(command)
    writer.write(Command(Opcode.MULTIPLY, m=0 if fault == Fault.OPCODE else 1, k=0))  # the second
    writer.write(Command(Opcode.MULTIPLY, 2, 2, 4, output=Output.BOTH))
    assert writer.script.fault == fault
    run(part, simulator, [writer.script], STALLS[0])


@needs_gcc
def test_an_engine_without_requantizer():
    """It gives rows; tiles are a fault."""
    part, simulator = compiled(pes=1, requantize=False, stages=3)
    random = np.random.default_rng(6)
    writer = Writer(part, machine(part))
    load(writer, random, "a", 1, 2)
    load(writer, random, "b", 2, 1)
    writer.write(Command(Opcode.MULTIPLY, output=Output.STRAIGHT))
    writer.write(Command(Opcode.MULTIPLY, 1, 1, 2, output=Output.WORDS))
    assert writer.script.fault == Fault.ABSENT
    assert run(part, simulator, [writer.script], STALLS[0]).beats == 4


@needs_gcc
def test_good_commands_are_no_faults():
    part, simulator = compiled(pes=2)
    random = np.random.default_rng(5)
    writer = Writer(part, machine(part))
    for command in GOOD:
        writer.write(command, random_tiles(random, part, command.tiles))
    assert writer.script.fault == Fault.NONE
    run(part, simulator, [writer.script])


def small_script(part, golden, random, abort=None):
    writer = Writer(part, golden)
    load(writer, random, "a", 1, 2)
    load(writer, random, "b", 2, 1)
    multiply = Command(Opcode.MULTIPLY, 1, 1, 2, accumulate=True, output=Output.BOTH)
    writer.write(multiply, c=random_start(random, 1, 4))
    writer.write(Command(Opcode.MULTIPLY, 1, 1, 2, output=Output.WORDS))
    writer.script.abort = abort
    return writer.script


@needs_gcc
@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS[0]], ids=str)
def test_abort_in_every_cycle(stalls):
    """After each the next script, whose loads overwrite all that it reads, is right."""
    part, simulator = compiled(pes=2)
    last = 1 + run(part, simulator, [small_script(part, machine(part), rng())], stalls).cycles
    assert last > 60
    scripts = []
    for cycle in range(last):
        for abort in (cycle, None):
            scripts.append(small_script(part, machine(part), np.random.default_rng(cycle), abort))
    run(part, simulator, scripts, stalls)
    assert sum(script.aborted for script in scripts) > 50


def rng():
    return np.random.default_rng(0)


@needs_gcc
@pytest.mark.parametrize("stream", ["a", "b", "c"])
def test_a_stream_that_ends_early(stream):
    """The engine waits, an abort frees it, the next script is right."""
    part, simulator = compiled(pes=2)
    short = small_script(part, machine(part), rng(), abort=400)
    kept = len(short.beats[stream]) - 1
    del short.beats[stream][kept:]
    again = small_script(part, machine(part), rng())
    result = run(part, simulator, [short, again])
    assert short.aborted
    assert short.moved[stream] == kept
    assert result.cycles > 400


@needs_gcc
def test_reset_starts_again():
    part, simulator = compiled(pes=2)
    first, second = (small_script(part, machine(part), rng()) for _ in range(2))
    for script in (first, second):
        run(part, simulator, [script])  # a run begins with a reset


# Cycles.


@needs_gcc
@pytest.mark.parametrize(
    "options",
    [pytest.param({"pes": 1}, marks=pytest.mark.long), {"pes": 2}, WIDE],
    ids=str,
)
def test_latency(options):
    part, simulator = compiled(**options)
    script = Writer(part, machine(part))
    script.write(Command(Opcode.MULTIPLY, output=Output.WORDS))
    payload = script.script.beats["command"][0]
    seen = []

    async def testbench(pins):
        pins.set("abort", 0)
        pins.set("command__payload", payload)
        pins.set("command__valid", 1)
        assert pins.get("command__ready")
        while not pins.get("o__valid"):
            await pins.tick()
            pins.set("command__valid", 0)
            seen.append(1)
            assert len(seen) < 100

    simulator.run(testbench)
    assert len(seen) == part.latency


@needs_gcc
@pytest.mark.parametrize(
    ("pes", "sizes"), tiers([(2, (2, 2, 1))], [(1, (1, 1, 2)), (1, (2, 2, 1))])
)
def test_utilisation(pes, sizes):
    """Loads overlap products: one cycle more than the steps, a command."""
    part, simulator = compiled(pes=pes)
    cycles, steps = steady_cycles(simulator, part, sizes)
    assert steps == 3 * np.prod(sizes) * part.steps
    assert cycles == steps + 3 == 3 * product_cycles(part, sizes)


@needs_gcc
def test_outputs_are_interleaved():
    """Where a tile product is shorter than the accumulator, so many outputs as hide it."""
    part, simulator = compiled(**WIDE)
    assert (part.steps, part.loop, part.group) == (2, 6, 3)
    for sizes in ((3, 1, 8), (1, 3, 8), (4, 1, 6), (2, 2, 8)):
        cycles, steps = steady_cycles(simulator, part, sizes)
        assert steps / cycles >= 0.95, sizes
    for sizes in ((1, 1, 8), (2, 1, 7), (1, 2, 5), (2, 2, 3)):  # few outputs do not hide it
        cycles, _ = steady_cycles(simulator, part, sizes)
        assert cycles == 3 * product_cycles(part, sizes), sizes


@needs_gcc
def test_counters_say_what_stalls():
    part, simulator = compiled(pes=2)
    seen = {}

    async def testbench(pins):
        pins.set("abort", 0)
        script = small_script(part, machine(part), rng())
        commands = script.beats["command"]
        moved = dict.fromkeys(("command", "a", "b", "c"), 0)
        for cycle in range(1000):
            allowed = {"a": cycle > 100, "b": True, "c": cycle > 300, "command": True}
            pins.set("o__ready", int(cycle > 600))
            pins.set("t__ready", 1)
            for name in moved:
                left = moved[name] < len(script.beats[name]) and allowed[name]
                pins.set(f"{name}__payload", script.beats[name][moved[name]] if left else 0)
                pins.set(f"{name}__valid", int(left))
            for name in moved:
                left = moved[name] < len(script.beats[name]) and allowed[name]
                moved[name] += bool(left and pins.get(f"{name}__ready"))
            await pins.tick()
            if cycle in (90, 290, 590, 999):
                names = ("load", "start", "output", "latency")
                seen[cycle] = {n: pins.get(f"counters__stalled_{n}") for n in names}
                seen[cycle]["cycles"] = pins.get("counters__cycles")
        assert moved["command"] == len(commands)
        assert not pins.get("busy")

    simulator.run(testbench)
    assert seen[90]["load"] > 80
    assert seen[90]["start"] == 0
    assert seen[290]["start"] > 150
    assert seen[290]["load"] < 120
    assert seen[590]["start"] < 220
    # One tile waits for o, and the next product, which leaves otherwise, for that.
    assert seen[290]["output"] == 0
    assert 200 < seen[590]["output"] < 290
    assert seen[999]["latency"] == 0
    assert 600 < seen[999]["cycles"] < 700


@needs_gcc
def test_a_full_output_is_counted():
    part, simulator = compiled(pes=2)
    writer = Writer(part, machine(part))
    for _ in range(6):
        writer.write(Command(Opcode.MULTIPLY, 2, 2, 1, output=Output.STRAIGHT))
    counts = {}

    async def testbench(pins):
        pins.set("abort", 0)
        pins.set("o__ready", 0)
        left = list(writer.script.beats["command"])
        for _ in range(500):
            pins.set("command__valid", int(bool(left)))
            pins.set("command__payload", left[0] if left else 0)
            if left and pins.get("command__ready"):
                left.pop(0)
            await pins.tick()
        for name in ("output", "latency", "start"):
            counts[name] = pins.get(f"counters__stalled_{name}")

    simulator.run(testbench)
    assert counts["output"] > 200
    assert counts["start"] == 0


# Parameters and names.


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tile": 6}, ValueError, "tile must be 4, 8, 16, 32, not 6"),
        ({"pes": 3}, ValueError, "pes must be a power of two, 1 to 64, not 3"),
        ({"pes": 128}, ValueError, "pes must be a power of two, 1 to 64, not 128"),
        ({"pes": 0}, ValueError, "pes must be a power of two, 1 to 64, not 0"),
        ({"pes": 2.0}, TypeError, "pes must be of type int, not 2.0"),
        ({"depth": 1}, ValueError, "depth must be 2 to 32768, not 1"),
        ({"depth": True}, TypeError, "depth must be of type int, not True"),
        ({"stages": 0}, ValueError, "stages must have a register in the accumulator, not 0"),
        ({"stages": 99}, ValueError, "stages must be 0 to 10"),
        ({"element": parse("e8m7")}, ValueError, "exponent bits"),
        ({"element": "mxsf"}, TypeError, "element must be of type ElementFormat"),
        ({"overflow": "ovf"}, ValueError, "mxsf has none"),
        ({"fabric": "wool"}, ValueError, "fabric must be"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        Matmul(**options)


def test_streams_and_name():
    design = build(element="e4m3", rounding="stochastic")
    assert design.top == "mxsf_matmul_e4m3_t4_p2_d8_stochastic"
    payloads = manifest(design)["payloads"]
    rows = ["codes", "scale", "first", "last"]
    names = {stream: [field["name"] for field in fields] for stream, fields in payloads.items()}
    assert names["a"] == names["b"] == names["t"] == rows
    assert names["o"] == [*rows, "words"]
    assert names["c"] == ["words"]
    assert names["command"][:2] == ["opcode", "output"]
    assert variant("matmul").top == "mxsf_matmul_mxsf_t8"


# Planted bugs: the bench must catch each.


def mismatches(stalls=STALLS[0], abort=None):
    """Run random commands, or a script that is cut off and run again, on a new design."""
    design = build(pes=1, stages=("product", "round"))
    part, random = design.component, np.random.default_rng(8)
    scripts = RandomScripts(part, random, 4, 8, largest=2)
    if abort is not None:
        scripts = [small_script(part, machine(part), rng(), at) for at in (abort, None)]
    result = run_scripts(make_simulator(design, "amaranth"), part, scripts, stalls)
    return "\n".join(result.mismatches)


def test_the_bench_passes_what_is_right():
    assert mismatches() == ""
    assert mismatches(abort=50) == ""


def test_bench_catches_shared_accumulators(monkeypatch):
    plant(monkeypatch, Sequencer, product_module, lambda part: part.o.payload.output.eq(0))
    assert "payload of beat" in mismatches()


def read_straight(part):
    """Read a transposed A right in the first step of a tile only."""
    return part.o.payload.a_across.eq(part.job.a_transposed & (part.o.payload.step == 0))


def test_bench_catches_a_tile_read_the_wrong_way(monkeypatch):
    plant(monkeypatch, Sequencer, product_module, read_straight)
    assert "payload of beat" in mismatches()


def opcode(part, number):
    job = part.i.payload
    return part.i.valid & (job.fault == 0) & (job.opcode == number)


@pytest.mark.long
def test_bench_catches_a_product_before_its_load(monkeypatch):
    def early(part):
        ready = opcode(part, 3) & ~part.multiply_busy & part.fits
        return part.start_multiply.eq(ready)

    plant(monkeypatch, Issue, core_module, early)
    assert "command.ready" in mismatches()


@pytest.mark.long
def test_bench_catches_a_load_over_what_is_read(monkeypatch):
    plant(
        monkeypatch,
        Issue,
        core_module,
        lambda part: part.start_a.eq(opcode(part, 1) & ~part.a_busy),
    )
    assert "command.ready" in mismatches(NO_STALLS)


def test_bench_catches_a_fault_that_is_carried_out(monkeypatch):
    plant(
        monkeypatch,
        CommandCheck,
        core_module,
        lambda part: part.o.payload.fault.eq(0),
    )
    assert mismatches()


def test_bench_catches_outputs_in_a_mix(monkeypatch):
    plant(monkeypatch, Results, matmul_module, lambda part: part.free.eq(1))
    assert mismatches()


@pytest.mark.long
def test_bench_catches_an_abort_that_leaves_something(monkeypatch):
    monkeypatch.setattr(matmul_module, "ResetInserter", lambda control: lambda inner: inner)
    assert "busy" in mismatches(abort=50)


def test_bench_catches_a_wrong_count(monkeypatch):
    plant(
        monkeypatch,
        TileLoad,
        core_module,
        lambda part: part.loaded.eq(part.i.valid & part.i.ready),
    )
    assert "counter a_tiles" in mismatches()


def test_bench_catches_a_wrong_handshake(monkeypatch):
    plant(monkeypatch, Regroup, product_module, lambda part: part.i.ready.eq(1))
    assert mismatches()


# As exported.


def exported(options, simulator, commands=20):
    design = build(**options)
    scripts = RandomScripts(design.component, np.random.default_rng(7), 1, commands)
    (script,) = scripts
    vectors = script_vectors(design.component, script)
    return verilog(design), lambda text: run_verilog(
        text, design.top, vectors, STALLS[0], simulator=simulator
    )


SIMULATORS = [
    pytest.param(ICARUS, marks=needs_icarus),
    pytest.param(VERILATOR, marks=needs_verilator),
]


@pytest.mark.long
@pytest.mark.parametrize("simulator", SIMULATORS, ids=lambda simulator: simulator.name)
@pytest.mark.parametrize("options", [{"pes": 2}, {"pes": 1, "element": "int8"}], ids=str)
def test_exported_verilog(options, simulator):
    text, check = exported(options, simulator)
    result = check(text)
    assert result.passed, result.mismatches
    assert result.blocks > 20


@pytest.mark.long
@needs_icarus
def test_icarus_catches_a_planted_bug(monkeypatch):
    plant(monkeypatch, Sequencer, product_module, read_straight)
    text, check = exported({"pes": 1}, ICARUS)
    assert check(text).count > 0


# One training step of the digits network, all products from the same stored tiles.


def digits_step(component):
    t = tensors()
    return training_step(component, t["x"], t["w1"], t["w2"], lambda logits: t["dz2"])


def test_a_training_step_is_golden_matmul():
    step, t = digits_step(Matmul(depth=DEPTH)), tensors()

    def q(values):
        return quantize(values, MXSF, (8, 8))

    h = q(np.maximum(step.z1, 0))
    np.testing.assert_array_equal(step.z1, matmul(q(t["x"]), q(t["w1"])))
    np.testing.assert_array_equal(step.z2, matmul(h, q(t["w2"])))
    np.testing.assert_array_equal(step.dh, matmul(q(t["dz2"]), q(t["w2"]).T) * (step.z1 > 0))
    np.testing.assert_array_equal(step.dw1, matmul(q(t["x"]).T, q(step.dh)))
    np.testing.assert_array_equal(step.dw2, matmul(h.T, q(t["dz2"])))
    for name, gradient in (("dw1", step.dw1), ("dw2", step.dw2)):
        assert np.corrcoef(gradient.ravel(), t[name].ravel())[0, 1] > 0.98
    with pytest.raises(ValueError, match="the memories are too small: bounds"):
        digits_step(Matmul(depth=160))


@pytest.mark.campaign  # tests/test_examples.py runs the step on the same engine, unstalled
@needs_gcc
def test_a_training_step():
    part, simulator = compiled(tile=8, pes=8, depth=DEPTH)
    for stalls in (NO_STALLS, STALLS[0]):
        result = run(part, simulator, digits_step(part).scripts, stalls)
        assert result.beats == 3456


@pytest.mark.campaign
@needs_verilator
def test_a_training_step_under_verilator():
    design = build(tile=8, pes=8, depth=DEPTH)
    whole = Script()  # the testbench waits for nobody: it knows the results before they come
    for script in digits_step(design.component).scripts:
        for name in script.beats:
            whole.beats[name] += script.beats[name]
        for name in script.answers:
            whole.answers[name] += script.answers[name]
        for name, count in script.counts.items():
            whole.counts[name] += count
    vectors = script_vectors(design.component, whole)
    result = run_verilog(verilog(design), design.top, vectors, STALLS[0], simulator=VERILATOR)
    assert result.passed, result.mismatches
    assert result.beats == 3456
