"""Inference of a network as one program: images in, the output's words out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.plane import Matrix, Words
from ...golden.accelerator.program import Program
from ...golden.accelerator.result import Result
from .images import Images, groups_of
from .network import Network
from .parameters import Stored, put_parameters
from .planes import Planes
from .products import Identity, Straight, Target, outputs
from .schedule import Job, write
from .stages import Kind, Lowered, Stage, Tensor, lower

__all__ = ["Forward", "Inference", "compile_network", "identity"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Inference:
    """A program that runs a network on images.

    Attributes:
        program: with its image, in which the weights are.
        lowered: the network.
        input: the images.
        output: what the network says of them.
        marks: for each product its layer, and how many descriptors there are behind it.
    """

    program: Program
    lowered: Lowered
    input: Images
    output: Images
    marks: list[tuple[str, int]]

    def write(self, memory: NDArray[np.uint8], images: Floats) -> None:
        """Put images, float32 (batch, *shape of the input), into a memory.

        Raises:
            ValueError: they have another shape.
        """
        self.input.write(self.program.tensors, images, memory)

    def read(self, memory: NDArray[np.uint8]) -> Floats:
        """What the network said, float32 (batch, *shape of the output)."""
        return self.output.read(self.program.tensors, memory)


def compile_network(
    network: Network, parameters: Mapping[str, Floats], batch: int, built: Configuration
) -> Inference:
    """Make a program of a network.

    Args:
        network: its layers.
        parameters: weights and biases.
        batch: images of a run.
        built: the accelerator.

    Raises:
        ValueError: parameters do not suit, or something does not fit.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    lowered, program = lower(network), Program(built)
    stored = put_parameters(program, lowered, parameters, words=False)
    run = Forward(program, lowered, stored, groups_of(batch, built))
    first = program.matrix("input", run.shape(lowered.input))
    marks = write(program, run.jobs(first, reuse=True))
    program.end()
    images = run.images("input", first, lowered.input, batch)
    output = run.images("output", run.words[lowered.output.name], lowered.output, batch)
    return Inference(program, lowered, images, output, marks)


def identity(program: Program) -> Matrix:
    """A tile with ones on its diagonal."""
    return program.put("identity", np.eye(program.built.tile, dtype=np.float32))


class Forward:
    """The products of all stages, and the planes that they make.

    Args:
        program: where planes are found.
        lowered: the network.
        stored: parameters by stage.
        groups: of images.
        planes: finds planes; None: a new one.

    Attributes:
        tiles, words: planes by tensor, as far as stages make them.
    """

    def __init__(
        self,
        program: Program,
        lowered: Lowered,
        stored: Mapping[str, Stored],
        groups: int,
        planes: Planes | None = None,
    ):
        self.program, self.lowered, self.stored, self.groups = program, lowered, stored, groups
        self.planes = planes or Planes(program)
        self.tiles: dict[str, Matrix] = {}
        self.words: dict[str, Words] = {}
        means = any(stage.kind is not Kind.WEIGHTS for stage in lowered.stages)
        self.identity = identity(program) if means else None
        self._sums: dict[str, Words] = {}

    def shape(self, tensor: Tensor) -> tuple[int, int]:
        """Rows and columns of elements of a tensor's plane."""
        tile = self.program.built.tile
        layout = tensor.layout(self.groups, tile)
        return layout.rows * tile, layout.channels * tile

    def images(self, name: str, plane: Matrix | Words, tensor: Tensor, batch: int) -> Images:
        """A plane of the network's input or output, as hosts see it."""
        network = self.lowered.network
        shape = network.shapes[network.input if tensor is self.lowered.input else network.output]
        return Images.of(name, plane, tensor, batch, shape, self.program.built.tile)

    def jobs(self, first: Matrix, *, reuse: bool) -> Iterator[Job]:
        """Products of all stages in order.

        Args:
            first: plane of the input.
            reuse: whether planes are used again when no later stage takes them.
        """
        self.tiles[self.lowered.input.name] = first
        for place, stage in enumerate(self.lowered.stages):
            yield from self._stage(stage)
            if reuse:
                self._release(stage, self.lowered.stages[place + 1 :])

    def once(self, name: str, tensor: Tensor) -> Callable[[], Words]:
        """Finds words for sums of a part of K, in a tensor's layout, until ``done``."""

        def find() -> Words:
            if name not in self._sums:
                layout = tensor.layout(self.groups, self.program.built.tile)
                self._sums[name] = self.planes.words(name, layout)
            return self._sums[name]

        return find

    def done(self) -> None:
        """No product takes sums any more."""
        for words in self._sums.values():
            self.planes.free(words)
        self._sums.clear()

    def _stage(self, stage: Stage) -> Iterator[Job]:
        tile, target = self.program.built.tile, stage.target
        layout = target.layout(self.groups, tile)
        if target.tiles and target.name not in self.tiles:
            self.tiles[target.name] = self.planes.tiles(target.name, layout)
        if target.words and target.name not in self.words:
            self.words[target.name] = self.planes.words(target.name, layout)
        stored = self.stored.get(stage.name)
        result = Result(
            words=self.words.get(target.name),
            tiles=self.tiles.get(target.name),
            init=None if stage.start is None else self.words[stage.start.name],
            bias=stored.bias if stored else None,
            shift=stage.shift,
            relu=target.relu,
        )
        place = Target(layout, result, self.once(f"sums of {stage.name}", target))
        window = stage.window(self.groups, tile)
        if stored is not None:
            weights = Straight(stored.tiles, stage.taps)
        else:
            assert self.identity is not None
            weights = Identity(self.identity)
        source, depth = self.tiles[stage.source.name], self.program.built.depth
        yield from outputs(stage.name, window, source, weights, place, depth)
        self.done()

    def _release(self, stage: Stage, later: list[Stage]) -> None:
        """Planes that no later stage takes."""
        first, output = self.lowered.input, self.lowered.output
        for tensor, planes in ((stage.source, self.tiles), (stage.start, self.words)):
            if tensor is None or tensor is first or (tensor is output and planes is self.words):
                continue
            taken = [s.source if planes is self.tiles else s.start for s in later]
            if not any(tensor is other for other in taken):
                self.planes.free(planes[tensor.name])
