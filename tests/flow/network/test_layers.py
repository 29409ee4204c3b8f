"""Layers say what they need, and networks what does not fit together."""

import re

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
from mxsf.flow.network.stages import lower
from mxsf.golden.accelerator.configuration import Configuration

SMALL = Configuration(tile=4, pes=4, depth=64)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(0, 3), "outputs must be at least 1, not 0"),
        (lambda: Conv2d(4, 2), "kernel must be 1, 3, 5 or 7, not 2"),
        (lambda: Conv2d(4, 3, 3), "stride must be 1 or 2, not 3"),
        (lambda: Conv2d(4, 3, padding=3), "padding must be 0 to 2, not 3"),
        (lambda: AveragePool(3), "size must be a power of two, not 3"),
        (lambda: Dense(-1), "outputs must be at least 1, not -1"),
    ],
)
def test_layers_that_are_none(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize(
    ("shape", "layer", "message"),
    [
        ((4, 2, 3), Conv2d(4, 5, padding=0), "2 x 3 pixels are fewer than a 5 kernel"),
        ((9,), Conv2d(4, 3), "conv2d takes channels, height and width, not (9,)"),
        ((4, 2, 3), Dense(3), "dense takes features, not (4, 2, 3): flatten them first"),
        ((4, 2, 3), AveragePool(4), "2 x 3 pixels are fewer than a window of 4"),
        ((4, 2, 3), GlobalAveragePool(), "2 x 3 pixels are no power of two"),
    ],
)
def test_layers_that_do_not_suit(shape, layer, message):
    network = Network(shape)
    with pytest.raises(ValueError, match=f"^odd: {re.escape(message)}$"):
        network.add(layer, network.input, name="odd")


def test_networks_that_are_none():
    network = Network((4, 3, 3))
    h = network.add(Conv2d(8, 3), network.input, name="h")
    for inputs, message in [
        ((h,), "add2 takes 2 inputs, not 1"),
        ((h, "x"), "add2 is fed by x, which is not there"),
        ((h, network.input), "add2: add takes two of one shape, not (8, 3, 3) and (4, 3, 3)"),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            network.add(Add(), *inputs)
    with pytest.raises(ValueError, match=r"^h is there twice$"):
        network.add(Relu(), h, name="h")
    with pytest.raises(ValueError, match=r"^an input has channels, height and width, or features"):
        Network((4, 3))
    with pytest.raises(ValueError, match=r"^a network has at least one layer$"):
        lower(Network((4,)))
    with pytest.raises(ValueError, match=r"^flatten1 is the input itself"):
        lower(Network.of((4, 3, 3), [Flatten()]))


def test_what_has_no_stage():
    network = Network((4, 3, 3))
    network.add(Add(), network.input, network.input)
    with pytest.raises(ValueError, match=r"^add1 adds the input to itself$"):
        lower(network)
    network = Network((4, 2, 2))
    one = network.add(Flatten(), network.add(Conv2d(4, 3), network.input))
    other = network.add(Dense(16), network.add(Flatten(), network.input))
    network.add(Add(), one, other)
    with pytest.raises(ValueError, match=r"^add5: features of \(4, 2, 2\) and \(16, 1, 1\) lie"):
        lower(network)


def test_parameters_that_do_not_suit():
    network = Network.of((4,), [Dense(3)])
    good = network.drawn(0)
    assert {name: values.shape for name, values in good.items()} == {
        "dense1.weight": (4, 3),
        "dense1.bias": (3,),
    }
    for change, message in [
        (
            {"dense1.bias": np.zeros(4, np.float32)},
            "dense1.bias must have the shape (3,), not (4,)",
        ),
        ({"dense2.bias": np.zeros(3, np.float32)}, "dense2.bias is a parameter of no layer"),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            compile_network(network, good | change, 4, SMALL)
    with pytest.raises(ValueError, match=r"^dense1.weight is missing$"):
        compile_network(network, {}, 4, SMALL)
    with pytest.raises(ValueError, match=r"^batch must be at least 1, not 0$"):
        compile_network(network, good, 0, SMALL)


def test_images_that_do_not_suit():
    network = Network.of((4,), [Dense(3)])
    made = compile_network(network, network.drawn(0), 4, SMALL)
    with pytest.raises(ValueError, match=r"^input must have the shape \(4, 4\), not \(3, 4\)$"):
        made.write(made.program.image(), np.zeros((3, 4), np.float32))
