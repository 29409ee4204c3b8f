"""The training program against plain golden products, step by step, bit by bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mxsf.golden import E4M3, MXSF, matmul, quantize
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.cost import cost
from mxsf.golden.accelerator.descriptor import Fence, Multiply, encode
from mxsf.golden.accelerator.machine import Machine
from mxsf.sim.stimulus.digits_program import Batch, Parameters, training_program

DIGITS = Path(__file__).parents[3] / "flow" / "catalogue" / "data" / "digits.npz"
SHIFT = 10


def draw(random, *shape):
    return random.standard_normal(shape).astype(np.float32)


def drawn(inputs, hidden, classes, seed=0):
    """Weights of a network that has learned nothing, biases of zeros."""
    random = np.random.default_rng(seed)
    w1, w2 = draw(random, inputs, hidden), draw(random, hidden, classes)
    b1, b2 = (np.zeros(n, np.float32) for n in (hidden, classes))
    return Parameters(w1 * np.float32(inputs**-0.5), b1, w2 * np.float32(hidden**-0.5), b2)


def digits():
    """The batch of real images that comes with the project."""
    with np.load(DIGITS) as data:
        x, dz2 = data["x"], data["dz2"]
    labels = dz2.argmin(axis=1)  # the gradient is below zero at the label only
    return drawn(64, 128, 10), Batch(x, np.eye(10, dtype=np.float32)[labels])


def small(count, seed=0):
    """A network of odd sizes and some batches of noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (count, 8))
    batches = [Batch(draw(random, 8, 7), np.eye(3, dtype=np.float32)[some]) for some in labels]
    return drawn(7, 10, 3)._replace(b1=draw(random, 10), b2=draw(random, 3)), batches


def plain_step(p, batch, element, tile, shift):
    """A step by quantize and matmul alone: new parameters, and the loss before it."""

    def q(values):
        return quantize(np.asarray(values, np.float32), element, (tile, tile))

    x = q(batch.x)
    h = q(np.maximum(matmul(x, q(p.w1), p.b1), np.float32(0)))
    z = matmul(h, q(p.w2), p.b2)
    gradient = matmul(q(-batch.y), q(np.eye(batch.y.shape[1])), z)
    d2 = q(np.float32(-(2.0**-shift)) * gradient)
    hidden = h.element.decode(h.codes) != 0
    d1 = q(np.where(hidden, matmul(d2, q(p.w2).T), np.float32(0)))
    ones = q(np.ones((1, len(batch.x))))
    after = Parameters(
        matmul(x.T, d1, p.w1),
        matmul(ones, d1, p.b1)[0],
        matmul(h.T, d2, p.w2),
        matmul(ones, d2, p.b2)[0],
    )
    return after, float(np.square(gradient).sum())


def check(built, start, batches, shift=SHIFT):
    """Run the program and compare; the losses before each step."""
    made = training_program(built, start, batches, shift)
    machine = Machine(built, made.program.image())
    outcome = machine.run(made.program.start)
    assert outcome.fault == 0
    assert outcome.breaches == []
    losses = []
    for batch in batches:
        start, loss = plain_step(start, batch, built.element, built.tile, shift)
        losses.append(loss)
    for found, expected in zip(made.parameters(machine.memory), start, strict=True):
        assert found.tobytes() == expected.tobytes()
    return losses


def test_digits():
    start, batch = digits()
    losses = check(Configuration(), start, [batch] * 3)
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize("element", [MXSF, E4M3], ids=str)
def test_sizes_that_are_no_multiples(element):
    start, batches = small(3)
    built = Configuration(element, tile=4, pes=16, depth=64, bus=128)
    check(built, start, batches, shift=4)


def test_the_array_is_busy():
    start, batch = digits()
    for bus, least in ((64, 0.82), (512, 0.95)):
        built = Configuration(bus=bus)
        one, four = (
            cost(training_program(built, start, [batch] * n, SHIFT).program.descriptors, built)
            for n in (1, 4)
        )
        assert (four.steps - one.steps) / (four.cycles - one.cycles) > least


def test_a_fence_that_is_missing_is_reported():
    start, batches = small(2)
    built = Configuration(tile=4, pes=16, depth=64)
    program = training_program(built, start, batches, SHIFT).program
    descriptors = program.descriptors
    fences = [place for place, d in enumerate(descriptors) if isinstance(d, Fence)]
    assert len(fences) == 7
    for place in fences:
        image = program.image()
        kept = b"".join(encode(d) for d in descriptors[:place] + descriptors[place + 1 :])
        image[program.start :][: len(kept)] = np.frombuffer(kept, np.uint8)
        assert Machine(built, image).run(program.start).breaches


def test_a_planted_bug_is_caught(monkeypatch):
    """The mask of the hidden layer is forgotten."""
    start, batch = digits()
    product = "mxsf.golden.accelerator.program.Multiply"
    monkeypatch.setattr(product, lambda *a, **named: Multiply(*a, **{**named, "mask": None}))
    with pytest.raises(AssertionError):
        check(Configuration(), start, [batch])


def test_batches_of_another_size():
    start, batch = digits()
    short = Batch(batch.x[:60], batch.y[:60])
    with pytest.raises(ValueError, match=r"^batches must be of one size, a multiple of 8, not 60$"):
        training_program(Configuration(), start, [batch, short], SHIFT)


def test_memories_that_are_too_small():
    start, batch = digits()
    with pytest.raises(ValueError, match=r"was loaded over it$|^at must be"):
        training_program(replace(Configuration(), depth=128), start, [batch], SHIFT)
