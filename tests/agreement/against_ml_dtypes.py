"""Codes to values, and BF16 words to codes, saturating and not."""

from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
from comparison import Comparison, bf16_words, none, unlike
from mxsf.golden import E2M1, E2M3, E3M2, E4M3, E5M2, E8M0

FP8 = {E4M3: ml_dtypes.float8_e4m3fn, E5M2: ml_dtypes.float8_e5m2}
FORMATS: dict[Any, Any] = {
    **FP8,
    E3M2: ml_dtypes.float6_e3m2fn,
    E2M3: ml_dtypes.float6_e2m3fn,
    E2M1: ml_dtypes.float4_e2m1fn,
}
SATURATES = "[3](numerics.md#3-encoding): what overflows saturates; there it becomes NaN or Inf"


def compare() -> Iterator[Comparison]:
    """Compare with ml_dtypes."""
    words = bf16_words()
    for element, dtype in FORMATS.items():
        codes = np.arange(1 << element.bits, dtype=np.uint8)
        differs = unlike(element.decode(codes), codes.view(dtype).astype(np.float64))
        yield Comparison("ml_dtypes", f"{element.name}: every code", differs, none(differs))
        theirs = words.astype(dtype).view(np.uint8)
        differs = element.encode(words) != theirs
        if element not in FP8:
            yield Comparison("ml_dtypes", f"{element.name}: every word", differs, none(differs))
            continue
        codes = element.encode(words, overflow="ovf")
        beyond = ~np.isfinite(element.decode(codes))
        what = f"{element.name}: every word"
        yield Comparison("ml_dtypes", what, differs, beyond, (SATURATES,))
        differs = codes != theirs
        yield Comparison("ml_dtypes", f'{what}, `overflow="ovf"`', differs, none(differs))
    codes = np.arange(256, dtype=np.uint8)
    differs = unlike(E8M0.decode(codes), codes.view(ml_dtypes.float8_e8m0fnu).astype(np.float64))
    yield Comparison("ml_dtypes", "e8m0: every code", differs, none(differs))
