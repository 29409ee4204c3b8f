"""Amaranth components that compute what ``mxsf.golden`` defines. See docs/hardware.md."""

from .decoder import Decoder, decode
from .encoder import Encoder

__all__ = ["Decoder", "Encoder", "decode"]
