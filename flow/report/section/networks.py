"""Three small networks on the digits of scikit-learn, every product through a chosen format.

The gradients are those of the library autograd; products are a primitive of ours, so that operands
are quantized in the forward pass and, with the gradient's own blocks, in the backward pass. Sums
are FP32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd import numpy as anp
from autograd import value_and_grad
from autograd.extend import defvjp, primitive
from numpy.typing import NDArray

from ....golden.formats.element import ElementFormat
from ....golden.quantize.encoder import quantize

__all__ = ["NETWORKS", "Data", "Format", "Network", "digits", "evaluate", "train"]

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

BATCH = 64
TEST_IMAGES = 360
RATE, DECAY, BETA = 2e-3, 1e-8, (0.9, 0.99)  # Adam


@dataclass(frozen=True)
class Format:
    """How the operands of a product are rounded.

    Attributes:
        name: for people.
        element: None keeps FP32, ``"bf16"`` rounds to BF16, else a block format.
        block: rows and columns that share a scale, along K first: ``(1, 32)`` or ``(8, 8)``.
    """

    name: str
    element: ElementFormat | str | None = None
    block: tuple[int, int] = (1, 32)

    def round(self, matrix: Floats) -> Floats:
        """Values of a matrix (..., m, k) as a left operand has them: blocks run along k."""
        if self.element is None:
            return matrix
        if isinstance(self.element, str):
            return _bf16(matrix)
        return quantize(matrix, self.element, self.block).dequantize()


def _bf16(values: Floats) -> Floats:
    import ml_dtypes

    return values.astype(ml_dtypes.bfloat16).astype(np.float32)


def _swap(x: Floats) -> Floats:
    return np.ascontiguousarray(np.swapaxes(x, -1, -2))


def _multiply(a: Floats, b: Floats, fmt: Format) -> Floats:
    """Product (..., m, n) of (..., m, k) and (..., k, n), both rounded along k."""
    left = fmt.round(np.asarray(a, np.float32))
    right = _swap(fmt.round(_swap(np.asarray(b, np.float32))))
    return left @ right


multiply = primitive(_multiply)


def _sum_to(shape: tuple[int, ...], x: Floats) -> Floats:
    """Sum over the leading axes that an operand was broadcast along."""
    return x.sum(axis=tuple(range(x.ndim - len(shape)))) if x.ndim > len(shape) else x


defvjp(
    multiply,
    lambda ans, a, b, fmt: lambda g: _sum_to(a.shape, _multiply(g, _swap(b), fmt)),
    lambda ans, a, b, fmt: lambda g: _sum_to(b.shape, _weights(a, g, b.ndim, fmt)),
    argnums=(0, 1),
)


def _weights(a: Floats, g: Floats, axes: int, fmt: Format) -> Floats:
    """The gradient of a right operand; one that all batches share sums over all of their rows."""
    if a.ndim > axes:
        a, g = a.reshape(-1, a.shape[-1]), g.reshape(-1, g.shape[-1])
    return _multiply(_swap(a), g, fmt)


@dataclass(frozen=True)
class Data:
    """Images (n, 8, 8) float32 in 0 to 1 and labels (n,), to train and to test."""

    x: Floats
    y: NDArray[np.int64]
    x_test: Floats
    y_test: NDArray[np.int64]


def digits() -> Data:
    """The 1,797 digits that scikit-learn ships, always split in the same way."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = (np.asarray(images, np.float32) / np.float32(16)).reshape(-1, 8, 8)
    y = np.asarray(labels, np.int64)
    order = np.random.default_rng(0).permutation(len(x))
    test, rest = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return Data(x[rest], y[rest], x[test], y[test])


@dataclass(frozen=True)
class Network:
    """A network.

    Attributes:
        name: for people.
        shapes: of its weights, by name; one axis means a bias, at first zero.
        logits: maps weights, images (n, 8, 8) and the format to logits (n, 10).
    """

    name: str
    shapes: dict[str, tuple[int, ...]]
    logits: Callable[[Weights, Any, Format], Any]


def _perceptron(w: Weights, x: Any, fmt: Format) -> Any:
    h = anp.maximum(multiply(x.reshape(-1, 64), w["w1"], fmt), 0)
    h = anp.maximum(multiply(h, w["w2"], fmt), 0)
    return multiply(h, w["w3"], fmt)


def _windows(x: Any) -> Any:
    """The 3x3 neighbourhoods of images (n, h, w, c), zeros around: (n, h, w, 9 c)."""
    height, width = x.shape[1:3]
    padded = anp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant")
    parts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return anp.concatenate(parts, axis=-1)


def _convolution(w: Weights, x: Any, fmt: Format) -> Any:
    def layer(x: Any, weight: Floats) -> Any:
        windows = _windows(x)
        flat = multiply(windows.reshape(-1, windows.shape[-1]), weight, fmt)
        return anp.maximum(flat.reshape(*windows.shape[:3], -1), 0)

    h = layer(x.reshape(-1, 8, 8, 1), w["c1"])
    h = h.reshape(-1, 4, 2, 4, 2, h.shape[-1]).mean(axis=(2, 4))
    h = layer(h, w["c2"])
    return multiply(h.reshape(len(h), -1), w["w"], fmt)


def _normal(x: Any) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / anp.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)


def _attention(w: Weights, x: Any, fmt: Format) -> Any:
    """A row of an image is a token; two blocks of one head and a perceptron."""
    h = multiply(x, w["embed"], fmt) + w["place"]
    for block in "12":
        n = _normal(h)
        q, k, v = (multiply(n, w[f"{name}{block}"], fmt) for name in "qkv")
        score = multiply(q, anp.swapaxes(k, -1, -2), fmt) / np.float32(np.sqrt(q.shape[-1]))
        share = anp.exp(score - score.max(axis=-1, keepdims=True))
        share = share / share.sum(axis=-1, keepdims=True)
        h = h + multiply(multiply(share, v, fmt), w[f"o{block}"], fmt)
        up = anp.maximum(multiply(_normal(h), w[f"up{block}"], fmt), 0)
        h = h + multiply(up, w[f"down{block}"], fmt)
    return multiply(_normal(h).mean(axis=1), w["w"], fmt)


_HEAD = {"q": (32, 32), "k": (32, 32), "v": (32, 32), "o": (32, 32), "up": (32, 64)}
_BLOCK = {**_HEAD, "down": (64, 32)}

NETWORKS = (
    Network("perceptron", {"w1": (64, 128), "w2": (128, 128), "w3": (128, 10)}, _perceptron),
    Network("convolution", {"c1": (9, 16), "c2": (144, 32), "w": (512, 10)}, _convolution),
    Network(
        "attention",
        {
            "embed": (8, 32),
            "place": (8, 32),
            **{f"{name}{block}": shape for block in "12" for name, shape in _BLOCK.items()},
            "w": (32, 10),
        },
        _attention,
    ),
)


def _loss(logits: Any, y: NDArray[np.int64]) -> Any:
    """Mean cross-entropy."""
    top = logits.max(axis=-1, keepdims=True)
    logs = logits - top - anp.log(anp.exp(logits - top).sum(axis=-1, keepdims=True))
    return -logs[np.arange(len(y)), y].mean()


def train(network: Network, data: Data, fmt: Format, *, seed: int, epochs: int) -> Weights:
    """Train with Adam, every product in the format; weights and updates are FP32."""
    random = np.random.default_rng(seed)
    weights: Weights = {
        name: (random.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
        for name, shape in network.shapes.items()
    }
    moments = {name: [np.zeros_like(w), np.zeros_like(w)] for name, w in weights.items()}

    def loss(weights: Weights, x: Floats, y: NDArray[np.int64]) -> Any:
        return _loss(network.logits(weights, x, fmt), y)

    step, gradient = 0, value_and_grad(loss)
    for _ in range(epochs):
        order = random.permutation(len(data.x))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            _, gradients = gradient(weights, data.x[chosen], data.y[chosen])
            step += 1
            for name, g in gradients.items():
                first, second = moments[name]
                first += (1 - BETA[0]) * (g - first)
                second += (1 - BETA[1]) * (g * g - second)
                scale = RATE * np.sqrt(1 - BETA[1] ** step) / (1 - BETA[0] ** step)
                change = scale * first / (np.sqrt(second) + DECAY)
                weights[name] = (weights[name] - change).astype(np.float32)
    return weights


def evaluate(network: Network, weights: Weights, data: Data, fmt: Format) -> tuple[float, float]:
    """Accuracy (0 to 1) and mean cross-entropy on the test images."""
    logits = network.logits(weights, data.x_test, fmt)
    right = float((logits.argmax(axis=-1) == data.y_test).mean())
    return right, float(_loss(logits, data.y_test))
