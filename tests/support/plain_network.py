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
