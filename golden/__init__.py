"""The golden model: what every number means, exact, in NumPy. See docs/numerics.md."""

from .block import BlockFormat, BlockTensor
from .decoder import unpack
from .encoder import Rounding, quantize
from .formats import (
    BF16,
    E2M1,
    E2M3,
    E2M5,
    E3M2,
    E4M3,
    E5M2,
    FORMATS,
    FP32,
    INT8,
    MXSF,
    WORDS,
    ElementFormat,
    WordFormat,
    parse,
)
from .scale import ScaleRule

__all__ = [
    "BF16",
    "E2M1",
    "E2M3",
    "E2M5",
    "E3M2",
    "E4M3",
    "E5M2",
    "FORMATS",
    "FP32",
    "INT8",
    "MXSF",
    "WORDS",
    "BlockFormat",
    "BlockTensor",
    "ElementFormat",
    "Rounding",
    "ScaleRule",
    "WordFormat",
    "parse",
    "quantize",
    "unpack",
]
