"""Networks by plain golden products: every layer an im2col matrix times a weight matrix.

It shares nothing with ``mxsf.flow.network`` but the description of the layers. Activations are
(n, channels, height, width); those that products take are quantized in tiles of one pixel of
``tile`` images and ``tile`` channels. Rows of products run over groups of images, pixels, images;
their columns over lines of taps, taps, channels.
"""

import math
from collections import Counter

import numpy as np
from mxsf.flow.network.layers import (
    Add,
    AveragePool,
    Conv2d,
    Dense,
    Flatten,
    GlobalAveragePool,
    Relu,
)
from mxsf.golden import BlockTensor, matmul, quantize
from mxsf.golden.accelerator.epilogue import is_zero, relu, scale


class Arithmetic:
    """Quantized products of an accelerator."""

    def __init__(self, built):
        self.tile, self.format = built.tile, built.format

    def quantized(self, matrix):
        """A matrix filled up to whole tiles, quantized."""
        full = np.pad(matrix, [(0, -n % self.tile) for n in matrix.shape])
        return quantize(full.astype(np.float32), self.format)

    def pixels(self, images):
        """Codes (n, c, h, w) and scales (n / tile, c / tile, h, w) of images, filled up."""
        t = self.tile
        more = [(0, -images.shape[0] % t), (0, -images.shape[1] % t), (0, 0), (0, 0)]
        each = quantize(np.pad(images, more).transpose(2, 3, 0, 1).astype(np.float32), self.format)
        return each.codes.transpose(2, 3, 0, 1), each.scales.transpose(2, 3, 0, 1)

    def columns(self, images, taps, stride, padding, channels=None):
        """The im2col matrix, quantized; of one tile of channels where that is asked for."""
        t, (high, wide) = self.tile, taps
        codes, scales = self.pixels(images)
        if channels is not None:
            codes = codes[:, channels * t : (channels + 1) * t]
            scales = scales[:, channels : channels + 1]
        # Behind the image as many zeros as windows may reach.
        edges = [(0, 0), (0, 0), (padding, padding + high), (padding, padding + wide)]
        codes, scales = np.pad(codes, edges), np.pad(scales, edges)
        height, width = (
            (n + 2 * padding - k) // stride + 1 for n, k in zip(images.shape[2:], taps, strict=True)
        )
        code_rows, scale_rows = [], []
        for group in range(len(scales)):
            some = slice(group * t, (group + 1) * t)
            for y in range(height):
                for x in range(width):
                    window = [
                        (y * stride + ky, x * stride + kx)
                        for ky in range(high)
                        for kx in range(wide)
                    ]
                    code_rows.append(np.hstack([codes[some, :, i, j] for i, j in window]))
                    scale_rows.append(np.hstack([scales[group, :, i, j] for i, j in window]))
        return BlockTensor(np.vstack(code_rows), np.vstack(scale_rows), self.format)

    def rows(self, images):
        """Images as rows of products: (rows, channels)."""
        t = self.tile
        n, c, h, w = images.shape
        full = np.pad(images, [(0, -n % t), (0, 0), (0, 0), (0, 0)])
        return full.reshape(-1, t, c, h, w).transpose(0, 3, 4, 1, 2).reshape(-1, c)

    def images(self, rows, shape):
        """Undo ``rows``: images of a shape."""
        n, c, h, w = shape
        full = rows[:, :c].reshape(-1, h, w, self.tile, c).transpose(0, 3, 4, 1, 2)
        return full.reshape(-1, c, h, w)[:n]

    def weights(self, weight):
        """Weights (outputs, channels, lines, pixels) as the right operand, quantized."""
        more = -weight.shape[1] % self.tile
        full = np.pad(weight, [(0, 0), (0, more), (0, 0), (0, 0)])
        return self.quantized(full.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]))

    def filled(self, row):
        """A row, with zeros up to whole tiles."""
        return np.pad(row, (0, -len(row) % self.tile)).astype(np.float32)


def convolved(of, images, weight, bias, stride, padding):
    """A convolution's words, as images."""
    outputs, _, *taps = weight.shape
    left = of.columns(images, taps, stride, padding)
    start = None if bias is None else of.filled(bias)
    words = matmul(left, of.weights(weight), start)
    size = [
        (n + 2 * padding - k) // stride + 1 for n, k in zip(images.shape[2:], taps, strict=True)
    ]
    return of.images(words, (len(images), outputs, *size))


def summed(of, images, taps, stride, shift=0, start=None):
    """Sums over windows of each channel, times a power of two, as images."""
    n, c, *sizes = images.shape
    size = [(m - k) // stride + 1 for m, k in zip(sizes, taps, strict=True)]
    eye = np.tile(np.eye(of.tile), (math.prod(taps), 1))
    found = []
    for channels in range(-(-c // of.tile)):
        left = of.columns(images, taps, stride, 0, channels)
        rows = None
        if start is not None:
            full = np.pad(of.rows(start), [(0, 0), (0, -c % of.tile)])
            rows = full[:, channels * of.tile : (channels + 1) * of.tile]
        found.append(scale(matmul(left, of.quantized(eye), rows), shift, False))
    return of.images(np.hstack(found), (n, c, *size))


def as_images(values, shape):
    return values.reshape(len(values), *shape, *[1] * (3 - len(shape)))


def four(weight, shape):
    """Weights of a dense layer as those of a convolution over its input's image."""
    return weight.T.reshape(-1, *shape, *[1] * (3 - len(shape)))


class Plain:
    """Runs a network, and keeps what each layer made."""

    def __init__(self, network, built):
        self.network, self.of = network, Arithmetic(built)
        # The image that flat features are of.
        self.image = {network.input: network.shapes[network.input]}
        self.takers = Counter([network.output])
        self.source = {}
        for node in network.nodes.values():
            flat = isinstance(node.layer, Flatten)
            first = node.inputs[0]
            keeps = flat or (isinstance(node.layer, Relu | Add) and len(node.shape) == 1)
            self.image[node.name] = self.image[first] if keeps else node.shape
            self.source[node.name] = self.source.get(first, first) if flat else node.name
            if not flat:
                self.takers.update(self.source.get(name, name) for name in node.inputs)

    def run(self, images, parameters):
        """The output, (n, *shape), of images padded with absent ones to whole tiles."""
        network, absent = self.network, -len(images) % self.of.tile
        full = np.pad(images, [(0, absent), *[(0, 0)] * (images.ndim - 1)])
        self.values = {network.input: as_images(full, self.image[network.input])}
        for node in network.nodes.values():
            self.values[node.name] = self.layer(node, parameters)
        return self.values[network.output].reshape(len(full), *network.shapes[network.output])[
            : len(images)
        ]

    def layer(self, node, parameters):
        of, x = self.of, self.values[node.inputs[0]]
        weight, bias = (parameters.get(f"{node.name}.{kind}") for kind in ("weight", "bias"))
        match node.layer:
            case Conv2d(stride=stride, kernel=kernel, padding=padding):
                padding = kernel // 2 if padding is None else padding
                return convolved(of, x, weight, bias, stride, padding)
            case Dense():
                return convolved(of, x, four(weight, self.image[node.inputs[0]]), bias, 1, 0)
            case AveragePool(size):
                return summed(of, x, (size, size), size, -int(math.log2(size * size)))
            case GlobalAveragePool():
                return summed(of, x, x.shape[2:], 1, -int(math.log2(math.prod(x.shape[2:]))))
            case Relu():
                if self.joins(node):
                    return relu(x)
                return relu(summed(of, x, (1, 1), 1))
            case Flatten():
                return x
            case Add():
                words, tiles = self.sides(node)
                return summed(of, self.values[tiles], (1, 1), 1, start=self.values[words])

    def sides(self, node):
        """Of two that are added: which one stays as words, which one is quantized."""
        one, other = node.inputs
        taken = [self.takers[self.source.get(name, name)] for name in node.inputs]
        swap = one == self.network.input or (taken[1] < taken[0] and other != self.network.input)
        return (other, one) if swap else (one, other)

    def joins(self, node):
        """Whether a ReLU acts on words, before anything is quantized."""
        before = self.network.nodes.get(self.source.get(node.inputs[0], node.inputs[0]))
        alone = self.takers[self.source.get(node.inputs[0], node.inputs[0])] == 1
        return before is not None and alone and not isinstance(before.layer, Relu)


def hidden(of, values):
    """Where the codes of images are zero."""
    codes, _ = of.pixels(values)
    n, c = values.shape[:2]
    return is_zero(codes, of.format.element)[:n, :c]


class Learning(Plain):
    """Training of a network, a step at a time."""

    def step(self, images, targets, parameters, shift):
        """Parameters after a step of the squared loss, and twice the loss before it."""
        said = self.run(images, parameters)
        of, shape = self.of, self.values[self.network.output].shape
        wanted = targets.reshape(shape)
        away = summed(of, -wanted, (1, 1), 1, start=self.values[self.network.output])
        slope = scale(away, -shift, True)
        return self.update(slope, parameters), float(np.square(said - targets).sum())

    def update(self, slope, parameters):
        """Parameters after the slope of the output came back through all layers."""
        self.parameters, self.after = parameters, dict(parameters)
        self.words = {self.root(self.network.output): slope}
        self.learns = set()
        for node in self.network.nodes.values():
            if f"{node.name}.weight" in parameters or self.learns & set(node.inputs):
                self.learns.add(node.name)
        for node in reversed(self.network.nodes.values()):
            if isinstance(node.layer, Flatten) or node.name not in self.learns:
                continue
            slope = self.words[node.name]
            if isinstance(node.layer, Relu):
                slope = np.where(hidden(self.of, self.values[node.name]), np.float32(0), slope)
            self.back(node, slope)
        return self.after

    def root(self, name):
        return self.source.get(name, name)

    def back(self, node, slope):
        of, first = self.of, node.inputs[0]
        one = (1, 1)
        match node.layer:
            case Conv2d(stride=stride, kernel=kernel, padding=padding):
                padding = kernel // 2 if padding is None else padding
                self.weighted(node, slope, self.parameters[f"{node.name}.weight"], stride, padding)
            case Dense():
                weight = four(self.parameters[f"{node.name}.weight"], self.image[first])
                self.weighted(node, slope, weight, 1, 0)
            case AveragePool(size):
                self.pooled(first, slope, (size, size))
            case GlobalAveragePool():
                self.pooled(first, slope, self.values[first].shape[2:])
            case Relu() if self.joins(node):
                self.words[self.root(first)] = slope
            case Relu():
                self.say(first, lambda start: summed(of, slope, one, 1, start=start))
            case Add():
                words, tiles = self.sides(node)
                for name in (tiles, words):
                    self.say(name, lambda start: summed(of, slope, one, 1, start=start))

    def say(self, name, product):
        """Add to the gradient of something, by a product that takes the sum so far."""
        if self.root(name) in self.learns:
            self.words[self.root(name)] = product(self.words.get(self.root(name)))

    def pooled(self, name, slope, taps):
        of, shape = self.of, self.values[name].shape
        eye = of.quantized(np.eye(of.tile) / math.prod(taps))

        def product(start):
            out = np.zeros(shape, np.float32) if start is None else start.copy()
            high, wide = (n * k for n, k in zip(slope.shape[2:], taps, strict=True))
            spread = slope.repeat(taps[0], axis=2).repeat(taps[1], axis=3)
            before = out[:, :, :high, :wide]
            rows = of.rows(before)
            t, c = of.tile, shape[1]
            rows = np.pad(rows, [(0, 0), (0, -c % t)])
            left = of.columns(spread, (1, 1), 1, 0)
            found = [
                matmul(part(left, n), eye, rows[:, n * t : (n + 1) * t]) for n in range(-(-c // t))
            ]
            out[:, :, :high, :wide] = of.images(np.hstack(found), before.shape)
            return out

        self.say(name, product)

    def weighted(self, node, slope, weight, stride, padding):
        """Gradients of a convolution: of its input, weights and bias."""
        of, first, name = self.of, node.inputs[0], f"{node.name}.weight"
        outputs, channels, *taps = weight.shape
        x = self.values[first]
        if self.root(first) in self.learns:
            self.say(
                first, lambda start: self.unseen(x.shape, slope, weight, stride, padding, start)
            )
        left, right = of.columns(x, taps, stride, padding), of.columns(slope, (1, 1), 1, 0)
        more = -channels % of.tile, -outputs % of.tile
        words = np.pad(weight.transpose(2, 3, 1, 0), [(0, 0), (0, 0), (0, more[0]), (0, more[1])])
        found = matmul(left.T, right, words.reshape(-1, outputs + more[1]))
        found = found.reshape(*words.shape)[:, :, :channels, :outputs].transpose(3, 2, 0, 1)
        before = self.parameters[name]
        self.after[name] = found if before.ndim == 4 else found.reshape(outputs, -1).T
        bias = self.parameters.get(f"{node.name}.bias")
        if bias is not None:
            ones = of.quantized(np.ones((of.tile, right.shape[0])))
            sums = matmul(ones, right, np.tile(of.filled(bias), (of.tile, 1)))
            self.after[f"{node.name}.bias"] = sums[0, : len(bias)]

    def unseen(self, shape, slope, weight, stride, padding, start):
        """Gradient of a convolution's input, pixel by pixel: taps in falling order."""
        of, t = self.of, self.of.tile
        n, c, height, width = shape
        out = np.zeros((n, -(-c // t) * t, height, width), np.float32)
        if start is not None:
            out[:, :c] = start
        codes, scales = of.pixels(slope)
        right = of.weights(weight)
        high, wide = -(-c // t) * t, -(-c // t)
        for y in range(height):
            for x in range(width):
                seen = [
                    (
                        ky * weight.shape[3] + kx,
                        (y + padding - ky) // stride,
                        (x + padding - kx) // stride,
                    )
                    for ky in reversed(range(weight.shape[2]))
                    for kx in reversed(range(weight.shape[3]))
                    if (y + padding - ky) % stride == 0 == (x + padding - kx) % stride
                ]
                seen = [
                    each
                    for each in seen
                    if 0 <= each[1] < slope.shape[2] and 0 <= each[2] < slope.shape[3]
                ]
                if not seen:
                    continue
                left = BlockTensor(
                    np.hstack([codes[:, :, i, j] for _, i, j in seen]),
                    np.hstack([scales[:, :, i, j] for _, i, j in seen]),
                    of.format,
                )
                taps = BlockTensor(
                    np.hstack([right.codes[tap * high : (tap + 1) * high] for tap, _, _ in seen]),
                    np.hstack([right.scales[tap * wide : (tap + 1) * wide] for tap, _, _ in seen]),
                    of.format,
                )
                out[:, :, y, x] = matmul(left, taps.T, out[:, :, y, x])
        return out[:, :c]


def part(left, number):
    """A column of tiles of a quantized matrix."""
    t = left.block[1]
    some = left.codes[:, number * t : (number + 1) * t]
    return BlockTensor(some, left.scales[:, number : number + 1], left.format)
