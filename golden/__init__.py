"""The golden model: what every number means, exact, in NumPy. See docs/numerics.md."""

from .dot.decoder import unpack
from .dot.dot import dot
from .dot.matmul import matmul
from .formats.block import BlockFormat, Rounding
from .formats.block_catalogue import (
    BLOCK_FORMATS,
    MSFP12,
    MSFP16,
    MX4,
    MX6,
    MX9,
    MXFP4,
    MXFP6_E2M3,
    MXFP6_E3M2,
    MXFP8_E4M3,
    MXFP8_E5M2,
    MXINT8,
    NVFP4,
    parse_format,
)
from .formats.catalogue import E2M1, E2M3, E2M5, E3M2, E4M3, E5M2, FORMATS, INT8, MXSF, parse
from .formats.element import ElementFormat
from .formats.factor import Factor
from .formats.quotient_rule import QuotientRule
from .formats.scale import E8M0, SCALE_FORMATS, UE4M3, UE5M3, ScaleFormat
from .formats.scale_rule import ScaleRule
from .formats.word import BF16, FP32, WORDS, WordFormat
from .quantize.encoder import quantize
from .quantize.tensor import BlockTensor

__all__ = [
    "BF16",
    "BLOCK_FORMATS",
    "E2M1",
    "E2M3",
    "E2M5",
    "E3M2",
    "E4M3",
    "E5M2",
    "E8M0",
    "FORMATS",
    "FP32",
    "INT8",
    "MSFP12",
    "MSFP16",
    "MX4",
    "MX6",
    "MX9",
    "MXFP4",
    "MXFP6_E2M3",
    "MXFP6_E3M2",
    "MXFP8_E4M3",
    "MXFP8_E5M2",
    "MXINT8",
    "MXSF",
    "NVFP4",
    "SCALE_FORMATS",
    "UE4M3",
    "UE5M3",
    "WORDS",
    "BlockFormat",
    "BlockTensor",
    "ElementFormat",
    "Factor",
    "QuotientRule",
    "Rounding",
    "ScaleFormat",
    "ScaleRule",
    "WordFormat",
    "dot",
    "matmul",
    "parse",
    "parse_format",
    "quantize",
    "unpack",
]
