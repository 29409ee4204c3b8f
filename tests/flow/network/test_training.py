"""Programs that train give the weights of plain golden products, step by step, bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
from mxsf.flow.network import gradient, window
from mxsf.flow.network.layers import (
    Add,
    AveragePool,
    Conv2d,
    Dense,
    Flatten,
    GlobalAveragePool,
    Relu,
)
from mxsf.flow.network.network import Network
from mxsf.flow.network.training import compile_training
from mxsf.golden import E5M2
from mxsf.golden.accelerator.configuration import Configuration
from plain_network import Learning

SMALL = Configuration(tile=4, pes=4, depth=64)


def of(shape, *layers):
    return Network.of(shape, layers)


def batches(network, batch, steps, seed=1):
    random = np.random.default_rng(seed)
    shapes = [(batch, *network.shapes[name]) for name in (network.input, network.output)]
    return [
        tuple(random.standard_normal(shape).astype(np.float32) for shape in shapes)
        for _ in range(steps)
    ]


def check(network, batch=4, built=SMALL, steps=2, shift=5):
    """Train, compare, and return the losses before each step."""
    parameters, data = network.drawn(0), batches(network, batch, steps)
    made = compile_training(network, parameters, batch, built, shift=shift, steps=steps)
    for number, (x, y) in enumerate(data):
        made.write(None, x, y, number)
    machine = made.machine()
    outcome = machine.run(made.program.start)
    assert (outcome.fault, outcome.breaches) == (0, [])
    losses = []
    for x, y in data:
        parameters, loss = Learning(network, built).step(x, y, parameters, shift)
        losses.append(loss)
    found = made.parameters(machine.memory)
    assert found.keys() == parameters.keys()
    for name, values in parameters.items():
        assert found[name].tobytes() == values.tobytes(), name
    return losses


def residual(stride):
    network = Network((4, 4, 4))
    x = network.add(Relu(), network.add(Conv2d(4, 3), network.input))
    h = network.add(Relu(), network.add(Conv2d(8, 3, stride), x))
    h = network.add(Conv2d(8, 3), h)
    x = network.add(Relu(), network.add(Add(), h, network.add(Conv2d(8, 1, stride), x)))
    h = network.add(Conv2d(8, 3, bias=False), x)
    x = network.add(Relu(), network.add(Add(), h, x))
    network.add(Dense(3), network.add(Flatten(), network.add(GlobalAveragePool(), x)))
    return network


CASES = {
    "dense": (of((7,), Dense(10), Relu(), Dense(3)), 8),
    "dense layers beyond the memories": (of((50,), Dense(60), Relu(), Dense(30)), 12),
    "conv 3": (of((2, 4, 5), Conv2d(6, 3), Relu(), Conv2d(4, 3), Relu(), Conv2d(3, 3)), 8),
    "conv 3, stride 2": (of((2, 5, 4), Conv2d(6, 3), Relu(), Conv2d(5, 3, 2), Conv2d(3, 3, 2)), 4),
    "conv 5 and 7": (of((2, 5, 5), Conv2d(4, 5, 2), Relu(), Conv2d(4, 7), Conv2d(3, 5, 2)), 4),
    "conv 1, stride 2": (of((3, 4, 4), Conv2d(5, 1), Relu(), Conv2d(4, 1, 2)), 4),
    "padding": (of((2, 3, 3), Conv2d(4, 3, padding=2), Conv2d(4, 3, 2, padding=0)), 4),
    "pools": (of((5, 9, 8), Conv2d(6, 3), AveragePool(2), Conv2d(4, 3), AveragePool(4)), 4),
    "pools first": (of((5, 4, 4), AveragePool(2), Relu(), Conv2d(3, 1), Relu(), Relu()), 4),
    "flat pixels": (of((3, 4, 3), Conv2d(5, 3), Relu(), Flatten(), Dense(6), Relu()), 8),
    "flat pixels with a border": (
        of((3, 3, 3), Conv2d(5, 3), Relu(), Conv2d(6, 3), Flatten(), Dense(6), Relu(), Dense(3)),
        4,
    ),
    "K and columns": (of((4, 3, 3), Conv2d(30, 3), Relu(), Conv2d(20, 3)), 4),
    "bands": (of((4, 12, 4), Conv2d(6, 3), Relu(), Conv2d(6, 3)), 4),
    "residual": (residual(1), 4),
    "residual with a stride": (residual(2), 4),
}


LONG = {
    *("dense layers beyond the memories", "conv 3", "conv 5 and 7", "padding", "pools"),
    *("K and columns", "bands", "flat pixels", "residual", "flat pixels with a border"),
}
"""Cases whose parts have shorter cases too."""


@pytest.mark.parametrize(
    ("network", "batch"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.long] if name in LONG else [])
        for name, case in CASES.items()
    ],
)
def test_weights_are_those_of_plain_products(network, batch):
    check(network, batch)


@pytest.mark.long
@pytest.mark.parametrize("depth", [16, 64, 512])
@pytest.mark.parametrize("seed", range(3))
def test_random_networks(depth, seed):
    random = np.random.default_rng(seed)
    network = Network((int(random.integers(1, 6)), *(int(n) for n in random.integers(3, 7, 2))))
    name = network.input
    for _ in range(random.integers(1, 4)):
        kernel, stride = int(random.choice([1, 3, 5])), int(random.choice([1, 2]))
        name = network.add(Conv2d(int(random.integers(1, 10)), kernel, stride), name)
        if random.random() < 0.5:
            name = network.add(Relu(), name)
        if random.random() < 0.5:
            outputs = network.shapes[name][0]
            other = network.add(Conv2d(outputs, int(random.choice([1, 3])), bias=False), name)
            name = network.add(Add(), other, name)
        if random.random() < 0.3 and min(network.shapes[name][1:]) > 1:
            name = network.add(AveragePool(2), name)
    if random.random() < 0.7:
        name = network.add(Dense(3), network.add(Flatten(), name))
    check(network, 4 * int(random.integers(1, 3)), Configuration(tile=4, pes=16, depth=depth))


def test_another_element():
    network = of((3, 4, 4), Conv2d(5, 3, 2), Relu(), Flatten(), Dense(3))
    check(network, 4, Configuration(E5M2, tile=4, pes=16, depth=64, bus=128))


def test_learns():
    network = of((6,), Dense(12), Relu(), Dense(2))
    random = np.random.default_rng(0)
    x = random.standard_normal((8, 6)).astype(np.float32)
    y = np.stack([x[:, 0], x[:, 1] * x[:, 2]], axis=1)
    made = compile_training(network, network.drawn(0), 8, SMALL, shift=5)
    machine, losses = made.machine(), []
    made.write(machine.memory, x, y)
    for _ in range(25):
        assert machine.run(made.program.start).fault == 0
        losses.append(float(np.square(made.read(machine.memory) - y).sum()))
    assert losses[-1] < losses[0] / 10


def test_a_loss_of_the_host():
    """Cross-entropy: the program ends, the host writes a plane, and it goes on."""
    network = of((2, 4, 4), Conv2d(4, 3), Relu(), Flatten(), Dense(3))
    parameters, ((x, _),) = network.drawn(0), batches(network, 4, 1)
    made = compile_training(network, parameters, 4, SMALL, shift=None)
    machine = made.machine()
    made.write_images(machine.memory, x)
    before = machine.run(made.program.start)
    assert (before.fault, before.irq) == (0, True)
    z = made.read(machine.memory)
    chances = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    slope = ((np.eye(3)[[0, 1, 2, 0]] - chances) / 16).astype(np.float32)
    made.write_slope(machine.memory, slope)
    assert machine.run(before.program).fault == 0
    learning = Learning(network, SMALL)
    assert z.tobytes() == learning.run(x, parameters).tobytes()
    expected = learning.update(slope.reshape(4, 3, 1, 1), parameters)
    for name, found in made.parameters(machine.memory).items():
        assert found.tobytes() == expected[name].tobytes()
    with pytest.raises(ValueError, match=r"^the host makes the gradient: there are no targets"):
        made.write(machine.memory, x, slope)


@pytest.mark.parametrize("bug", ["mask", "taps", "update"])
def test_a_planted_bug_is_caught(monkeypatch, bug):
    """A gradient goes through a ReLU that said 0, taps are not reversed, an update is lost."""
    original = gradient.Backward._target

    def without_mask(*args):
        target = original(*args)
        return replace(target, result=replace(target.result, mask=None))

    def straight(*args):
        return [(seen, kys[::-1], kxs[::-1]) for seen, kys, kxs in window.backward(*args)]

    if bug == "mask":
        monkeypatch.setattr(gradient.Backward, "_target", without_mask)
    elif bug == "taps":
        monkeypatch.setattr(gradient, "backward", straight)
    else:
        monkeypatch.setattr(gradient.Backward, "_weights", lambda *_: iter(()))
    network = of((2, 3, 3), Conv2d(4, 3), Relu(), Conv2d(3, 3))
    with pytest.raises(AssertionError):
        check(network, 4, steps=1)


def test_what_does_not_train():
    network = of((4,), Dense(3))
    with pytest.raises(ValueError, match=r"^batch must be a multiple of 4, not 6$"):
        compile_training(network, network.drawn(0), 6, SMALL, shift=3)
    with pytest.raises(ValueError, match=r"^the network has no weights to train$"):
        compile_training(of((4,), Relu()), {}, 4, SMALL, shift=3)
    made = compile_training(network, network.drawn(0), 4, SMALL, shift=3)
    x, y = np.zeros((4, 4), np.float32), np.zeros((4, 2), np.float32)
    with pytest.raises(ValueError, match=r"^targets must have the shape \(4, 3\), not \(4, 2\)$"):
        made.write(None, x, y)
