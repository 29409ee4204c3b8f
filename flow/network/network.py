"""Networks: layers and what feeds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .layers import Layer, Shape

__all__ = ["Network", "Node", "Parameters"]

Parameters = dict[str, NDArray[np.float32]]
"""Weights and biases, float32, by ``<node>.weight`` and ``<node>.bias``."""


@dataclass(frozen=True)
class Node:
    """A layer in its place.

    Attributes:
        name: its own, and that of its output.
        layer: what it is.
        inputs: names of nodes, or of the network's input.
        shape: of its output.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape


class Network:
    """Layers that feed one another; the last one is the output.

    Args:
        shape: of an image: ``(channels, height, width)`` or ``(features,)``.
        name: of the input.

    Attributes:
        input: its name.
        nodes: all layers by name, each behind those that feed it.

    >>> from .layers import Add, Conv2d, Relu
    >>> network = Network((8, 6, 6))
    >>> h = network.add(Conv2d(8, 3), network.input)
    >>> h = network.add(Add(), h, network.input)
    >>> network.add(Relu(), h), network.shapes[network.output]
    ('relu3', (8, 6, 6))
    """

    def __init__(self, shape: Shape, name: str = "input"):
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise ValueError(
                f"an input has channels, height and width, or features alone, not {shape}"
            )
        self.input = name
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {name: tuple(shape)}

    @classmethod
    def of(cls, shape: Shape, layers: Sequence[Layer]) -> Self:
        """A network of layers behind one another.

        >>> from .layers import Dense, Relu
        >>> list(Network.of((64,), [Dense(32), Relu(), Dense(10)]).nodes)
        ['dense1', 'relu2', 'dense3']
        """
        network = cls(shape)
        name = network.input
        for layer in layers:
            name = network.add(layer, name)
        return network

    @property
    def output(self) -> str:
        """Name of the last layer.

        Raises:
            ValueError: there is none.
        """
        if not self.nodes:
            raise ValueError("a network has at least one layer")
        return next(reversed(self.nodes))

    def add(self, layer: Layer, *inputs: str, name: str | None = None) -> str:
        """Add a layer.

        Args:
            layer: what it is.
            inputs: names of what feeds it.
            name: its own; None: one is made.

        Returns:
            Its name.

        Raises:
            ValueError: the inputs do not suit, or the name is taken.
        """
        if name is None:
            name = f"{type(layer).__name__.lower()}{len(self.nodes) + 1}"
        if name in self.shapes:
            raise ValueError(f"{name} is there twice")
        if len(inputs) != layer.takes:
            raise ValueError(f"{name} takes {layer.takes} inputs, not {len(inputs)}")
        for other in inputs:
            if other not in self.shapes:
                raise ValueError(f"{name} is fed by {other}, which is not there")
        try:
            shape = layer.shape(*(self.shapes[other] for other in inputs))
        except ValueError as problem:
            raise ValueError(f"{name}: {problem}") from None
        self.nodes[name] = Node(name, layer, inputs, shape)
        self.shapes[name] = shape
        return name

    def parameter_shapes(self) -> dict[str, Shape]:
        """Shapes of all weights and biases."""
        return {
            f"{node.name}.{kind}": shape
            for node in self.nodes.values()
            for kind, shape in node.layer.parameters(self.shapes[node.inputs[0]]).items()
        }

    def drawn(self, seed: int) -> Parameters:
        """Weights of a network that has learned nothing: normal, He's variance; biases of 0."""
        random = np.random.default_rng(seed)
        found: Parameters = {}
        for name, shape in self.parameter_shapes().items():
            if name.endswith(".bias"):
                found[name] = np.zeros(shape, np.float32)
                continue
            inputs = shape[0] if len(shape) == 2 else prod(shape[1:])
            found[name] = (random.standard_normal(shape) * (2 / inputs) ** 0.5).astype(np.float32)
        return found

    def check(self, parameters: Mapping[str, NDArray[np.floating]]) -> None:
        """Raise ValueError where parameters are not those of this network."""
        shapes = self.parameter_shapes()
        for name, shape in shapes.items():
            if name not in parameters:
                raise ValueError(f"{name} is missing")
            found = parameters[name].shape
            if found != shape:
                raise ValueError(f"{name} must have the shape {shape}, not {found}")
        for name in parameters:
            if name not in shapes:
                raise ValueError(f"{name} is a parameter of no layer")
