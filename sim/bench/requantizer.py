"""Bench of the tile re-quantizer: tiles to golden codes and scales, and its cycle models."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.formats.block import Rounding
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import FP32, WordFormat
from ...golden.quantize.lfsr import Lfsr
from ...golden.quantize.requantizer import requantize
from ...hdl.quantize.requantizer import POINTS, TILES, Requantizer
from ..design.design import Design
from ..design.kind import YesNo
from ..design.packet import Packets
from ..design.parameter import (
    ELEMENT,
    FABRIC,
    OVERFLOW,
    ROUNDING,
    RULE,
    SOURCE,
    STORAGE,
    Parameter,
    registers,
    tile,
)
from ..model.outputs import Fork
from ..model.requantizer import requantizer_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.payload import pack
from ..stimulus.stimulus import Stimulus
from ..stimulus.vectors import stream_vectors
from ..stimulus.words import directed_words, random_words
from .stream import run_stream

__all__ = [
    "DESIGNS",
    "Fork",
    "Tiles",
    "directed_tiles",
    "random_tiles",
    "requantizer_case",
    "requantizer_stimulus",
    "requantizer_tiles",
    "run_requantizer",
]


@dataclass(frozen=True)
class Tiles:
    """Tiles to run.

    Attributes:
        words: bit patterns of source words, uint32 of shape (tiles, n, n).
        rows: rows that come, 1 to n; fewer end the tile early. Shape (tiles,).
        transpose: whether it leaves transposed, bool of shape (tiles,).
        marked: whether a full tile's last row carries ``last``, bool of shape (tiles,).
        stochastic: whether a row is rounded by random numbers, where the design has them; else to
            nearest even. Bool of shape (tiles, n).
    """

    words: NDArray[np.uint32]
    rows: NDArray[np.int64]
    transpose: NDArray[np.bool_]
    marked: NDArray[np.bool_]
    stochastic: NDArray[np.bool_]

    @classmethod
    def full(cls, words: NDArray[np.uint32], transpose: NDArray[np.bool_] | None = None) -> "Tiles":
        """Tiles with all their rows; by default every second one is transposed."""
        count, size = words.shape[:2]
        turned = np.arange(count) % 2 == 1 if transpose is None else transpose
        drawn = np.full((count, size), True)
        return cls(words, np.full(count, size), turned, np.full(count, True), drawn)

    @classmethod
    def mixed(cls, words: NDArray[np.uint32], random: np.random.Generator) -> "Tiles":
        """Tiles of which some end early, lack the mark, are transposed, or mix their roundings."""
        count, size = words.shape[:2]
        rows = np.where(random.random(count) < 0.3, random.integers(1, size + 1, count), size)
        marked, turned = random.random(count) < 0.7, random.random(count) < 0.5
        share = random.choice([0.0, 0.5, 1.0], (count, 1))
        return cls(words, rows, turned, marked, random.random((count, size)) < share)


def requantizer_tiles(requantizer: Requantizer, values: NDArray[Any]) -> NDArray[np.uint32]:
    """Cut a float tensor into tiles along its last two axes, padded with zeros.

    Returns:
        uint32 of shape (tiles, n, n).
    """
    size = requantizer.tile
    words = requantizer.source.words(values)
    if words.ndim < 2:
        words = np.pad(words, (0, -len(words) % size)).reshape(-1, size)
    words = words.reshape(-1, *words.shape[-2:])
    rows, columns = (-(-axis // size) * size for axis in words.shape[-2:])
    words = np.pad(words, ((0, 0), (0, rows - words.shape[1]), (0, columns - words.shape[2])))
    tiles = words.reshape(-1, rows // size, size, columns // size, size).swapaxes(2, 3)
    return np.ascontiguousarray(tiles).reshape(-1, size, size)


def random_tiles(
    random: np.random.Generator, count: int, size: int, source: WordFormat
) -> NDArray[np.uint32]:
    """Tiles of random words of every kind (``random_words``): uint32 of shape (count, n, n)."""
    return random_words(random, count, size * size, source).reshape(count, size, size)


def directed_tiles(
    random: np.random.Generator, element: ElementFormat, size: int, source: WordFormat
) -> NDArray[np.uint32]:
    """Tiles at the edges (``directed_words``), at random places of the tile, and a few more.

    More: one huge value among small ones, Inf or NaN anywhere, subnormal words only, and tiles all
    of one word.

    Returns:
        uint32 of shape (tiles, n, n).
    """
    words = random.permuted(directed_words(element, size * size, source), axis=1)
    m = source.mantissa_bits
    shape = (12, size * size)
    small = random.integers(100 << m, 120 << m, shape)
    huge = small.copy()
    huge[np.arange(12), random.integers(0, size * size, 12)] = random.integers(
        200 << m, 255 << m, 12
    )
    infinite = small.copy()
    infinite[np.arange(12), random.integers(0, size * size, 12)] = (255 << m) + np.arange(12) % 2
    subnormal = random.integers(0, 1 << m, shape)
    signs = random.integers(0, 2, (4, *shape)) << (source.bits - 1)
    same = random.integers(1 << m, 255 << m, (12, 1)).repeat(size * size, axis=1)
    more = np.concatenate(np.stack([huge, infinite, subnormal, same]) | signs)
    return np.concatenate([words, more.astype(np.uint32)]).reshape(-1, size, size)


def golden_tiles(
    requantizer: Requantizer, tiles: Tiles
) -> tuple[NDArray[np.uint32], NDArray[Any], NDArray[np.uint8]]:
    """Words with missing rows as zeros, their codes, and the scales of the tiles."""
    size = tiles.words.shape[1]
    kept = np.arange(size) < tiles.rows[:, None]
    words = np.where(kept[..., None], tiles.words, 0)
    convert = partial(
        requantize,
        requantizer.source.values(words),
        requantizer.element,
        requantizer.rule,
        overflow=requantizer.overflow,
    )
    if requantizer.rounding is not Rounding.STOCHASTIC:
        codes, scales = convert(rounding=requantizer.rounding)
    else:
        codes, scales = convert()
        random = np.zeros(words.shape, np.uint16)
        drawn = kept & tiles.stochastic  # other rows draw none
        random[drawn] = Lfsr(size).draw(int(drawn.sum()))
        dithered, _ = convert(rounding=Rounding.STOCHASTIC, random=random)
        codes = np.where(drawn[..., None], dithered, codes)
    return words, codes, scales


def requantizer_stimulus(requantizer: Requantizer, tiles: Tiles) -> dict[str, Stimulus]:
    """Make the beats of tiles and the golden answer: a Stimulus for each output stream."""
    count, size = tiles.words.shape[:2]
    words, codes, scales = golden_tiles(requantizer, tiles)
    step = np.tile(np.arange(size), (count, 1))
    kept = step < tiles.rows[:, None]
    ends = step == tiles.rows[:, None] - 1
    shown = ends & (tiles.marked | (tiles.rows < size))[:, None]
    # Before its last row a tile's ``transpose`` says nothing: there it is the opposite.
    turn = np.where(ends, tiles.transpose[:, None], ~tiles.transpose[:, None])
    marks = {"first": (step == 0)[kept], "last": shown[kept]}
    layout = requantizer.i.payload.shape()
    choices = {"transpose": turn[kept], "stochastic": tiles.stochastic[kept]}
    inputs = pack(layout, {"words": words[kept], **choices, **marks})
    turned = codes.swapaxes(1, 2)
    chosen = np.where(tiles.transpose[:, None, None], turned, codes)
    order = {"o": codes, "t": turned} if requantizer.both else {"o": chosen}
    stimuli = {}
    for reader, answer in order.items():
        out = getattr(requantizer, reader).payload.shape()
        fields = {
            "codes": answer.reshape(-1, size),
            "scale": scales.repeat(size),
            "first": (step == 0).reshape(-1),
            "last": (step == size - 1).reshape(-1),
        }
        stimuli[reader] = Stimulus(
            inputs=inputs,
            outputs=pack(out, fields),
            last=ends[kept],
            blocks=count,
            model=lambda: requantizer_model(requantizer),
            widths=(Shape.cast(layout).width, Shape.cast(out).width),
        )
    return stimuli


def requantizer_case(
    requantizer: Requantizer, values: NDArray[Any] | None = None, seed: int = 0
) -> dict[str, Stimulus]:
    """Make the stimuli of a float tensor, or of built-in tiles, by output."""
    if values is not None:
        tiles = Tiles.full(requantizer_tiles(requantizer, values))
    else:
        random = np.random.default_rng(seed)
        size, source = requantizer.tile, requantizer.source
        directed = directed_tiles(random, requantizer.element, size, source)
        chosen = random.permutation(len(directed))[: 4096 // size]
        words = [directed[chosen], random_tiles(random, 2048 // size, size, source)]
        tiles = Tiles.mixed(np.concatenate(words), random)
    return requantizer_stimulus(requantizer, tiles)


def run_requantizer(
    simulator: Simulator,
    requantizer: Requantizer,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
    *,
    tiles: Tiles | None = None,
) -> Result:
    """Compare a re-quantizer with the golden model on a float tensor, or on tiles."""
    if tiles is None:
        stimuli = requantizer_case(requantizer, values, stalls.seed)
    else:
        stimuli = requantizer_stimulus(requantizer, tiles)
    return run_stream(simulator, stimuli, stalls, progress)


DESIGNS = (
    Design(
        "requantizer",
        "tile re-quantizer: square tiles of words to one scale and codes, perhaps transposed",
        (
            ELEMENT,
            tile(TILES),
            replace(SOURCE, default=FP32),
            RULE,
            ROUNDING,
            OVERFLOW,
            Parameter(
                "both",
                YesNo("both", "single"),
                False,
                "straight and transposed tile from one quantization, on two streams",
            ),
            STORAGE,
            registers(POINTS),
            FABRIC,
        ),
        Requantizer,
        bench=run_requantizer,
        vectors=lambda component, values, seed: stream_vectors(
            requantizer_case(component, values, seed)
        ),
        packets=lambda component: Packets(
            outputs=component.readers, beats=component.beats, leaves=component.beats
        ),
    ),
)
