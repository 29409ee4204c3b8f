"""Networks that learn the digits, 8 x 8 pixels, and a training step of each as a program."""

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ..catalogue.catalogue import tensors
from .layers import AveragePool, Conv2d, Dense, Flatten, Layer, Relu
from .network import Network
from .training import Training, compile_training

__all__ = ["CLASSES", "SHIFT", "digits_batch", "digits_cnn", "digits_mlp", "digits_step"]

Floats = NDArray[np.float32]

CLASSES = 10

SHIFT = 8
"""The learning rate is 2^-8 times the batch of 64: a quarter."""

_SIZE = 8


def digits_mlp() -> Network:
    """64 -> 128 (ReLU) -> 10."""
    return Network.of((_SIZE * _SIZE,), [Dense(128), Relu(), Dense(CLASSES)])


def digits_cnn() -> Network:
    """Convolution 3 to 16 channels, another one with stride 2, a pool of 2 x 2, a dense layer."""
    layers: list[Layer] = [Conv2d(16, 3), Relu(), Conv2d(16, 3, stride=2), Relu()]
    return Network.of((1, _SIZE, _SIZE), [*layers, AveragePool(2), Flatten(), Dense(CLASSES)])


def digits_batch() -> tuple[Floats, Floats]:
    """The 64 images that ship with the project, and a 1 where their class is, float32.

    Returns:
        (64, 64) pixels and (64, 10).
    """
    found = tensors()
    labels = found["dz2"].argmin(axis=1)  # the gradient is below zero at the label only
    return found["x"], np.eye(CLASSES, dtype=np.float32)[labels]


def digits_step(
    network: Network, built: Configuration, *, steps: int = 1, shift: int = SHIFT
) -> Training:
    """Training steps of a network on the images that ship with the project, as one program.

    Args:
        network: of ``digits_mlp`` or ``digits_cnn``.
        built: the accelerator.
        steps: how many, all on the same images.
        shift: of the learning rate.
    """
    x, y = digits_batch()
    parameters = network.drawn(0)
    made = compile_training(network, parameters, len(x), built, shift=shift, steps=steps)
    for number in range(steps):
        made.write(None, x.reshape(len(x), *network.shapes[network.input]), y, number)
    return made
