"""``torchao.prototype.mx_formats``: codes, words, and scales and blocks by each rule."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from comparison import (
    ELEMENTS,
    FLUSHES,
    Comparison,
    all_blocks,
    bf16_words,
    decoded,
    magnitudes,
    pooled,
    unsigned_zeros,
)
from mxsf.golden import E2M1, E2M3, E3M2, E4M3, E5M2, E8M0, ScaleRule, quantize
from mxsf.golden.formats.scale_rule import scale_codes
from numpy.typing import NDArray
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.constants import DTYPE_FP6_E2M3, DTYPE_FP6_E3M2
from torchao.prototype.mx_formats.kernels import (
    f4_unpacked_to_f32,
    f6_e2m3_unpacked_to_f32,
    f6_e3m2_unpacked_to_f32,
    unpack_uint4,
)
from torchao.prototype.mx_formats.mx_tensor import get_fp_scale, to_dtype, to_mx

INFINITE = "[2](numerics.md#2-scale): a block that holds Inf has byte 0xFF; there a finite scale"
LOGARITHM = (
    "[2](numerics.md#2-scale): exponents come from the bits; there RCEIL's from a rounded "
    "logarithm, one less just above largest * 2^k"
)
LEAST_SCALE = (
    "[3](numerics.md#3-encoding): words are divided by 2^s; there, where the byte is 0, by 2^-126"
)
NO_SCALE = "[3](numerics.md#3-encoding): words are divided by 2^s; there, where the byte is 0, by 1"


class Peer(NamedTuple):
    """An element of torchao: its name there, and how its codes become values."""

    dtype: Any
    values: Callable[[torch.Tensor], torch.Tensor]


PEERS = {
    E4M3: Peer(torch.float8_e4m3fn, lambda codes: codes.view(torch.float8_e4m3fn).float()),
    E5M2: Peer(torch.float8_e5m2, lambda codes: codes.view(torch.float8_e5m2).float()),
    E3M2: Peer(DTYPE_FP6_E3M2, f6_e3m2_unpacked_to_f32),
    E2M3: Peer(DTYPE_FP6_E2M3, f6_e2m3_unpacked_to_f32),
    E2M1: Peer(torch.float4_e2m1fn_x2, f4_unpacked_to_f32),
}


def mx(data: NDArray[np.float32], element: Any, rule: ScaleRule) -> tuple[Any, Any]:
    """Scale bytes of blocks and their codes, as torchao holds them; a row is a block."""
    mode = ScaleCalculationMode[rule.name]
    return to_mx(torch.from_numpy(data), PEERS[element].dtype, data.shape[1], mode)


def expected_scales(
    largest: NDArray[np.float32], element: Any, rule: ScaleRule
) -> NDArray[np.uint8]:
    """Scale bytes of blocks with these largest magnitudes, where torchao follows its own rules."""
    if rule is ScaleRule.RCEIL:
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = (largest / np.float32(element.largest)).astype(np.float64)
            exponents = np.ceil(np.log2(quotient).astype(np.float32))
        codes = np.where(np.isnan(largest), 0xFF, exponents.clip(-127, 127) + 127)
        return codes.astype(np.uint8)
    codes = scale_codes(largest.view(np.uint32), element, rule)
    codes[np.isinf(largest)] = 0xFF - element.emax
    return codes


def codes_to_values() -> Iterator[tuple[Any, Any, Any]]:
    """Values of every code of the elements and of E8M0."""
    codes = np.arange(256, dtype=np.uint8)
    ours = E8M0.decode(codes)
    yield ours, get_fp_scale(torch.from_numpy(codes)), ours
    for element, peer in PEERS.items():
        codes = np.arange(1 << element.bits, dtype=np.uint8)
        ours = element.decode(codes)
        yield ours, peer.values(torch.from_numpy(codes)), ours


def words_to_codes() -> Iterator[tuple[Any, Any, Any]]:
    """Codes of every word below 2^(emax + 1), beside 2^emax, so that FLOOR's scale is 1."""
    words = bf16_words()
    for element in PEERS:
        small = words[np.abs(words) < 2.0 ** (element.emax + 1)]
        pairs = np.stack([small, np.full_like(small, 2.0**element.emax)], axis=1)
        _, packed = mx(pairs, element, ScaleRule.FLOOR)
        codes = unpack_uint4(packed) if element is E2M1 else packed.view(torch.uint8)
        ours = element.encode(small)
        yield ours, codes[:, 0], ours


def scales(rule: ScaleRule) -> Iterator[tuple[Any, Any, Any]]:
    """Scale bytes of blocks of two equal words."""
    for element in ELEMENTS:
        largest = magnitudes(element.largest)
        theirs, _ = mx(np.repeat(largest[:, None], 2, axis=1), element, rule)
        ours = scale_codes(largest.view(np.uint32), element, rule)
        yield ours, theirs.view(torch.uint8), expected_scales(largest, element, rule)


def elements(rule: ScaleRule) -> Iterator[tuple[Any, Any, Any]]:
    """Values of blocks of 32."""
    data = all_blocks()
    largest = np.abs(data).max(axis=1)
    for element, peer in PEERS.items():
        ours = quantize(data, element, (1, 32), rule).dequantize()
        held, packed = mx(data, element, rule)
        theirs = to_dtype(packed, held, peer.dtype, 32, torch.float32)
        codes = expected_scales(largest, element, rule).astype(np.int32)
        divided_by = np.where(codes > 0, codes - 127, 0 if rule is ScaleRule.RCEIL else -126)
        expected = decoded(data, element, codes - 127, divided_by)
        yield unsigned_zeros(ours), unsigned_zeros(theirs), expected


def compare() -> Iterator[Comparison]:
    """Compare with torchao."""
    yield pooled("torchao", "every code, five formats and E8M0", codes_to_values())
    what = "every word below 2^(emax + 1), scale 1, five formats"
    yield pooled("torchao", what, words_to_codes())
    for rule in ScaleRule:
        more = (LOGARITHM,) if rule is ScaleRule.RCEIL else ()
        what = f"{rule.name}: scale bytes, five formats"
        yield pooled("torchao", what, scales(rule), (INFINITE, *more))
        what = f"{rule.name}: elements of blocks, five formats"
        least = NO_SCALE if rule is ScaleRule.RCEIL else LEAST_SCALE
        yield pooled("torchao", what, elements(rule), (FLUSHES, least, *more))
