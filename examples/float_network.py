"""Training of a network in floating point, to compare with: FP32, or operands rounded to BF16.

The same layers, loss and updates as `mxsf.flow.network.training`, in plain NumPy.
"""

from collections.abc import Callable

import ml_dtypes
import numpy as np
from mxsf.flow.network.layers import AveragePool, Conv2d, Dense, Flatten, Relu
from mxsf.flow.network.network import Network, Parameters
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Round = Callable[[Floats], Floats]


def fp32(values: Floats) -> Floats:
    """Values as they are."""
    return values


def bf16(values: Floats) -> Floats:
    """Values rounded to BF16."""
    return values.astype(ml_dtypes.bfloat16).astype(np.float32)


def windows(x: Floats, taps: int, stride: int, padding: int) -> Floats:
    """The im2col view of images (n, c, h, w): (n, lines, pixels, c, taps, taps)."""
    edge = (padding, padding)
    padded = np.pad(x, [(0, 0), (0, 0), edge, edge])
    seen = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps), axis=(2, 3))
    return seen[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)


class FloatNetwork:
    """A network of layers behind one another.

    Args:
        network: its layers.
        parameters: weights and biases, which training changes.
        rounded: what is done to operands of products.
    """

    def __init__(self, network: Network, parameters: Parameters, rounded: Round):
        self.network, self.rounded = network, rounded
        self.parameters = {name: values.copy() for name, values in parameters.items()}

    def run(self, x: Floats) -> Floats:
        """What the network says of images."""
        self._values = [x]
        for node in self.network.nodes.values():
            self._values.append(self._forward(node.name, node.layer, self._values[-1]))
        return self._values[-1]

    def step(self, x: Floats, y: Floats, rate: float) -> float:
        """Learn from a batch by the squared loss; returns the loss before it."""
        said = self.run(x)
        slope = np.float32(-rate) * (said - y)
        nodes = [*self.network.nodes.values()]
        for number in reversed(range(len(nodes))):
            node, before = nodes[number], self._values[number]
            after = self._values[number + 1]
            slope = self._backward(node.name, node.layer, before, after, slope)
        return float(np.square(said - y).sum() / 2)

    def _forward(self, name: str, layer: object, x: Floats) -> Floats:
        r = self.rounded
        weight, bias = (self.parameters.get(f"{name}.{kind}") for kind in ("weight", "bias"))
        match layer:
            case Conv2d(kernel=taps, stride=stride):
                assert weight is not None
                seen = windows(r(x), taps, stride, layer.border)
                found = np.tensordot(seen, r(weight), [(3, 4, 5), (1, 2, 3)])
                return (found + (0 if bias is None else bias)).transpose(0, 3, 1, 2)
            case Dense():
                assert weight is not None
                return r(x) @ r(weight) + (0 if bias is None else bias)
            case AveragePool(size):
                n, c, h, w = x.shape
                tiles = r(x).reshape(n, c, h // size, size, w // size, size)
                return tiles.mean((3, 5))
            case Relu():
                return np.maximum(x, np.float32(0))
            case Flatten():
                return x.reshape(len(x), -1)
            case _:
                raise ValueError(f"{name}: there is no {type(layer).__name__} here")

    def _backward(self, name: str, layer: object, x: Floats, y: Floats, slope: Floats) -> Floats:
        """Update the layer's parameters, and return the slope of what it took."""
        r = self.rounded
        match layer:
            case Conv2d(kernel=taps, stride=stride):
                weight, padding = self.parameters[f"{name}.weight"], layer.border
                seen, said = windows(r(x), taps, stride, padding), r(slope)
                gradient = np.tensordot(said, seen, [(0, 2, 3), (0, 1, 2)])
                back = np.tensordot(said, r(weight), [(1,), (0,)])  # n, h, w, c, taps, taps
                n, c, h, w = x.shape
                padded = np.zeros((n, c, h + 2 * padding + stride, w + 2 * padding + stride))
                for ky in range(taps):
                    for kx in range(taps):
                        place = np.s_[:, :, ky::stride, kx::stride]
                        some = padded[place][:, :, : said.shape[2], : said.shape[3]]
                        some += back[..., ky, kx].transpose(0, 3, 1, 2)
                self._update(name, gradient, said.sum((0, 2, 3)))
                inner = np.s_[:, :, padding : padding + h, padding : padding + w]
                return padded[inner].astype(np.float32)
            case Dense():
                weight, said = self.parameters[f"{name}.weight"], r(slope)
                found = said @ r(weight).T
                self._update(name, r(x).T @ said, said.sum(0))
                return found
            case AveragePool(size):
                return (r(slope) / size**2).repeat(size, axis=2).repeat(size, axis=3)
            case Relu():
                return np.where(y > 0, slope, np.float32(0))
            case _:
                return slope.reshape(x.shape)

    def _update(self, name: str, weight: Floats, bias: Floats) -> None:
        self.parameters[f"{name}.weight"] += weight.astype(np.float32)
        if f"{name}.bias" in self.parameters:
            self.parameters[f"{name}.bias"] += bias.astype(np.float32)
