"""Bench of the encoder: words to golden codes and scales, and its cycle model."""

from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.formats.block import Rounding
from ...golden.quantize.encoder import quantize
from ...golden.quantize.lfsr import NUMBER_BITS, Lfsr
from ...golden.quantize.tensor import BlockTensor
from ...hdl.quantize.encoder import POINTS, Encoder
from ..design.design import Design, one_stream
from ..design.packet import block_packets
from ..design.parameter import (
    BLOCK,
    FABRIC,
    LANES,
    OVERFLOW,
    ROUNDING,
    RULE,
    SOURCE,
    STORAGE,
    of_format,
    registers,
    with_blocks,
)
from ..model.encoder import encoder_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.payload import pack, whole_rows
from ..stimulus.stimulus import Stimulus
from ..stimulus.words import directed_words, random_words
from .stream import run_stream

__all__ = [
    "DESIGNS",
    "encoder_case",
    "encoder_stimulus",
    "encoder_words",
    "mixed_blocks",
    "run_encoder",
]


def encoder_words(encoder: Encoder, values: NDArray[Any]) -> NDArray[np.uint32]:
    """Cut a float tensor into blocks of words along its last axis, rows padded with zeros.

    Returns:
        uint32 of shape (blocks, block).
    """
    return whole_rows(encoder.source.words(values), encoder.block)


def encoder_stimulus(
    encoder: Encoder,
    words: NDArray[np.uint32],
    beats: NDArray[np.int64] | None = None,
    stochastic: NDArray[np.bool_] | None = None,
) -> Stimulus:
    """Make the beats of blocks of words and the golden answer.

    Args:
        encoder: the design.
        words: bit patterns of source words, uint32 of shape (blocks, block).
        beats: number of beats of each block, 1 to ``encoder.beats``, shape (blocks,): a smaller
            number ends the block early, as if zero-padded. Default: full blocks.
        stochastic: whether a beat is rounded by random numbers, where the design has them; else to
            nearest even. Bool of shape (blocks, ``encoder.beats``). Default: all of them.
    """
    count, lanes = len(words), encoder.lanes
    shape = (count, encoder.beats, lanes)
    full = np.full(count, encoder.beats)
    beats = full if beats is None else beats
    stochastic = np.full(shape[:2], True) if stochastic is None else stochastic
    kept = np.arange(encoder.beats)[None, :] < beats[:, None]  # (blocks, beats)
    padded = np.where(kept.repeat(lanes, axis=1), words, 0)
    golden = _golden(encoder, padded, kept & stochastic)
    step = np.tile(np.arange(encoder.beats), (count, 1))
    marks = {"first": (step == 0)[kept], "last": (step == beats[:, None] - 1)[kept]}
    scales = golden.scales.repeat(encoder.beats, axis=1)
    fields_in = {"words": padded.reshape(shape)[kept], "stochastic": stochastic[kept], **marks}
    fields_out = {"codes": golden.codes.reshape(shape)[kept], "scale": scales[kept], **marks}
    if golden.micro is not None:
        fields_out["micro"] = golden.micro.reshape(count, encoder.beats, -1)[kept]
    layouts = encoder.i.payload.shape(), encoder.o.payload.shape()
    return Stimulus(
        inputs=pack(layouts[0], fields_in),
        outputs=pack(layouts[1], fields_out),
        last=marks["last"],
        blocks=count,
        model=lambda: encoder_model(encoder),
        widths=(Shape.cast(layouts[0]).width, Shape.cast(layouts[1]).width),
    )


def _golden(encoder: Encoder, words: NDArray[np.uint32], drawn: NDArray[np.bool_]) -> BlockTensor:
    """Golden answer; in a design with random numbers each drawn beat takes one a lane."""
    values, format = encoder.source.values(words), encoder.format
    if format.rounding is not Rounding.STOCHASTIC:
        return quantize(values, format)
    random = np.zeros((*drawn.shape, encoder.lanes), np.uint16)
    random[drawn] = Lfsr(encoder.lanes).draw(int(drawn.sum()))
    dithered = quantize(
        values, format, random=random.reshape(values.shape), random_bits=NUMBER_BITS
    )
    nearest = quantize(values, replace(format, rounding=Rounding.NEAREST_EVEN))
    lanes = drawn.repeat(encoder.lanes, axis=1)
    return replace(dithered, codes=np.where(lanes, dithered.codes, nearest.codes))


def encoder_case(encoder: Encoder, values: NDArray[Any] | None = None, seed: int = 0) -> Stimulus:
    """Make the stimulus of a float tensor, or of built-in words."""
    if values is not None:
        return encoder_stimulus(encoder, encoder_words(encoder, values))
    random = np.random.default_rng(seed)
    words = np.concatenate(
        [
            directed_words(encoder.format, encoder.block, encoder.source),
            random_words(random, 256, encoder.block, encoder.source),
        ]
    )
    return mixed_blocks(encoder, words, random)


def mixed_blocks(
    encoder: Encoder, words: NDArray[np.uint32], random: np.random.Generator
) -> Stimulus:
    """Make the stimulus of blocks of which some end early, or mix their roundings."""
    beats = random.integers(1, encoder.beats + 1, len(words))
    share = random.choice([0.0, 0.5, 1.0], (len(words), 1))
    return encoder_stimulus(
        encoder, words, beats, random.random((len(words), encoder.beats)) < share
    )


def run_encoder(
    simulator: Simulator,
    encoder: Encoder,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare an encoder with the golden model on a float tensor, or on built-in words."""
    return run_stream(simulator, encoder_case(encoder, values, stalls.seed), stalls, progress)


DESIGNS = (
    Design(
        "encoder",
        "block encoder: words to one scale and codes",
        (
            with_blocks(),
            BLOCK,
            LANES,
            SOURCE,
            of_format(RULE),
            of_format(ROUNDING),
            of_format(OVERFLOW),
            replace(STORAGE, default="memory"),
            registers(POINTS),
            FABRIC,
        ),
        Encoder,
        bench=run_encoder,
        idle=lambda encoder: {} if encoder.beats > 1 else {"storage": "a block is one beat"},
        vectors=one_stream(encoder_case),
        packets=block_packets,
    ),
)
