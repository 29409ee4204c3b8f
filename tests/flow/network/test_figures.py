"""Costs of layers, and how well loads hide behind products."""

import numpy as np
import pytest
from mxsf.flow.network.digits import digits_cnn, digits_mlp, digits_step
from mxsf.flow.network.figures import layer_costs
from mxsf.flow.network.inference import compile_network
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.cost import cost
from mxsf.golden.accelerator.descriptor import Fence

CNN = digits_cnn()


def test_layers_add_up():
    made = compile_network(CNN, CNN.drawn(0), 64, Configuration())
    whole = cost(made.program.descriptors, made.program.built)
    costs = layer_costs(made.program, made.marks)
    assert [each.layer for each in costs] == ["conv2d1", "conv2d3", "averagepool5", "dense7"]
    for name in ("cycles", "read", "written", "products"):
        assert sum(getattr(each, name) for each in costs) == getattr(whole, name)
    pixels = np.array([8 * 8, 4 * 4, 2 * 2 * 4, 1])  # a pool multiplies channels by themselves
    assert [each.products for each in costs] == list(
        64 * pixels * [72 * 16, 144 * 16, 16 * 8, 64 * 16]
    )


@pytest.mark.parametrize(("bus", "least"), [(64, 0.95), (512, 0.97)])
def test_loads_are_hidden(bus, least):
    made = compile_network(CNN, CNN.drawn(0), 64, Configuration(bus=bus))
    found = cost(made.program.descriptors, made.program.built)
    assert found.useful > least
    assert sum(isinstance(d, Fence) for d in made.program.descriptors) <= 5


@pytest.mark.parametrize(
    ("network", "bus", "least"),
    [
        pytest.param(digits_mlp(), 64, 0.87, id="mlp-64"),
        pytest.param(digits_mlp(), 512, 0.95, id="mlp-512"),
        pytest.param(digits_cnn(), 64, 0.96, id="cnn-64"),
        pytest.param(digits_cnn(), 512, 0.98, id="cnn-512", marks=pytest.mark.long),
    ],
)
def test_the_array_is_busy_in_a_training_step(network, bus, least):
    built = Configuration(bus=bus)
    one, two = (
        cost(digits_step(network, built, steps=n).program.descriptors, built) for n in (1, 2)
    )
    assert (two.steps - one.steps) / (two.cycles - one.cycles) > least
