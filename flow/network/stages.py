"""Stages: what a network is for the accelerator, each a kind of product with its epilogue.

ReLU joins the stage before, flattening is nothing at all, and pools are products with ones.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from math import prod

from .layers import Add, AveragePool, Conv2d, Dense, Flatten, GlobalAveragePool, Relu
from .layout import Layout
from .network import Network, Node
from .window import Window, forward, reach

__all__ = ["Kind", "Lowered", "Stage", "Tensor", "lower"]


class Kind(Enum):
    """What a stage multiplies with."""

    WEIGHTS = "weights"
    """Convolution, dense layer."""
    MEAN = "mean"
    """Ones, each channel by itself: pools, and ReLU where it has no stage to join."""
    ADD = "add"
    """Ones, starting from the words of another tensor."""


@dataclass
class Tensor:
    """What a stage makes, or the input.

    Attributes:
        name: of the layer.
        channels, height, width: of an image.
        relu: whether what is below zero became zero.
        border: pixels of zeros around, for those that take it.
        tiles: how many take its tiles.
        words: how many take its words.
    """

    name: str
    channels: int
    height: int
    width: int
    relu: bool = False
    border: int = 0
    tiles: int = 0
    words: int = 0

    @property
    def pixels(self) -> int:
        """Of a channel."""
        return self.height * self.width

    def layout(self, groups: int, tile: int) -> Layout:
        """Its plane."""
        return Layout(groups, self.height, self.width, -(-self.channels // tile), self.border)


@dataclass(frozen=True)
class Stage:
    """A kind of product.

    Attributes:
        name: of the layer.
        kind: what it multiplies with.
        source: whose tiles it multiplies.
        start: whose words its sums start from, of ``Kind.ADD``.
        target: what it makes.
        taps, stride, padding: of the window over the source.
        bias: whether it has one.
        shift: of the epilogue: a pool's division.
    """

    name: str
    kind: Kind
    source: Tensor
    target: Tensor
    start: Tensor | None = None
    taps: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: int = 0
    bias: bool = False
    shift: int = 0

    @property
    def dense(self) -> bool:
        """Whether all pixels are one window."""
        whole = self.taps == (self.source.height, self.source.width) and self.target.pixels == 1
        return self.kind is Kind.WEIGHTS and whole and self.padding == 0

    def window(self, groups: int, tile: int) -> Window:
        """What its outputs see."""
        source, target = (t.layout(groups, tile) for t in (self.source, self.target))
        found = forward(source, target, self.taps, self.stride, self.padding)
        return found if self.kind is Kind.WEIGHTS else found.alone()


@dataclass(frozen=True)
class Lowered:
    """A network as stages.

    Attributes:
        network: it.
        stages: in order.
        input, output: of all of them.
    """

    network: Network
    stages: list[Stage]
    input: Tensor
    output: Tensor


def lower(network: Network, *, training: bool = False) -> Lowered:
    """Make stages of a network.

    Args:
        network: its layers.
        training: whether gradients run back through it, whose windows need borders too.

    Raises:
        ValueError: it adds its input to itself, or nothing is computed.
    """
    lowering = _Lowering(network)
    for node in network.nodes.values():
        lowering.add(node)
    first, output = lowering.tensors[network.input], lowering.tensors[network.output]
    if output is first:
        raise ValueError(f"{network.output} is the input itself: there is nothing to compute")
    output.words += 1
    for stage in lowering.stages:
        _widen(stage, backwards=training and stage.source is not first)
        if training and stage.target.relu:
            stage.target.tiles = max(1, stage.target.tiles)  # the mask of its gradient
    for stage in lowering.stages[::-1] + lowering.stages:  # planes of C have one layout
        if stage.start is not None:
            wide = max(stage.start.border, stage.target.border)
            stage.start.border = stage.target.border = wide
    return Lowered(network, lowering.stages, first, output)


def _widen(stage: Stage, backwards: bool) -> None:
    """Give the tensors of a stage the borders that its windows need."""
    if stage.dense:
        return
    sizes = (stage.source.height, stage.source.width), (stage.target.height, stage.target.width)
    for size, outputs, taps in zip(*sizes, stage.taps, strict=True):
        ahead, behind = reach(size, outputs, taps, stage.stride, stage.padding)
        stage.source.border = max(stage.source.border, ahead)
        if backwards:
            stage.target.border = max(stage.target.border, behind)


class _Lowering:
    """Stages so far, and the tensor that each name stands for."""

    def __init__(self, network: Network):
        self.network = network
        self.stages: list[Stage] = []
        shape = network.shapes[network.input]
        image = shape if len(shape) == 3 else (shape[0], 1, 1)
        self.tensors = {network.input: Tensor(network.input, *image)}
        self._roots = {network.input: network.input}
        for node in network.nodes.values():
            flat = isinstance(node.layer, Flatten)
            self._roots[node.name] = self._roots[node.inputs[0]] if flat else node.name
        edges = [
            self._roots[name]
            for node in network.nodes.values()
            if not isinstance(node.layer, Flatten)
            for name in node.inputs
        ]
        self._takers = Counter([*edges, self._roots[network.output]])

    def add(self, node: Node) -> None:
        """Make a stage of a layer, or join it to the one before."""
        source = self.tensors[node.inputs[0]]
        match node.layer:
            case Flatten():
                self.tensors[node.name] = source
            case Relu():
                alone = self._takers[self._roots[node.inputs[0]]] == 1
                made = any(stage.target is source for stage in self.stages)
                if alone and made and not source.relu:
                    source.relu = True
                    self.tensors[node.name] = source
                else:
                    same = source.channels, source.height, source.width
                    self._stage(node, Kind.MEAN, source, same, relu=True)
            case Conv2d(_, kernel, stride) as layer:
                window = {"taps": (kernel, kernel), "stride": stride, "padding": layer.border}
                self._stage(
                    node,
                    Kind.WEIGHTS,
                    source,
                    node.shape,
                    bias=layer.bias,
                    **window,
                )
            case Dense(outputs, bias):
                taps = source.height, source.width
                self._stage(node, Kind.WEIGHTS, source, (outputs, 1, 1), taps=taps, bias=bias)
            case AveragePool(size):
                self._mean(node, source, (size, size))
            case GlobalAveragePool():
                self._mean(node, source, (source.height, source.width))
            case Add():
                self._sum(node, source, self.tensors[node.inputs[1]])
            case layer:
                raise ValueError(f"{node.name}: {type(layer).__name__} has no stage")

    def _mean(self, node: Node, source: Tensor, taps: tuple[int, int]) -> None:
        shift = 1 - prod(taps).bit_length()
        window = {"taps": taps, "stride": max(taps), "shift": shift}
        self._stage(node, Kind.MEAN, source, node.shape, **window)

    def _sum(self, node: Node, one: Tensor, other: Tensor) -> None:
        """The one that nothing else takes stays as words; the other one is multiplied by ones."""
        first = self.tensors[self.network.input]
        sizes = [(t.channels, t.height, t.width) for t in (one, other)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{node.name}: features of {sizes[0]} and {sizes[1]} lie apart")
        takers = [self._takers[self._roots[name]] for name in node.inputs]
        if one is first or (takers[1] < takers[0] and other is not first):
            one, other = other, one
        if one is first:
            raise ValueError(f"{node.name} adds the input to itself")
        self._stage(node, Kind.ADD, other, sizes[0], start=one)

    def _stage(
        self,
        node: Node,
        kind: Kind,
        source: Tensor,
        shape: tuple[int, ...],
        *,
        relu: bool = False,
        start: Tensor | None = None,
        **window: object,
    ) -> None:
        target = Tensor(node.name, shape[0], shape[1], shape[2], relu=relu)
        source.tiles += 1
        if start is not None:
            start.words += 1
        self.tensors[node.name] = target
        self.stages.append(Stage(node.name, kind, source, target, start, **window))  # type: ignore[arg-type]
