"""Amaranth components that compute what ``mxsf.golden`` defines. See docs/hardware.md."""

from .dot.accumulator import Accumulator
from .dot.decoder import Decoder, decode
from .dot.dot import Dot
from .dot.product_sum import ProductSum
from .engine.matmul import Matmul
from .packing import Pack, Unpack
from .quantize.encoder import Encoder
from .quantize.requantizer import Requantizer

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
