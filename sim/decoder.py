"""Bench of the decoder: every code."""

import numpy as np

from ..golden.decoder import unpack
from ..hdl.decoder import Decoder
from ..hdl.formats import unpacked_layout
from .bench import Result, compare_table
from .engine import Engine

__all__ = ["decoder_answer", "run_decoder"]


def decoder_answer(decoder: Decoder) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """All codes and the golden value of each output port for each of them."""
    codes = np.arange(1 << decoder.element.bits)
    golden = unpack(codes, decoder.element)._asdict()
    ports = [name for name, _ in unpacked_layout(decoder.element)]
    return {"code": codes.tolist()}, {p: golden[str(p)].astype(int).tolist() for p in ports}


def run_decoder(engine: Engine, decoder: Decoder) -> Result:
    """Compare a decoder with the golden model on all its codes."""
    return compare_table(engine, *decoder_answer(decoder))
