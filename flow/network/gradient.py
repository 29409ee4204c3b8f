"""Backward products of a network: gradients of what its stages make, and of their weights.

Gradients are *slopes*: -rate times the gradient of the loss, so that an update adds. What several
stages take has the sum of what they say, as words until the last one.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...golden.accelerator.plane import Matrix, Words
from ...golden.accelerator.result import Result
from ...golden.accelerator.view import View
from .inference import Forward
from .layout import Box, Layout
from .parameters import Stored
from .products import Identity, Target, Transposed, dense_gradient, outputs, weight_gradient
from .schedule import Job, Product, Side
from .stages import Kind, Stage, Tensor
from .window import Window, backward, forward

__all__ = ["Backward"]


class Backward:
    """The backward products.

    Args:
        run: the forward ones, and their planes.

    Attributes:
        slopes: planes by tensor, as far as they are made.
    """

    def __init__(self, run: Forward):
        self.run, self.program = run, run.program
        self.built = run.program.built
        stages = run.lowered.stages
        self._learns = {id(stage.target) for stage in stages if self._has_weights(stage)}
        for stage in stages:
            if any(id(t) in self._learns for t in (stage.source, stage.start)):
                self._learns.add(id(stage.target))
        self._takers = Counter(
            id(t) for stage in stages for t in (stage.source, stage.start) if t is not None
        )
        tile = self.built.tile
        self._ones = self.program.put("ones", np.ones((tile, tile), np.float32))
        self._zeros = self.program.matrix("zeros", (tile, tile))
        self._eyes: dict[int, Matrix] = {}
        self.slopes: dict[str, Matrix] = {}
        self._users: Counter[str] = Counter()
        self._sums: dict[str, Words] = {}
        self._left: Counter[int] = Counter()

    def slope(self, tensor: Tensor) -> Matrix:
        """The plane of a tensor's gradient."""
        if tensor.name not in self.slopes:
            found = self.run.planes.tiles(f"slope of {tensor.name}", self._layout(tensor))
            self.slopes[tensor.name] = found
            self._users[found.name] = 1
        return self.slopes[tensor.name]

    def jobs(self) -> Iterator[Job]:
        """All products, where the output's slope is in its plane."""
        self._left = Counter(self._takers)
        for stage in reversed(self.run.lowered.stages):
            if id(stage.target) not in self._learns:
                continue
            for tensor in (stage.source, stage.start):
                if tensor is not None and id(tensor) in self._learns:
                    yield from self._input(stage, tensor)
            if self._has_weights(stage):
                yield from self._weights(stage, self.run.stored[stage.name])
            self._done(stage.target)

    def eye(self, shift: int) -> Matrix:
        """A tile with 2^shift on its diagonal."""
        if shift not in self._eyes:
            values = np.eye(self.built.tile, dtype=np.float32) * np.float32(2.0**shift)
            self._eyes[shift] = self.program.put(f"2^{shift} identity", values)
        return self._eyes[shift]

    def _has_weights(self, stage: Stage) -> bool:
        return stage.name in self.run.stored

    def _layout(self, tensor: Tensor) -> Layout:
        return tensor.layout(self.run.groups, self.built.tile)

    def _input(self, stage: Stage, tensor: Tensor) -> Iterator[Job]:
        """What a stage says of the gradient of something that it takes."""
        alone = self._takers[id(tensor)] == 1 and not tensor.relu
        same = self._layout(tensor) == self._layout(stage.target)
        if stage.kind is Kind.ADD and alone and same:
            found = self.slopes[tensor.name] = self.slopes[stage.target.name]
            self._users[found.name] += 1
            return
        target = self._target(stage, tensor)
        yield from self._products(stage, tensor, target)
        self.run.done()

    def _target(self, stage: Stage, tensor: Tensor) -> Target:
        """Where that goes: to words until the last stage has said it, then to tiles."""
        first = self._left[id(tensor)] == self._takers[id(tensor)]
        self._left[id(tensor)] -= 1
        layout, name = self._layout(tensor), tensor.name
        if first and self._left[id(tensor)]:
            self._sums[name] = self.run.planes.words(f"sums of {name}", layout)
        start = None if first else self._sums[name]
        if self._left[id(tensor)]:
            result = Result(words=self._sums[name], init=start)
        else:
            mask = self.run.tiles[name] if tensor.relu else None
            result = Result(tiles=self.slope(tensor), init=start, mask=mask)
            if start is not None:
                self.run.planes.free(self._sums.pop(name))
        return Target(layout, result, self.run.once(f"sums of {stage.name}", tensor))

    def _products(self, stage: Stage, tensor: Tensor, target: Target) -> Iterator[Job]:
        slope, depth, layer = self.slopes[stage.target.name], self.built.depth, stage.name
        layouts = self._layout(stage.target), self._layout(tensor)
        if stage.kind is Kind.ADD:
            window = forward(*layouts, (1, 1), 1, 0).alone()
            yield from outputs(layer, window, slope, Identity(self.eye(0)), target, depth)
            return
        if stage.dense:
            yield from dense_gradient(layer, slope, self.run.stored[layer].tiles, target, depth)
            return
        for window, kys, kxs in backward(*layouts, stage.taps, stage.stride, stage.padding):
            if not (kys and kxs):
                yield from self._nothing(layer, window, target)
            elif stage.kind is Kind.MEAN:
                eye = Identity(self.eye(stage.shift))
                yield from outputs(layer, window.alone(), slope, eye, target, depth)
            else:
                weights = Transposed(self.run.stored[layer].tiles, stage.taps, kys, kxs)
                yield from outputs(layer, window, slope, weights, target, depth)

    def _nothing(self, layer: str, window: Window, target: Target) -> Iterator[Job]:
        """Pixels that no output sees: products with zeros, where they are not in the sums yet."""
        if target.result.tiles is None and target.result.init is not None:
            return
        channels = target.layout.channels
        for group in range(window.target.groups):
            box = Box(range(group, group + 1), window.ys, window.xs, range(channels))
            count = len(window.ys) * len(window.xs)
            a = Side((self._zeros,), count, 1, View(pitch=0), stays=True)
            b = Side((self._zeros,), 1, channels, View(crun=1, cjump=0), stays=True)
            yield Product(layer, a, b, target.at(box))

    def _weights(self, stage: Stage, stored: Stored) -> Iterator[Job]:
        window = stage.window(self.run.groups, self.built.tile)
        plane, slope = self.run.tiles[stage.source.name], self.slopes[stage.target.name]
        result = Result(words=stored.words, tiles=stored.tiles, init=stored.words)
        yield from weight_gradient(
            stage.name, window, plane, slope, result, stored.bias, self._ones, self.built.depth
        )

    def _done(self, tensor: Tensor) -> None:
        """Nothing takes the gradient of a tensor any more."""
        if tensor is self.run.lowered.output:
            return
        plane = self.slopes.pop(tensor.name)
        self._users[plane.name] -= 1
        if not self._users[plane.name]:
            self.run.planes.free(replace(plane), self._layout(tensor))
