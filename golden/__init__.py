"""The golden model: what every number means, exact, in NumPy. See docs/numerics.md."""

from .bdr import BLOCK_FORMATS, MSFP12, MSFP16, MX4, MX6, MX9, parse_format
from .block import BlockFormat, BlockTensor
from .catalogue import E2M1, E2M3, E2M5, E3M2, E4M3, E5M2, FORMATS, INT8, MXSF, parse
from .decoder import unpack
from .dot import dot, matmul
from .encoder import Rounding, quantize
from .formats import ElementFormat
from .scale import ScaleRule
from .words import BF16, FP32, WORDS, WordFormat

__all__ = [
    "BF16",
    "BLOCK_FORMATS",
    "E2M1",
    "E2M3",
    "E2M5",
    "E3M2",
    "E4M3",
    "E5M2",
    "FORMATS",
    "FP32",
    "INT8",
    "MSFP12",
    "MSFP16",
    "MX4",
    "MX6",
    "MX9",
    "MXSF",
    "WORDS",
    "BlockFormat",
    "BlockTensor",
    "ElementFormat",
    "Rounding",
    "ScaleRule",
    "WordFormat",
    "dot",
    "matmul",
    "parse",
    "parse_format",
    "quantize",
    "unpack",
]
