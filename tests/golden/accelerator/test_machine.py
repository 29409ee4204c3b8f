"""The golden machine against plain Python on random programs, byte for byte."""

import naive
import numpy as np
import pytest
from mxsf.golden import E2M1, E2M3, E4M3, INT8, MXSF, Rounding
from mxsf.golden.accelerator import core, epilogue
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.accelerator.view import View
from programs import BASES, PROGRAM, random_program

BUILT = [
    Configuration(element, 4, pes, 16, bus, rounding=Rounding.STOCHASTIC)
    for element, pes, bus in [
        (MXSF, 4, 64),
        (E2M3, 2, 128),
        (E2M1, 16, 64),
        (E4M3, 8, 512),
        (INT8, 1, 256),
    ]
]
each = pytest.mark.parametrize("built", BUILT, ids=lambda built: built.element.name)


def run_both(built, program):
    """Run a program on both; the machines."""
    machine = Machine(built, program.memory.copy())
    machine.bases[:] = BASES
    outcome = machine.run(PROGRAM)
    plain = naive.Naive(
        *(built.element, built.tile, built.pes, built.depth, built.bus),
        *(program.memory.tobytes(), BASES),
    )
    plain.run(PROGRAM)
    return machine, outcome, plain


def differences(machine, plain):
    """What the two machines disagree on."""
    found = []
    memory = np.frombuffer(bytes(plain.memory), np.uint8)
    if not np.array_equal(machine.memory, memory):
        found.append(f"memory at {np.flatnonzero(machine.memory != memory)[:4]}")
    for name, count in machine.counters.items():
        if count != plain.counters[name]:
            found.append(f"{name}: {count} and {plain.counters[name]}")
    for side in "ab":
        tiles = machine.core.tiles[side]
        if tiles.codes.tolist() != [codes for codes, _ in plain.tiles[side]]:
            found.append(f"codes of memory {side}")
        if tiles.scales.tolist() != [scale for _, scale in plain.tiles[side]]:
            found.append(f"scales of memory {side}")
    return found


@each
@pytest.mark.parametrize("seed", range(4))
def test_random_programs(built, seed):
    program = random_program(built, seed)
    machine, outcome, plain = run_both(built, program)
    assert outcome.fault == 0
    assert outcome.program == PROGRAM + 64 * len(program.descriptors)
    assert outcome.irq == program.descriptors[-1].irq
    assert differences(machine, plain) == []


@each
@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_more_random_programs(built, seed):
    machine, outcome, plain = run_both(built, random_program(built, seed, products=5))
    assert outcome.fault == 0
    assert differences(machine, plain) == []


def _ignore_runs_of_columns(monkeypatch):
    whole = View.indices

    def indices(view, rows, columns):
        return whole(View(view.run, view.pitch, view.jump), rows, columns)

    monkeypatch.setattr(View, "indices", indices)


def _relu_before_scale(monkeypatch):
    scale = core.scale
    monkeypatch.setattr(core, "scale", lambda words, shift, negate: scale(words, shift))
    monkeypatch.setattr(core, "relu", lambda words: -epilogue.relu(words))


def _random_numbers_of_each_product(monkeypatch):
    multiply = core.Core.multiply

    def again(self, *arguments):
        self.reset()
        return multiply(self, *arguments)

    monkeypatch.setattr(core.Core, "multiply", again)


def _sign_of_masked_words(monkeypatch):
    monkeypatch.setattr(core, "is_zero", lambda codes, element: codes & 0x7F == 0)


def _memories_that_end(monkeypatch):
    read = core.Core.read

    def clipped(self, product):
        return {side: at.clip(0, self.built.depth - 2) for side, at in read(self, product).items()}

    monkeypatch.setattr(core.Core, "read", clipped)


@pytest.mark.parametrize(
    "plant",
    [
        _ignore_runs_of_columns,
        _relu_before_scale,
        _random_numbers_of_each_product,
        _sign_of_masked_words,
        _memories_that_end,
    ],
)
def test_planted_bugs_are_caught(monkeypatch, plant):
    plant(monkeypatch)
    built = BUILT[-1]  # INT8, whose 0x80 is no zero
    programs = (random_program(built, seed) for seed in range(6))
    assert any(differences(*run_both(built, program)[::2]) for program in programs)
