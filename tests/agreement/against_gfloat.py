"""Codes to values, BF16 words to codes, and blocks by the rule FLOOR."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from comparison import ELEMENTS, FLUSHES, Comparison, bf16_words, blocks, none, unlike
from gfloat import RoundMode, decode_ndarray, encode_ndarray, formats, round_ndarray
from gfloat.block import compute_scale_amax
from mxsf.golden import E8M0, INT8, quantize
from numpy.typing import NDArray

SYMMETRIC = "[1](numerics.md#1-element-formats): INT8 saturates at +-127, there at -128"


def encoded(peer: Any, values: Any) -> NDArray[np.uint8]:
    """Codes of values, to nearest even and saturating."""
    rounded = round_ndarray(peer, values, RoundMode.TiesToEven, sat=True)
    return np.asarray(encode_ndarray(peer, rounded), np.uint8)


def compare() -> Iterator[Comparison]:
    """Compare with gfloat."""
    words, data = bf16_words(), blocks()
    for element in (*ELEMENTS, INT8):
        peer = getattr(formats, f"format_info_ocp_{element.name}")
        codes = np.arange(1 << element.bits, dtype=np.uint8)
        differs = unlike(element.decode(codes), decode_ndarray(peer, codes))
        yield Comparison("gfloat", f"{element.name}: every code", differs, none(differs))
        theirs = encoded(peer, words.astype(np.float64))
        rules = (SYMMETRIC,) if element is INT8 else ()
        below = (theirs == 0x80) & bool(rules)
        differs = element.encode(words) != theirs
        yield Comparison("gfloat", f"{element.name}: every word", differs, below, rules)

        scales = np.array([compute_scale_amax(peer.emax, x) for x in data.astype(np.float64)])
        theirs = encoded(peer, data / scales[:, None])
        values = decode_ndarray(peer, theirs) * scales[:, None]
        ours = quantize(data, element, (1, 32)).dequantize()  # FLOOR
        flushed = (data != 0) & (np.abs(data) < 2.0**-126) & (values != 0)
        below = (theirs == 0x80) & bool(rules)
        differs = (ours != values).reshape(data.shape)
        what = f"{element.name}: {data.size:,} elements of blocks of 32"
        yield Comparison("gfloat", what, differs, flushed | below, (FLUSHES, *rules))
    codes = np.arange(256, dtype=np.uint8)
    differs = unlike(E8M0.decode(codes), decode_ndarray(formats.format_info_ocp_e8m0, codes))
    yield Comparison("gfloat", "e8m0: every code", differs, none(differs))
