"""Bench of the decoder: every code."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..golden.decoder import unpack
from ..golden.encoder import quantize
from ..hdl.decoder import Decoder
from ..hdl.formats import unpacked_layout
from .bench import NO_STALLS, Progress, Result, Stalls, compare_table
from .engine import Engine

__all__ = ["decoder_case", "run_decoder"]


Table = dict[str, list[int]]


def decoder_case(decoder: Decoder, values: NDArray[Any] | None = None) -> tuple[Table, Table]:
    """Codes of a float tensor (default all), and each output port's golden value of each code."""
    codes = np.arange(1 << decoder.element.bits)
    if values is not None:
        codes = quantize(values, decoder.element).codes.reshape(-1)
    golden = unpack(codes, decoder.element)._asdict()
    ports = [name for name, _ in unpacked_layout(decoder.element)]
    return {"code": codes.tolist()}, {p: golden[str(p)].astype(int).tolist() for p in ports}


def run_decoder(
    engine: Engine,
    decoder: Decoder,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a decoder with the golden model on the codes of a float tensor, or on all codes."""
    return compare_table(engine, *decoder_case(decoder, values))
