"""Networks compiled for the accelerator give the bits of plain golden products."""

import numpy as np
import pytest
from mxsf.flow.network.inference import compile_network
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
from mxsf.golden import E4M3, INT8
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.machine import Machine
from plain_network import Plain

SMALL = Configuration(tile=4, pes=4, depth=64)


def drawn(network, seed=0):
    """Parameters with biases that are not zero."""
    random = np.random.default_rng(seed)
    return {
        name: values if values.any() else random.standard_normal(values.shape).astype(np.float32)
        for name, values in network.drawn(seed).items()
    }


def images(network, batch, seed=1):
    shape = (batch, *network.shapes[network.input])
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def run(made, *inputs):
    """Outputs of several runs in one memory."""
    machine = Machine(made.program.built, made.program.image())
    found = []
    for x in inputs:
        made.write(machine.memory, x)
        outcome = machine.run(made.program.start)
        assert (outcome.fault, outcome.breaches) == (0, [])
        found.append(made.read(machine.memory))
    return found


def check(network, batch=4, built=SMALL, runs=1):
    parameters = drawn(network)
    made = compile_network(network, parameters, batch, built)
    some = [images(network, batch, seed) for seed in range(runs)]
    for x, found in zip(some, run(made, *some), strict=True):
        expected = Plain(network, built).run(x, parameters)
        assert found.shape == (batch, *network.shapes[network.output])
        assert found.tobytes() == expected.tobytes()
    return made


def residual(channels=4, size=5, stride=1):
    """Two blocks as of a ResNet: the second one with a projection."""
    network = Network((channels, size, size))
    x = network.add(Relu(), network.add(Conv2d(channels, 3), network.input))
    h = network.add(Relu(), network.add(Conv2d(channels, 3), x))
    x = network.add(Relu(), network.add(Add(), network.add(Conv2d(channels, 3), h), x))
    h = network.add(Relu(), network.add(Conv2d(2 * channels, 3, stride), x))
    h = network.add(Conv2d(2 * channels, 3, bias=False), h)
    x = network.add(Relu(), network.add(Add(), h, network.add(Conv2d(2 * channels, 1, stride), x)))
    if network.shapes[x][1] in (1, 2, 4, 8):
        x = network.add(GlobalAveragePool(), x)
    network.add(Dense(3), network.add(Flatten(), x))
    return network


def of(shape, *layers):
    return Network.of(shape, layers)


CASES = {
    "dense": (of((7,), Dense(10), Relu(), Dense(3)), 6),
    "dense layers beyond the memories": (of((90,), Dense(70), Relu(), Dense(30)), 20),
    "conv 3": (of((1, 6, 6), Conv2d(6, 3), Relu(), Conv2d(4, 3, 2)), 4),
    "conv 5, stride 2": (of((3, 7, 6), Conv2d(5, 5, 2), Conv2d(4, 1)), 8),
    "conv 7 without padding": (of((2, 9, 8), Conv2d(4, 7, padding=0), Relu()), 4),
    "conv 1, stride 2": (of((5, 5, 7), Conv2d(4, 1, 2), Conv2d(4, 1)), 4),
    "more padding": (of((2, 3, 3), Conv2d(4, 3, 2, padding=2), Conv2d(4, 3, padding=0)), 4),
    "bands, columns": (of((6, 9, 4), Conv2d(14, 3), Conv2d(4, 3)), 5),
    "bands of parts of lines": (of((12, 3, 18), Conv2d(4, 3)), 4),
    "K in lines of taps": (of((30, 4, 4), Conv2d(6, 3), Conv2d(5, 1)), 4),
    "K in taps": (of((60, 3, 3), Conv2d(9, 3), Relu()), 4),
    "K in channels": (of((150, 2, 2), Conv2d(5, 3)), 4),
    "tiny memories": (of((5, 3, 3), Conv2d(6, 3), Conv2d(3, 5)), 4),
    "a pool": (of((9, 8, 8), AveragePool(2), Conv2d(4, 3), AveragePool(4)), 8),
    "a pool with rests": (of((5, 5, 7), Conv2d(5, 3), AveragePool(2)), 4),
    "a pool beyond a memory": (of((4, 16, 16), AveragePool(16)), 4),
    "a global pool": (of((5, 2, 4), Conv2d(6, 3), GlobalAveragePool()), 12),
    "flat pixels": (of((3, 4, 4), Conv2d(5, 3), Relu(), Flatten(), Dense(6)), 8),
    "flat pixels with a border": (
        of((3, 4, 4), Conv2d(8, 3), Relu(), Conv2d(8, 3), Flatten(), Relu(), Dense(6)),
        8,
    ),
    "relu first": (of((3, 3, 3), Relu(), Relu(), Conv2d(4, 3)), 4),
    "relu last": (of((3,), Dense(9), Relu(), Relu()), 4),
    "residual": (residual(), 4),
    "residual with a stride": (residual(4, 4, 2), 8),
}


LONG = {
    *("bands, columns", "K in lines of taps", "K in taps", "conv 5, stride 2", "conv 1, stride 2"),
    *("dense layers beyond the memories", "flat pixels", "a pool with rests", "more padding"),
    *("a pool", "residual", "tiny memories"),
}
"""Cases whose parts have shorter cases too."""


@pytest.mark.parametrize(
    ("network", "batch"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.long] if name in LONG else [])
        for name, case in CASES.items()
    ],
)
def test_bits_are_those_of_plain_products(network, batch, request):
    tiny = "tiny" in request.node.name
    check(network, batch, Configuration(tile=4, pes=4, depth=8) if tiny else SMALL)


def test_planes_are_used_again():
    """Run after run: what was left in them is not taken for anything else."""
    network = residual(4, 4, 2)
    check(network, 4, runs=2)
    deep = [of((4, 6, 6), *[Conv2d(4, 3, bias=False)] * count) for count in (6, 7)]
    sizes = [compile_network(n, n.drawn(0), 4, SMALL).program.tensors.size for n in deep]
    weights = 9 * (SMALL.code_record + 1)
    assert sizes[1] - sizes[0] == weights + -weights % SMALL.beat


@pytest.mark.parametrize("element", [E4M3, INT8], ids=str)
def test_other_elements(element):
    check(residual(), 4, Configuration(element, tile=4, pes=16, depth=64, bus=128))


@pytest.mark.long
@pytest.mark.parametrize("depth", [32, 256])
@pytest.mark.parametrize("seed", range(5))
def test_random_networks(depth, seed):
    random = np.random.default_rng(seed)
    channels, height, width = random.integers(1, 12), *random.integers(4, 10, 2)
    network = Network((int(channels), int(height), int(width)))
    name = network.input
    for _ in range(random.integers(1, 4)):
        kernel, stride = int(random.choice([1, 3, 5, 7])), int(random.choice([1, 2]))
        name = network.add(Conv2d(int(random.integers(1, 10)), kernel, stride), name)
        if random.random() < 0.5:
            name = network.add(Relu(), name)
        if random.random() < 0.5:
            outputs = network.shapes[name][0]
            other = network.add(Conv2d(outputs, 3, bias=False), name)
            name = network.add(Add(), name, other)
    if random.random() < 0.7:
        name = network.add(Dense(7), network.add(Flatten(), name))
    check(network, int(random.integers(1, 10)), Configuration(tile=4, pes=16, depth=depth))
