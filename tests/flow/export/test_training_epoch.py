"""A network learns the digits in the Verilog that ships, under Verilator: every byte compared."""

import numpy as np
import pytest
from designs import needs_verilator
from mxsf.flow.study.speed import measure
from mxsf.golden.accelerator.machine import Machine
from mxsf.sim.stimulus.digits_program import Batch, Parameters, training_program
from systems import compiled_system

pytestmark = [pytest.mark.long, needs_verilator]

BATCH, HIDDEN, SHIFT = 32, 16, 8


def epoch(built):
    """A program that passes once through all images, and how many it then names right."""
    x, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), np.eye(10, dtype=np.float32)[labels]
    random = np.random.default_rng(0)
    w1, w2 = (
        (random.standard_normal(shape) * shape[0] ** -0.5).astype(np.float32)
        for shape in ((64, HIDDEN), (HIDDEN, 10))
    )
    start = Parameters(w1, np.zeros(HIDDEN, np.float32), w2, np.zeros(10, np.float32))
    last = len(x) // BATCH * BATCH
    batches = [Batch(x[k : k + BATCH], y[k : k + BATCH]) for k in range(0, last, BATCH)]
    made = training_program(built, start, batches, SHIFT)

    def right(memory):
        w1, b1, w2, b2 = made.parameters(memory)
        return float(((np.maximum(x @ w1 + b1, 0) @ w2 + b2).argmax(axis=1) == labels).mean())

    return made.program, right


def test_every_byte():
    component, system = compiled_system(tile=4, pes=4)
    program, right = epoch(component.built)
    machine = Machine(component.built, program.image())
    machine.run(program.start)
    assert measure(system, program, 40, 1_000_000) > machine.counters["steps"]
    assert right(program.image()) < 0.2 < 0.4 < right(machine.memory)
