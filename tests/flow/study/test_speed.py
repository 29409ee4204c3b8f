"""How fast accelerators are: by the cost model, and on the Verilog under Verilator."""

import json

import numpy as np
import pytest
from designs import needs_verilator
from mxsf.flow.study.speed import measure, speeds, timing_of
from mxsf.flow.study.workloads import WORKLOADS, cube
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.cost import cost
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.program import Program
from mxsf.golden.accelerator.result import Result
from mxsf.golden.accelerator.tiler import multiply
from mxsf.sim.interface.accelerator_driver import Run
from systems import compiled_system

GOALS = [
    ("digits mlp", 8, 64, 0.82),
    pytest.param("digits cnn", 8, 64, 0.87, marks=pytest.mark.long),
    pytest.param("512^3", 8, 64, 0.97, marks=pytest.mark.long),
    pytest.param("512^3", 64, 512, 0.99, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("work", "pes", "bus", "share"), GOALS)
def test_useful_share(work, pes, bus, share):
    (speed,) = speeds([pes], [bus], [40], [work])
    assert share < speed.useful < 1
    assert speed.measured is None
    assert speed.error is None


def test_longer_latency_and_narrower_bus_are_slower():
    quick, slow = speeds([8], [512], [40, 200], ["digits mlp"])
    (narrow,) = speeds([8], [64], [200], ["digits mlp"])
    assert quick.cycles < slow.cycles < narrow.cycles
    assert quick.steps == slow.steps == narrow.steps


class Pretended:
    """An accelerator that does what the golden machine does, but for what is changed."""

    def __init__(self, built, memory=lambda memory: None, count=0):
        self.built, self._change, self._count = built, memory, count

    def attach(self, memory, latency):
        self.memory = memory

    async def set_up(self):
        pass

    async def run(self, program, limit):
        machine = Machine(self.built, self.memory.copy())
        outcome = machine.run(program)
        self.memory[:] = machine.memory
        self._change(self.memory)
        counters = {**machine.counters, "cycles": 7}
        counters["steps"] += self._count
        return Run(outcome, 8, counters)


def test_what_differs_is_no_measurement():
    built = Configuration(tile=4, pes=4, depth=16)
    program = cube(built, 16)
    assert measure(Pretended(built), program, 40, 100) == 7
    with pytest.raises(RuntimeError, match="not the golden machine"):
        measure(Pretended(built, count=1), program, 40, 100)

    def wrong(memory):
        memory[3] ^= 1

    with pytest.raises(RuntimeError, match="1 wrong bytes, from 0x3 on"):
        measure(Pretended(built, wrong), program, 40, 100)


def programs(built):
    """Ten programs: products that are square, deep, wide, transposed, of words; training steps."""
    random = np.random.default_rng(1)
    sizes = [(48, 48, 48), (96, 96, 96), (32, 512, 32), (160, 32, 160), (8, 256, 128)]
    for number, (m, k, n) in enumerate([*sizes, (64, 96, 64), (40, 64, 88), (64, 64, 64)]):
        program = Program(built)
        turned = number % 2 == 1
        shape = (k, m) if turned else (m, k)
        a = program.put("a", random.standard_normal(shape, np.float32))
        b = program.put("b", random.standard_normal((k, n), np.float32))
        words = program.words("c", (m, n)) if number > 4 else None
        result = Result(words) if words else Result(tiles=program.matrix("c", (m, n)))
        multiply(program, a, b, result, a_transposed=turned)
        program.end()
        yield program
    yield WORKLOADS["digits mlp"](built)
    yield WORKLOADS["digits cnn"](built)


@needs_verilator
@pytest.mark.long
def test_the_cost_model_on_twenty_programs():
    """Ten programs at two latencies: the same memory and counters, cycles within 3 %."""
    component, system = compiled_system(tile=4, pes=4)
    off = {}
    for number, program in enumerate(programs(component.built)):
        for latency in (40, 200):
            timing = timing_of(component, latency)
            model = cost(program.descriptors, program.built, timing).cycles
            cycles = measure(system, program, latency, 2 * model + 10_000)
            off[number, latency] = round(model / cycles - 1, 4)
    assert len(off) == 20
    assert all(abs(error) < 0.03 for error in off.values()), off


def test_command(run, tmp_path):
    words = ["growth", "accelerator", "--work", "64^3", "--pes", "8", "--bus", "64"]
    code, out, _ = run(*words, "--latency", "40", "--json", "s.json", "--plot", "s.svg")
    assert code == 0
    assert "64^3" in out
    (row,) = json.loads((tmp_path / "s.json").read_text())
    assert row["useful"] == row["steps"] / row["cycles"]
    assert (tmp_path / "s.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["accelerator", "--target", "ecp5"], "--target: accelerator takes no --target here"),
        (["--latency", "40"], "--latency: matmul takes no --latency here"),
        (["accelerator", "--bus", "65"], "--bus"),
        (["accelerator", "--work", "7^3"], "--work"),
        (["accelerator", "--pes", "3"], "pes"),
        (["accelerator", "--depth", "100"], "depth"),
    ],
)
def test_bad_use_is_one_line(run, words, message):
    code, _, err = run("growth", *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
