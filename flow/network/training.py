"""Training of a network: forward, backward and update as one program.

The loss is half the squared distance of what the network says from what it should say; its gradient
leaves the epilogue once, times the learning rate, a power of two, and all later products are plain.
Weights are FP32 words, to which each step adds in one exact rounding a tile of K; the tiles that
products read are quantized from them on the way out. Or the host makes the gradient of another
loss: then the program ends before it, and goes on behind it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.machine import Machine
from ...golden.accelerator.plane import Matrix
from ...golden.accelerator.program import Program
from ...golden.accelerator.result import Result
from .gradient import Backward
from .images import Images, groups_of
from .inference import Forward
from .network import Network, Parameters
from .parameters import Stored, from_matrix, put_parameters
from .products import Identity, Target, outputs
from .schedule import Job, Pause, write
from .stages import Lowered, lower
from .window import forward

__all__ = ["Batch", "Training", "compile_training"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Planes of a step.

    Attributes:
        input: images.
        target: what the network should say of them, negative; None: the host makes the gradient.
    """

    input: Images
    target: Images | None


@dataclass(frozen=True)
class Training:
    """A program that trains a network.

    Attributes:
        program: with its image.
        lowered: the network.
        steps: planes of each step.
        stored: parameters by layer.
        output: what the network says.
        slope: gradient of what it says, times -rate.
        marks: for each product its layer, and how many descriptors there are behind it.
    """

    program: Program
    lowered: Lowered
    steps: list[Batch]
    stored: dict[str, Stored]
    output: Images
    slope: Images
    marks: list[tuple[str, int]]

    def write(
        self, memory: NDArray[np.uint8] | None, images: Floats, targets: Floats, step: int = 0
    ) -> None:
        """Put what a step learns from into a memory, or into the program's image.

        Args:
            memory: where to; None: the image.
            images: float32 (batch, *shape of the input).
            targets: what the network should say, float32 (batch, *shape of the output).
            step: which one of the program.

        Raises:
            ValueError: they have another shape, or the host makes the gradient.
        """
        target = self.steps[step].target
        if target is None:
            raise ValueError("the host makes the gradient: there are no targets to write")
        self.write_images(memory, images, step)
        target.write(self.program.tensors, -targets, memory)

    def write_images(self, memory: NDArray[np.uint8] | None, images: Floats, step: int = 0) -> None:
        """Put images into a memory, or into the program's image; see ``write``."""
        self.steps[step].input.write(self.program.tensors, images, memory)

    def write_slope(self, memory: NDArray[np.uint8], slope: Floats) -> None:
        """Put the gradient of the host's loss, times -rate, into a memory.

        Args:
            memory: where to.
            slope: float32 (batch, *shape of the output), 0 where a last ReLU said 0.
        """
        self.slope.write(self.program.tensors, slope, memory)

    def read(self, memory: NDArray[np.uint8]) -> Floats:
        """What the network said last, float32 (batch, *shape of the output)."""
        return self.output.read(self.program.tensors, memory)

    def parameters(self, memory: NDArray[np.uint8]) -> Parameters:
        """Weights and biases that a run left in a memory."""
        found: Parameters = {}
        shapes = self.lowered.network.parameter_shapes()
        for name, stored in self.stored.items():
            assert stored.words is not None
            weight = f"{name}.weight"
            matrix = self.program.get(stored.words, memory)
            found[weight] = from_matrix(stored.stage, matrix, shapes[weight])
            if stored.bias is not None:
                found[f"{name}.bias"] = self.program.get(stored.bias, memory)[0].copy()
        return found

    def machine(self) -> Machine:
        """A golden machine with the program and the parameters in its memory."""
        return Machine(self.program.built, self.program.image())


def compile_training(
    network: Network,
    parameters: Mapping[str, Floats],
    batch: int,
    built: Configuration,
    *,
    shift: int | None,
    steps: int = 1,
) -> Training:
    """Make a program that trains.

    Args:
        network: its layers.
        parameters: weights and biases at first.
        batch: images of a step, a multiple of the tile.
        built: the accelerator.
        shift: the learning rate is ``2**-shift`` times the batch; None: the host makes the
            gradient of the loss, and the program ends with an interrupt before and behind it.
        steps: how many; each has images and targets of its own.

    Raises:
        ValueError: parameters do not suit, or something does not fit.
    """
    if batch < 1 or batch % built.tile:
        raise ValueError(f"batch must be a multiple of {built.tile}, not {batch}")
    lowered, program = lower(network, training=True), Program(built)
    stored = put_parameters(program, lowered, parameters, words=True)
    if not stored:
        raise ValueError("the network has no weights to train")
    made = _Steps(program, lowered, stored, batch, shift)
    planes = [made.planes(number) for number in range(steps)]
    marks = write(program, [job for each in planes for job in made.jobs(each)])
    program.end()
    words = made.run.words[lowered.output.name]
    output = made.run.images("output", words, lowered.output, batch)
    slope = made.run.images("slope", made.slope, lowered.output, batch)
    return Training(program, lowered, planes, stored, output, slope, marks)


class _Steps:
    """The products of a step."""

    def __init__(
        self,
        program: Program,
        lowered: Lowered,
        stored: dict[str, Stored],
        batch: int,
        shift: int | None,
    ):
        self.program, self.lowered = program, lowered
        self.batch, self.shift = batch, shift
        self.run = Forward(program, lowered, stored, groups_of(batch, program.built))
        self.back = Backward(self.run)
        self.slope = self.back.slope(lowered.output)

    def planes(self, number: int) -> Batch:
        """Find the planes of a step."""
        found = []
        tensors = {"images": self.lowered.input, "targets": self.lowered.output}
        for name, tensor in tensors.items():
            plane = self.program.matrix(f"{name} {number}", self.run.shape(tensor))
            found.append(self.run.images(name, plane, tensor, self.batch))
            if self.shift is None:
                return Batch(found[0], None)
        return Batch(*found)

    def jobs(self, planes: Batch) -> Iterator[Job]:
        """Forward, loss, backward with updates."""
        yield from self.run.jobs(_tiles(planes.input), reuse=False)
        if planes.target is None:
            yield Pause("loss")
        else:
            yield from self._loss(_tiles(planes.target))
        yield from self.back.jobs()

    def _loss(self, target: Matrix) -> Iterator[Job]:
        """The slope: -2^-shift (z - y)."""
        assert self.shift is not None
        tensor = self.lowered.output
        layout = tensor.layout(self.run.groups, self.program.built.tile)
        result = Result(
            tiles=self.slope,
            init=self.run.words[tensor.name],
            mask=self.run.tiles[tensor.name] if tensor.relu else None,
            shift=-self.shift,
            negate=True,
        )
        window = forward(layout, layout, (1, 1), 1, 0).alone()
        place = Target(layout, result, self.run.once("sums of the loss", tensor))
        eye = Identity(self.back.eye(0))
        yield from outputs("loss", window, target, eye, place, self.program.built.depth)


def _tiles(images: Images) -> Matrix:
    """Their plane, which is one of tiles."""
    assert isinstance(images.plane, Matrix)
    return images.plane
