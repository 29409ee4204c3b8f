"""The networks of the digits learn, with the weights of plain golden products."""

import pytest
from mxsf.flow.network.digits import SHIFT, digits_batch, digits_cnn, digits_mlp, digits_step
from mxsf.golden.accelerator.configuration import Configuration
from plain_network import Learning


def check(network, steps, shift=SHIFT):
    """Train on the shipped images, and return the losses before each step."""
    built, (x, y) = Configuration(), digits_batch()
    made = digits_step(network, built, steps=steps, shift=shift)
    machine = made.machine()
    outcome = machine.run(made.program.start)
    assert (outcome.fault, outcome.breaches) == (0, [])
    parameters, losses = network.drawn(0), []
    images = x.reshape(len(x), *network.shapes[network.input])
    for _ in range(steps):
        parameters, loss = Learning(network, built).step(images, y, parameters, shift)
        losses.append(loss)
    for name, found in made.parameters(machine.memory).items():
        assert found.tobytes() == parameters[name].tobytes(), name
    return losses


def test_mlp():
    losses = check(digits_mlp(), 3, shift=10)
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.long
def test_cnn():
    losses = check(digits_cnn(), 4)
    assert losses[3] < 0.5 * losses[0]
