"""Layers of a network: what they need, and the shape that they make.

Shapes are those of one image: ``(channels, height, width)``, or ``(features,)`` once flat.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar, Protocol

__all__ = [
    "Add",
    "AveragePool",
    "Conv2d",
    "Dense",
    "Flatten",
    "GlobalAveragePool",
    "Layer",
    "Relu",
    "Shape",
]

Shape = tuple[int, ...]

_KERNELS = (1, 3, 5, 7)
_STRIDES = (1, 2)


class Layer(Protocol):
    """What all layers have.

    Attributes:
        takes: how many inputs.
    """

    takes: ClassVar[int]

    def shape(self, *inputs: Shape) -> Shape:
        """Shape of the output; ValueError where the inputs do not suit."""
        ...

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of ``weight`` and ``bias`` for an input, those that there are."""
        ...


class _Plain:
    """A layer of one input and without parameters, which keeps the shape."""

    takes: ClassVar[int] = 1

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        return inputs[0]

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        """None."""
        return {}


@dataclass(frozen=True)
class Conv2d(_Plain):
    """A convolution: weights ``(outputs, channels, kernel, kernel)``.

    Attributes:
        outputs: channels that it makes.
        kernel: 1, 3, 5 or 7.
        stride: 1 or 2.
        padding: pixels of zeros on each side; None: ``kernel // 2``.
        bias: whether it has one.

    >>> Conv2d(16, 3, stride=2).shape((8, 9, 9))
    (16, 5, 5)
    """

    outputs: int
    kernel: int
    stride: int = 1
    padding: int | None = None
    bias: bool = True

    def __post_init__(self) -> None:
        _at_least("outputs", self.outputs)
        if self.kernel not in _KERNELS:
            raise ValueError(f"kernel must be 1, 3, 5 or 7, not {self.kernel}")
        if self.stride not in _STRIDES:
            raise ValueError(f"stride must be 1 or 2, not {self.stride}")
        if not 0 <= self.border < self.kernel:
            raise ValueError(f"padding must be 0 to {self.kernel - 1}, not {self.padding}")

    @property
    def border(self) -> int:
        """Padding."""
        return self.kernel // 2 if self.padding is None else self.padding

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        _, height, width = _image("conv2d", inputs[0])
        sizes = [n + 2 * self.border - self.kernel for n in (height, width)]
        if min(sizes) < 0:
            raise ValueError(f"{height} x {width} pixels are fewer than a {self.kernel} kernel")
        return (self.outputs, *(size // self.stride + 1 for size in sizes))

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        """Weight and perhaps bias."""
        weight = (self.outputs, shape[0], self.kernel, self.kernel)
        return {"weight": weight, **({"bias": (self.outputs,)} if self.bias else {})}


@dataclass(frozen=True)
class Dense(_Plain):
    """A matrix product: weights ``(features, outputs)``, after ``Flatten`` where there are pixels.

    Attributes:
        outputs: features that it makes.
        bias: whether it has one.
    """

    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        _at_least("outputs", self.outputs)

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        if len(inputs[0]) != 1:
            raise ValueError(f"dense takes features, not {inputs[0]}: flatten them first")
        return (self.outputs,)

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        """Weight and perhaps bias."""
        weight = (shape[0], self.outputs)
        return {"weight": weight, **({"bias": (self.outputs,)} if self.bias else {})}


@dataclass(frozen=True)
class AveragePool(_Plain):
    """Means of windows beside one another.

    Attributes:
        size: pixels of a window each way, a power of two, so that the mean is exact.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 1 or self.size & (self.size - 1):
            raise ValueError(f"size must be a power of two, not {self.size}")

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        channels, height, width = _image("average pool", inputs[0])
        if min(height, width) < self.size:
            raise ValueError(f"{height} x {width} pixels are fewer than a window of {self.size}")
        return channels, height // self.size, width // self.size


@dataclass(frozen=True)
class GlobalAveragePool(_Plain):
    """The mean of all pixels of a channel, whose number is a power of two: 1 x 1 pixels."""

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        channels, height, width = _image("global average pool", inputs[0])
        count = height * width
        if count & (count - 1):
            raise ValueError(f"{height} x {width} pixels are no power of two")
        return channels, 1, 1


@dataclass(frozen=True)
class Relu(_Plain):
    """What is below zero becomes zero."""


@dataclass(frozen=True)
class Flatten(_Plain):
    """Channels and pixels as features: channel by channel, each row by row."""

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        return (prod(inputs[0]),)


@dataclass(frozen=True)
class Add(_Plain):
    """The sum of two of one shape, such as a residual."""

    takes: ClassVar[int] = 2

    def shape(self, *inputs: Shape) -> Shape:
        """See the class."""
        if inputs[0] != inputs[1]:
            raise ValueError(f"add takes two of one shape, not {inputs[0]} and {inputs[1]}")
        return inputs[0]


def _image(what: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"{what} takes channels, height and width, not {shape}")
    return shape[0], shape[1], shape[2]


def _at_least(name: str, count: int) -> None:
    if count < 1:
        raise ValueError(f"{name} must be at least 1, not {count}")
