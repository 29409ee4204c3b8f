"""The exact path of quantization: what the fast path of the golden model is held against.

Scale bytes come from ``reference``, elements are scaled exactly in float64 and encoded one by one
by ``ElementFormat.encode``, which test_formats.py proves on every tie of every format.
"""

import numpy as np
import reference
from mxsf.golden import FORMATS, ElementFormat, ScaleRule, parse

ELEMENTS = [
    *FORMATS.values(),
    *(parse(name) for name in ("e8m7", "e4m11", "e7m2", "e3m4", "e0m7", "e0m1", "e1m0")),
    *(parse(name) for name in ("e2m3+e2m1", "e2m7+e3m4+e2m2")),
    ElementFormat("biased", 3, 4, bias=20),
    ElementFormat("below FP32", 5, 2, bias=160),
    ElementFormat("above FP32", 3, 4, bias=-150),
    ElementFormat("int4", 0, 3, bias=2, twos_complement=True),
]
LEAST_NORMAL = 2.0**-126


def sample(shape, seed=0):
    """Float32 data that meets every rule: ties, powers of two, zeros, subnormals, Inf and NaN.

    Neighbours along both axes are of like size, so that blocks hold more than one live element.
    """
    rng = np.random.default_rng(seed)
    digits = rng.integers(-(2**8), 2**8, shape) * 2.0 ** -rng.integers(0, 9, shape)  # ties
    normal = 16 * rng.standard_normal(shape) * 2.0 ** -rng.integers(0, 12, shape)
    values = np.where(rng.random(shape) < 0.5, digits, normal)
    sizes = rng.permutation([-160, -134, -126, -122, -110, -9, 0, 1, 5, 60, 115, 119, 120])
    rows = np.arange(shape[-2]) // 9 if len(shape) > 1 else np.int64(0)
    patches = np.add.outer(5 * rows, np.arange(shape[-1]) // 33) % len(sizes)
    with np.errstate(over="ignore", under="ignore"):
        near = np.ldexp(values.astype(np.float32), sizes[patches])
        above = np.ldexp(np.float32(1), np.frexp(near)[1])
    below = (rng.random(shape) < 0.05) & (near != 0)
    near[below] = np.nextafter(above, np.float32(0))[below]
    near[rng.random(shape) < 0.05] *= 0  # of either sign
    near[rng.random(shape) < 0.001] = np.inf
    near[rng.random(shape) < 0.001] = -np.nan
    return near


def spread(scales, shape, block):
    """Give every element the entry of its block; shape of the tensor."""
    for axis, size in zip((-1, -2), block[::-1], strict=True):
        if -axis <= len(shape):
            scales = np.repeat(scales, size, axis=axis)
    return scales[tuple(slice(length) for length in shape)]


def scale_bytes(words, element, block, rule):
    """One byte per block, block by block, by the reference."""
    shape = (1, 1, words.size) if words.ndim == 1 else (-1, *words.shape[-2:])
    bits, (rows, columns) = np.abs(words).view(np.uint32).reshape(shape), block
    count, height, width = bits.shape
    scales = np.empty((count, -(-height // rows), -(-width // columns)), np.uint8)
    for place in np.ndindex(scales.shape):
        matrix, i, j = place
        piece = bits[matrix, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
        scales[place] = reference.scale_byte(int(piece.max()), element, rule)
    return scales[0, 0] if words.ndim == 1 else scales.reshape(*words.shape[:-2], *scales.shape[1:])


def quantize(x, element, block=(1, 32), rule=ScaleRule.FLOOR, overflow="saturate"):
    """Codes and scale bytes of a float32 array."""
    words = np.where(np.abs(x) < LEAST_NORMAL, np.copysign(np.float32(0), x), x)
    words[~np.isfinite(words)] = np.abs(words[~np.isfinite(words)])
    scales = scale_bytes(words, element, block, rule)
    byte = spread(scales, words.shape, block).astype(int)
    number = np.where(byte == 255, 0.0, np.ldexp(words.astype(np.float64), 127 - byte))
    return np.where(byte == 255, 0, element.encode(number, overflow)), scales


def assert_quantized(q, x):
    """Raise where the codes or scales of a block tensor are not those of the exact path."""
    fmt = q.format
    codes, scales = quantize(x, fmt.element, fmt.block, fmt.rule, fmt.overflow)
    np.testing.assert_array_equal(q.scales, scales)
    np.testing.assert_array_equal(q.codes, codes)
    assert q.codes.dtype == fmt.element.code_dtype
    assert q.scales.dtype == np.uint8


def values(q):
    """Values of a block tensor, float64."""
    byte = spread(q.scales, q.shape, q.block).astype(int)
    return np.where(byte == 255, np.nan, np.ldexp(q.element.decode(q.codes), byte - 127))


def assert_same(actual, expected):
    """Raise where two block tensors differ in codes, scales or format."""
    np.testing.assert_array_equal(actual.codes, expected.codes)
    np.testing.assert_array_equal(actual.scales, expected.scales)
    assert actual.format == expected.format
