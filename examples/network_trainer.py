"""Training of networks of the digits: on the accelerator, or in floating point to compare with.

Every step is one program of the accelerator: forward, squared loss, backward, update. The host
writes the next images and targets into memory, and reads what the network said.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from float_network import FloatNetwork, bf16, fp32
from mxsf.flow.device.local import GoldenDevice, RtlDevice
from mxsf.flow.network.digits import CLASSES, SHIFT
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.network import Network, Parameters
from mxsf.flow.network.training import compile_training
from mxsf.golden import FORMATS
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.machine import Machine
from mxsf.golden.files import read_archive, write_archive
from numpy.typing import NDArray
from train_digits import Split

Floats = NDArray[np.float32]
Report = Callable[[str], None]

REFERENCES = {"fp32": fp32, "bf16": bf16}
BATCH = 64


class Run(NamedTuple):
    """Losses, one a step, half the squared distance of a batch; the accuracy on the test images."""

    losses: list[float]
    accuracy: float


def batches(
    data: Split, network: Network, seed: int, epoch: int
) -> Iterator[tuple[Floats, Floats]]:
    """Images and targets of an epoch, in an order that its number and the seed say."""
    order = np.random.default_rng([seed, epoch]).permutation(len(data.x_train))
    one, shape = np.eye(CLASSES, dtype=np.float32), network.shapes[network.input]
    for first in range(0, len(order) - BATCH + 1, BATCH):
        some = order[first : first + BATCH]
        yield data.x_train[some].reshape(BATCH, *shape), one[data.y_train[some]]


def accuracy(said: Floats, labels: NDArray[np.int64]) -> float:
    """Share of images whose largest number is that of their class."""
    return float((said.argmax(axis=1) == labels).mean())


def train_reference(data: Split, network: Network, name: str, epochs: int, seed: int) -> Run:
    """Train in NumPy."""
    model = FloatNetwork(network, network.drawn(seed), REFERENCES[name])
    losses = [
        model.step(x, y, 2.0**-SHIFT)
        for epoch in range(epochs)
        for x, y in batches(data, network, seed, epoch)
    ]
    images = data.x_test.reshape(-1, *network.shapes[network.input])
    return Run(losses, accuracy(model.run(images), data.y_test))


class Trainer:
    """Training on an accelerator.

    Args:
        data: the digits.
        network: what learns.
        element: name of the element format.
        seed: of the weights at first and of the order of images.
        device: golden or rtl.
        report: told what long work is under way.

    Attributes:
        memory: the accelerator's, with the weights in it.
        epoch: how many are done.
        losses: of all steps.
    """

    def __init__(
        self,
        data: Split,
        network: Network,
        element: str,
        seed: int,
        device: str = GoldenDevice.name,
        report: Report | None = None,
    ):
        self.data, self.network, self.seed = data, network, seed
        self.built = Configuration(FORMATS[element])
        parameters = network.drawn(seed)
        self.made = compile_training(network, parameters, BATCH, self.built, shift=SHIFT)
        image = self.made.program.image()
        if device == RtlDevice.name:
            self.device = RtlDevice(self.built, len(image), report=report)
        else:
            self.device = GoldenDevice(self.built, len(image))
        self.device.put(0, image)
        self.memory = self.device.memory
        self.epoch, self.losses = 0, list[float]()

    def run_epoch(self) -> None:
        """All images once."""
        for x, y in batches(self.data, self.network, self.seed, self.epoch):
            self.made.write(self.memory, x, y)
            self.device.run(self.made.program.start)
            said = self.made.read(self.memory)
            self.losses.append(float(np.square(said - y).sum() / 2))
        self.epoch += 1

    def accuracy(self) -> float:
        """On the test images, by an inference program of the weights so far."""
        images = self.data.x_test.reshape(-1, *self.network.shapes[self.network.input])
        made = compile_network(self.network, self.parameters(), len(images), self.built)
        machine = Machine(self.built, made.program.image())
        made.write(machine.memory, images)
        machine.run(made.program.start)
        return accuracy(made.read(machine.memory), self.data.y_test)

    def parameters(self) -> Parameters:
        """Weights and biases so far."""
        return self.made.parameters(self.memory)

    def save(self, path: Path) -> None:
        """Write the memory to a file, whole or not at all."""
        facts = {**self._facts(), "epoch": self.epoch, "losses": self.losses}
        write_archive(path, {"facts": json.dumps(facts), "memory": self.memory})

    def resume(self, path: Path) -> None:
        """Go on from a saved memory.

        Raises:
            ValueError: it is that of another training, or damaged.
        """
        with read_archive(path, "memory of this training") as members:
            facts: dict[str, Any] = json.loads(str(members["facts"]))
            for name, value in self._facts().items():
                if facts[name] != value:
                    raise ValueError(f"{name} must be {value}, not {facts[name]}")
            if members["memory"].shape != self.memory.shape:
                raise ValueError(f"memory has {members['memory'].shape} bytes")
            self.memory[:] = members["memory"]
            self.epoch, self.losses = facts["epoch"], facts["losses"]

    def _facts(self) -> dict[str, Any]:
        return {
            "element": self.built.element.name,
            "network": [*self.network.nodes],
            "seed": self.seed,
        }
