"""Bench of the BF16 baselines: words and accs in, golden results out, and its cycle model."""

from dataclasses import replace
from typing import Any, NamedTuple, get_args

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.baseline import LEAST_WINDOW, MOST_WINDOW, WINDOW, Method, dot_bf16
from ...golden.formats.word import BF16, FP32
from ...hdl.baseline.baseline import POINTS, Baseline
from ...hdl.checks import Bound
from ..design.design import Design, one_stream
from ..design.kind import Choice, Integer
from ..design.packet import Packets
from ..design.parameter import BLOCK, FABRIC, Parameter, registers
from ..model.baseline import baseline_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.payload import pack
from ..stimulus.stimulus import Stimulus
from ..stimulus.words import random_words
from .stream import run_stream

__all__ = [
    "DESIGNS",
    "Blocks",
    "baseline_case",
    "baseline_stimulus",
    "random_blocks",
    "run_baseline",
]

_COUNT = 400


class Blocks(NamedTuple):
    """Pairs of blocks of BF16 words with accs.

    Attributes:
        a, b: bit patterns, uint32 of shape (n, block).
        acc: FP32 bit patterns, uint32 of shape (n,).
    """

    a: NDArray[np.uint32]
    b: NDArray[np.uint32]
    acc: NDArray[np.uint32]


def random_blocks(random: np.random.Generator, block: int, count: int) -> Blocks:
    """Random and adversarial blocks.

    Words: those of ``random_words`` (any bits, one range, few bits, tiny, huge, rare Inf and NaN);
    as many near one; products at either end of FP32's range; a fifth cancel but for a few last
    places. Accs: zero; minus the sum or a few last places beside it; above and below the sum, as
    far as any rounding or window reaches; at ties with it; any bits.

    Args:
        random: source of randomness.
        block: words of a block.
        count: number of pairs.
    """
    a, b = (random_words(random, count, block, BF16) for _ in range(2))
    kind = random.integers(0, 4, count)
    for side, centres in ((a, (127, 64, 191)), (b, (127, 64, 190))):
        for number, centre in enumerate(centres, start=1):
            rows = np.flatnonzero(kind == number)
            spread = random.integers(1, 16, (len(rows), 1))
            exponent = centre + random.integers(-spread, spread + 1, (len(rows), block))
            side[rows] = (side[rows] & 0x807F) | exponent.astype(np.uint32) << 7
    half = block // 2
    if half:
        rows = np.flatnonzero(random.random(count) < 0.2)
        a[rows, half : 2 * half] = a[rows, :half] ^ 0x8000
        b[rows, half : 2 * half] = b[rows, :half]
        b[rows, 0] ^= random.integers(0, 4, len(rows)).astype(np.uint32)
    gone = random.random((count, block)) < 0.05
    a[gone] &= np.uint32(0x807F)  # zeros and subnormals
    return Blocks(a, b, _accs(random, a, b))


def _accs(
    random: np.random.Generator, a: NDArray[np.uint32], b: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    count = len(a)
    with np.errstate(all="ignore"):
        products = BF16.values(a).astype(np.float64) * BF16.values(b)
        products = np.nan_to_num(products, posinf=0, neginf=0)
        total, largest = products.sum(axis=-1), np.abs(products).max(axis=-1)
        signs = random.choice([-1.0, 1.0], count)
        near = -FP32.values(FP32.words(total).astype(np.int64) + random.integers(-3, 4, count))
        odd = random.integers(1 << 23, 1 << 24, count) * signs
        kinds = [
            np.where(signs > 0, 0.0, -0.0),
            near.astype(np.float64),
            signs * np.ldexp(total, random.integers(-30, 31, count)),
            signs * np.ldexp(largest, random.integers(-34, 35, count)),
            np.ldexp(odd, np.frexp(total)[1]),
        ]
        choice = random.integers(0, len(kinds) + 1, count)
        chosen = np.select([choice == n for n in range(len(kinds))], kinds).astype(np.float32)
    bits = random.integers(0, 1 << 32, count, dtype=np.uint64).astype(np.uint32)
    return np.where(choice == len(kinds), bits, chosen.view(np.uint32))


def tensor_blocks(values: NDArray[Any], block: int) -> Blocks:
    """Blocks along a tensor's last axis, with themselves rolled by one block; accs are 0."""
    words = BF16.words(values)
    words = words.reshape(-1, words.shape[-1] if words.ndim else 1)
    words = np.pad(words, ((0, 0), (0, -words.shape[-1] % block))).reshape(-1, block)
    return Blocks(words, np.roll(words, 1, axis=0), np.zeros(len(words), np.uint32))


def baseline_stimulus(component: Baseline, blocks: Blocks) -> Stimulus:
    """Make the beats of some blocks and the golden results."""
    with np.errstate(invalid="ignore"):  # signalling NaN
        golden = dot_bf16(
            BF16.values(blocks.a),
            BF16.values(blocks.b),
            FP32.values(blocks.acc),
            component.method,
            component.window,
        )
    layouts = component.i.payload.shape(), component.o.payload.shape()
    incoming = {"a.words": blocks.a, "b.words": blocks.b, "acc": blocks.acc}
    return Stimulus(
        inputs=pack(layouts[0], incoming),
        outputs=pack(layouts[1], {"acc": golden.view(np.uint32)}),
        last=np.ones(len(blocks.acc), bool),
        blocks=len(blocks.acc),
        model=lambda: baseline_model(component),
        widths=(Shape.cast(layouts[0]).width, Shape.cast(layouts[1]).width),
    )


def baseline_case(
    component: Baseline, values: NDArray[Any] | None = None, seed: int = 0
) -> Stimulus:
    """Make the stimulus of a float tensor, or of built-in blocks."""
    if values is None:
        blocks = random_blocks(np.random.default_rng(seed), component.block, _COUNT)
    else:
        blocks = tensor_blocks(values, component.block)
    return baseline_stimulus(component, blocks)


def run_baseline(
    simulator: Simulator,
    component: Baseline,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a baseline with the golden model on a float tensor, or on built-in blocks."""
    return run_stream(simulator, baseline_case(component, values, stalls.seed), stalls, progress)


_LONGEST = max(POINTS.values(), key=lambda points: len(points.priority))
_PATH = tuple(dict.fromkeys(point for points in POINTS.values() for point in points.path))

DESIGNS = (
    Design(
        "baseline",
        "baseline: dot product of BF16 words with an FP32 accumulator",
        (
            replace(BLOCK, default=32, default_help="", help="products in a sum"),
            Parameter(
                "method",
                Choice({name: name for name in get_args(Method)}),
                "tree",
                "how it adds: FP32 additions, or aligned to the largest exponent",
            ),
            Parameter(
                "window",
                Integer(Bound(LEAST_WINDOW, MOST_WINDOW), "w"),
                WINDOW,
                "bits below the largest exponent that are kept",
            ),
            registers(replace(_LONGEST, path=_PATH)),
            FABRIC,
        ),
        Baseline,
        bench=run_baseline,
        vectors=one_stream(baseline_case),
        packets=lambda component: Packets(),
    ),
)
