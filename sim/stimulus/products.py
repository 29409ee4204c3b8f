"""Products to test with: blocks of codes, scales and accs, and their golden results."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.dot.dot import dot
from ...golden.dot.product_sum import Formats, Operands, Pair, check_formats, check_pair
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import FP32, WordFormat
from ...golden.quantize.encoder import quantize
from ...golden.quantize.micro import along_block
from .codes import Micro, random_micro
from .payload import whole_rows

__all__ = ["Products", "answers", "bench_products", "random_products", "tensor_products"]

_LONGEST = 4  # blocks of a product in the built-in stimulus of a design that takes several


@dataclass(frozen=True)
class Products:
    """Dot products of n pairs of vectors, of up to k blocks each.

    Attributes:
        a_codes, b_codes: codes, shape (n, k, block).
        a_scale, b_scale: scale bytes, shape (n, k).
        acc: where each product starts, FP32 bits, uint32 of shape (n,).
        blocks: blocks of each product, 1 to k, shape (n,).
        beats: beats of each product's last block, shape (n,); the rest of its codes is 0.
        micro: microexponents by operand, as far as they have them, shape (n, k, groups).
    """

    a_codes: NDArray[Any]
    a_scale: NDArray[Any]
    b_codes: NDArray[Any]
    b_scale: NDArray[Any]
    acc: NDArray[np.uint32]
    blocks: NDArray[np.int64]
    beats: NDArray[np.int64]
    micro: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def answers(products: Products, pair: Pair, accumulate: bool, word: WordFormat) -> NDArray[Any]:
    """Golden results, bit patterns of ``word``, shape (n,): block after block, in order."""
    p = products
    acc = p.acc.view(np.float32) if accumulate else np.zeros(len(p.acc), np.float32)
    acc = acc.copy()
    bits = np.zeros(len(acc), np.uint32)
    for k in range(p.a_codes.shape[1]):
        for final, of in ((False, FP32), (True, word)):
            which = np.flatnonzero((p.blocks == k + 1) if final else (p.blocks > k + 1))
            result = dot(
                p.a_codes[which, k],
                p.a_scale[which, k],
                p.b_codes[which, k],
                p.b_scale[which, k],
                acc[which],
                pair,
                of,
                **{f"{side}_micro": halves[which, k] for side, halves in p.micro.items()},
            )
            if final:
                kind = np.uint32 if of == FP32 else np.uint16
                bits[which] = result.view(kind)
            else:
                acc[which] = result
    return bits


def random_products(
    random: np.random.Generator,
    element: Operands,
    block: int,
    count: int,
    *,
    lanes: int | None = None,
    longest: int = 1,
) -> Products:
    """Random and adversarial products.

    Codes: any; of few magnitudes; mostly zero; all of the lowest binades; one huge and many tiny;
    all but one cancelling; sums halfway between two FP32 values. Scales: any; such that the result
    is near 1; at both ends of FP32's range. Accs: zeros; the sum's negative, or a few last places
    beside it; far above and far below the sum; at and beside ties with it; any bits, Inf and NaN
    among them. NaN scales and special codes are rare.

    Args:
        random: source of randomness.
        element: format of the codes, or a pair for a and b.
        block: elements of a block.
        count: number of products.
        lanes: elements of a beat; where fewer than the block, blocks may end early.
        longest: most blocks of a product.
    """
    formats, pair = check_formats(element), check_pair(element)
    shape = (count, longest, block)
    codes = [_codes(random, element, shape) for element in pair]
    cancel = np.flatnonzero(random.random(count) < 0.15)
    half = block // 2
    if half and not pair[0].twos_complement:
        codes[0][cancel, :, half : 2 * half] = codes[0][cancel, :, :half] ^ pair[0].sign_mask
        codes[1][cancel, :, half : 2 * half] = codes[1][cancel, :, :half]
        codes[0][cancel, :, 0] = 1
    tied = np.flatnonzero(random.random(count) < 0.1)
    tied = _tie(random, codes, pair, tied) if half else tied[:0]
    micro = _micro(random, formats, shape, tied)
    total_beats = block // (lanes or block)
    blocks = random.integers(1, longest + 1, count)
    beats = np.where(random.random(count) < 0.8, total_beats, 1)
    beats = np.where(random.random(count) < 0.1, random.integers(1, total_beats + 1, count), beats)
    kept = beats * (block // total_beats)
    ended = np.arange(block)[None, :] >= kept[:, None]
    for array in codes:
        array[np.arange(count), blocks - 1] *= ~ended
    a_scale, b_scale = _scales(random, codes, formats)
    values = [f.table[c[:, 0]] for f, c in zip(pair, codes, strict=True)]
    for side, bits in micro.items():
        values["ab".index(side)] *= np.ldexp(1.0, -along_block(side, bits[:, 0], block))
    with np.errstate(all="ignore"):
        total = (values[0] * values[1]).sum(axis=-1)
        weight = (a_scale + b_scale)[:, 0] + sum(f.scale.offset for f in formats)
        total = np.ldexp(np.nan_to_num(total), weight)
        acc = _accs(random, total)
        # What breaks the tie of a sum with itself: an acc below its last place, or far below.
        unit = weight + sum(f.unit_exponent for f in pair)
        tiny = np.ldexp(random.choice([-1.0, 1.0], count), unit - random.integers(1, 60, count))
        acc[tied] = tiny[tied].astype(np.float32).view(np.uint32)
    nan = random.random((count, longest)) < 0.002
    a_scale = np.where(nan, formats[0].scale.nan_code, a_scale)
    return Products(codes[0], a_scale, codes[1], b_scale, acc, blocks, beats, micro)


def tensor_products(
    values: NDArray[Any], element: Operands, block: int, longest: int = 1
) -> Products:
    """Products of a tensor's rows, quantized, with themselves rolled by one block."""
    sides, micro = [], {}
    for side, format in zip("ab", check_formats(element), strict=True):
        tensor = quantize(values, replace(format, block=(1, block)))
        codes = whole_rows(tensor.codes, block)
        size = len(codes) - len(codes) % longest or len(codes)
        scale = tensor.scales.reshape(-1)[:size].astype(np.int64)
        k = longest if size % longest == 0 else 1
        turn = int(side == "b")
        parts = codes[:size].reshape(-1, k, block), scale.reshape(-1, k)
        sides.append([np.roll(part, turn, axis=0) for part in parts])
        if tensor.micro is not None and format.micro is not None:
            groups = block // format.micro[1]
            rows = whole_rows(tensor.micro, groups)[:size].reshape(-1, k, groups)
            micro[side] = np.roll(rows, turn, axis=0)
    (a, a_scale), (b, b_scale) = sides
    count = len(a)
    ones = np.ones(count, np.int64)
    start = np.zeros(count, np.uint32)
    return Products(a, a_scale, b, b_scale, start, ones * a.shape[1], ones * 0, micro)


def bench_products(component: Any, values: NDArray[Any] | None, seed: int) -> Products:
    """Products for a design's bench: of a tensor, or 400 random and adversarial ones."""
    longest = _LONGEST if component.outputs else 1
    if values is not None:
        return tensor_products(values, component.element, component.block, longest)
    random = np.random.default_rng(seed)
    return random_products(
        random, component.element, component.block, 400, lanes=component.lanes, longest=longest
    )


def _micro(
    random: np.random.Generator,
    formats: Formats,
    shape: tuple[int, int, int],
    tied: NDArray[np.intp],
) -> Micro:
    """Random microexponents; those of a first block that sums to a tie are 0."""
    count, longest, block = shape
    micro = random_micro(random, formats, count * longest, block)
    micro = {side: bits.reshape(count, longest, -1) for side, bits in micro.items()}
    for bits in micro.values():
        bits[tied, 0] = 0
    return micro


def _codes(
    random: np.random.Generator, element: ElementFormat, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    count = shape[0]
    codes = random.integers(0, 1 << element.bits, shape)
    sign = codes & element.sign_mask
    magnitude = codes ^ sign
    kind = random.integers(0, 6, count)[:, None, None]
    few = magnitude % random.integers(1, element.sign_mask + 1, (count, 1, 1))
    tiny = magnitude % max(2, element.sign_mask >> 3)
    huge = np.where(np.arange(shape[-1]) == random.integers(0, shape[-1]), magnitude, tiny & 1)
    magnitude = np.where(kind == 1, few, magnitude)
    magnitude = np.where((kind == 2) & (random.random(shape) < 0.8), 0, magnitude)
    magnitude = np.where(kind == 3, tiny, magnitude)
    magnitude = np.where(kind == 4, huge, magnitude)
    codes = magnitude | sign
    wild = ~np.isfinite(element.table)[codes]
    rare = random.random((count, 1, 1)) < 0.05
    return np.where(wild & ~rare, sign, codes)


def _tie(
    random: np.random.Generator,
    codes: list[NDArray[np.int64]],
    pair: Pair,
    rows: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Make first blocks of some rows sum to a tie of FP32, in place; returns where that worked."""
    values = []
    for element, array in zip(pair, codes, strict=True):
        top = element.largest_code
        array[rows, 0] = random.integers(top - top // 4, top + 1, array[rows, 0].shape)
        array[rows, 0, -1] = 0
        values.append(np.array(element.magnitudes, dtype=np.float64)[array[rows, 0]])
    length = np.frexp((values[0] * values[1]).sum(axis=-1))[1]
    half = np.ldexp(1.0, length - 25)  # of FP32's last place
    places = {magnitude: code for code, magnitude in enumerate(pair[1].magnitudes)}
    partner = np.array([places.get(int(h), 0) if h >= 1 else 0 for h in half], np.int64)
    codes[0][rows, 0, -1], codes[1][rows, 0, -1] = 1, partner
    return rows[(partner > 0) & (pair[0].magnitudes[1] == 1)]


def _scales(
    random: np.random.Generator, codes: list[NDArray[np.int64]], formats: Formats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Scales that are powers of two: any, such that sums are near 1, and at FP32's ends."""
    shape = codes[0].shape[:2]
    a_scale, b_scale = (f.scale for f in formats)
    a = random.integers(0, a_scale.nan_code, shape)
    kind = random.integers(0, 5, shape[0])[:, None]
    inverse = -a_scale.offset - b_scale.offset - a  # the other one, where they multiply to 1
    bits = sum(f.element.unit_exponent for f in formats)
    near = inverse + random.integers(-6, 7, shape)
    low = inverse + 1 - FP32.bias - bits + random.integers(-40, 12, shape)
    largest = sum(f.element.emax for f in formats)
    high = inverse + FP32.bias - largest + random.integers(-12, 6, shape)
    b = random.integers(0, b_scale.nan_code, shape)
    for number, choice in ((1, near), (2, low), (3, high), (4, near)):
        b = np.where(kind == number, choice, b)
    return a, np.clip(b, 0, b_scale.largest_code)


def _accs(random: np.random.Generator, total: NDArray[np.float64]) -> NDArray[np.uint32]:
    count = len(total)
    beside = 1 + random.integers(-3, 4, count) * 2.0**-23
    far = random.integers(-60, 61, count)
    # An acc whose last place is twice the sum's leading bit, with some odd pattern above.
    odd = random.integers(1 << 23, 1 << 24, count) * random.choice([-1.0, 1.0], count)
    tie = np.ldexp(odd, np.frexp(total)[1])
    signs = random.choice([-1.0, 1.0], count)
    kinds = [
        np.where(random.random(count) < 0.5, 0.0, -0.0),
        -total * beside,
        signs * np.ldexp(total, far),
        tie,
        signs * np.ldexp(total, far // 20 + 24),
    ]
    choice = random.integers(0, len(kinds) + 1, count)
    accs = np.select([choice == n for n in range(len(kinds))], kinds).astype(np.float32)
    bits = random.integers(0, 1 << 32, count, dtype=np.uint64).astype(np.uint32)
    return np.where(choice == len(kinds), bits, accs.view(np.uint32))
