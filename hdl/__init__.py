"""Amaranth components that compute what ``mxsf.golden`` defines. See docs/hardware.md."""

from .accumulator import Accumulator
from .decoder import Decoder, decode
from .dot import Dot
from .encoder import Encoder
from .matmul import Matmul
from .packing import Pack, Unpack
from .product_sum import ProductSum
from .requantizer import Requantizer

__all__ = [
    "Accumulator",
    "Decoder",
    "Dot",
    "Encoder",
    "Matmul",
    "Pack",
    "ProductSum",
    "Requantizer",
    "Unpack",
    "decode",
]
