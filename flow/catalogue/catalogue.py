"""The designs: name, parameters, how to build and how to bench. Everything else reads this list."""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hdl.baseline.baseline import Baseline
from ...hdl.dot.accumulator import Accumulator
from ...hdl.dot.decoder import Decoder
from ...hdl.dot.dot import Dot
from ...hdl.dot.product_sum import ProductSum
from ...hdl.engine.matmul import Matmul
from ...hdl.packing import Pack, Unpack
from ...hdl.ports import port_signals
from ...hdl.quantize.encoder import Encoder
from ...hdl.quantize.requantizer import Requantizer
from ...sim.bench.accumulator import accumulator_case, run_accumulator
from ...sim.bench.baseline import baseline_case, run_baseline
from ...sim.bench.decoder import decoder_case, run_decoder
from ...sim.bench.dot import dot_case, run_dot
from ...sim.bench.encoder import encoder_case, run_encoder
from ...sim.bench.engine import matmul_case, run_matmul
from ...sim.bench.packing import packing_case, run_packing
from ...sim.bench.product_sum import product_sum_case, run_product_sum
from ...sim.bench.requantizer import requantizer_case, run_requantizer
from ...sim.stimulus.stimulus import Stimulus
from ...sim.stimulus.vectors import Column, Vectors, stream_vectors
from .design import Design, Variant
from .interfaces import INTERFACES
from .parameters import (
    ACCUMULATOR,
    BASELINE,
    DECODER,
    DOT,
    ENCODER,
    MATMUL,
    PACKING,
    PRODUCT_SUM,
    REQUANTIZER,
)

__all__ = ["CATALOGUE", "Design", "Variant", "tensors", "variant"]


def variant(
    name: str,
    prefix: str = "",
    *,
    interface: str = "stream",
    reset: str = "sync",
    polarity: str | None = None,
    **values: Any,
) -> Variant:
    """Build a design by name.

    Args:
        name: name in the catalogue.
        prefix: text in front of every module name.
        interface: name of its interface, in ``flow.catalogue.interfaces``.
        reset: ``"sync"`` or ``"async"``.
        polarity: of the reset, ``"high"`` or ``"low"``; by default what the interface has.
        values: parameters, as values or as text; the rest take their defaults.

    Raises:
        ValueError: no such design, interface or parameter, or a bad value.

    >>> variant("encoder", element="e4m3", lanes="8", stages=3).top
    'mxsf_encoder_e4m3_b32_l8_s3'
    """
    if name not in CATALOGUE:
        raise ValueError(f"unknown design {name!r}: use {', '.join(CATALOGUE)}")
    if not re.fullmatch(r"([A-Za-z_]\w*)?", prefix, re.ASCII):
        raise ValueError(f"prefix must be letters, digits and underscores, not {prefix!r}")
    if interface not in INTERFACES:
        raise ValueError(f"unknown interface {interface!r}: use {', '.join(INTERFACES)}")
    outside = INTERFACES[interface]
    clocking = outside.clocking(reset, polarity)
    design = CATALOGUE[name]
    known = {p.name: p for p in design.parameters}
    for key in values:
        if key not in known:
            raise ValueError(f"{name} has no parameter {key!r}, only {', '.join(known)}")
    full = {
        key: p.read(values[key]) if isinstance(values.get(key), str) else values.get(key, p.default)
        for key, p in known.items()
    }
    component = design.build(**full)
    for key in known:
        full[key] = getattr(component, key)
    if "lanes" in full and full["lanes"] == full.get("block"):
        full["lanes"] = None  # the default: as many as the block
    return Variant(design, full, component, prefix, outside, clocking)


def tensors() -> dict[str, NDArray[np.float32]]:
    """Real tensors that ship with the project: one training step of a small network on digits.

    Weights, activations and gradients by name; see data/README.md for shapes and origin.
    """
    with (
        (files(__package__ or "") / "data" / "digits.npz").open("rb") as file,
        np.load(file) as data,
    ):
        return {name: data[name] for name in data.files}


def _stream(case: Callable[[Any, NDArray[Any] | None, int], Stimulus]) -> Any:
    """Vectors of a design with one output, from its case."""
    return lambda component, values, seed: stream_vectors({"o": case(component, values, seed)})


def _table(component: Any, values: NDArray[Any] | None, seed: int) -> Vectors:
    """Vectors of a decoder; there is nothing to draw."""
    widths = {n: len(s) for n, (s, _) in port_signals(component).items()}
    inputs, outputs = (
        {name: Column(widths[name], rows) for name, rows in table.items()}
        for table in decoder_case(component, values)
    )
    return Vectors(inputs, outputs, streams=False, blocks=len(inputs["code"].values))


_BEAT = ("of a beat to valid of the", "beat that comes of it; one beat a cycle.")


CATALOGUE: dict[str, Design] = {
    design.name: design
    for design in (
        Design(
            "decoder",
            "element decoder: code to sign, significand, shift",
            DECODER,
            Decoder,
            bench=run_decoder,
            vectors=_table,
        ),
        Design(
            "encoder",
            "block encoder: words to one scale and codes",
            ENCODER,
            Encoder,
            bench=run_encoder,
            vectors=_stream(encoder_case),
        ),
        Design(
            "requantizer",
            "tile re-quantizer: square tiles of words to one scale and codes, perhaps transposed",
            REQUANTIZER,
            Requantizer,
            bench=run_requantizer,
            vectors=lambda c, values, seed: stream_vectors(requantizer_case(c, values, seed)),
        ),
        Design(
            "product_sum",
            "exact sum of the products of two blocks' elements",
            PRODUCT_SUM,
            ProductSum,
            bench=run_product_sum,
            vectors=_stream(product_sum_case),
        ),
        Design(
            "accumulator",
            "accumulator: block sum, scales and acc to one word, rounded once",
            ACCUMULATOR,
            Accumulator,
            bench=run_accumulator,
            vectors=_stream(accumulator_case),
        ),
        Design(
            "dot",
            "block dot product: two blocks and acc to one word, rounded once",
            DOT,
            Dot,
            bench=run_dot,
            vectors=_stream(dot_case),
        ),
        Design(
            "matmul",
            "matrix engine: commands and tiles in, products as tiles or FP32 rows out",
            MATMUL,
            Matmul,
            bench=run_matmul,
            vectors=matmul_case,
            latency=(
                "of a one-tile product's command to valid of its",
                "first FP32 row. Commands, memories and counters: docs/engine.md.",
            ),
        ),
        Design(
            "baseline",
            "baseline: dot product of BF16 words with an FP32 accumulator",
            BASELINE,
            Baseline,
            bench=run_baseline,
            vectors=_stream(baseline_case),
        ),
        Design(
            "pack",
            "packing: codes to bit planes whose widths are powers of two",
            PACKING,
            Pack,
            bench=run_packing,
            vectors=_stream(packing_case),
            latency=_BEAT,
        ),
        Design(
            "unpack",
            "unpacking: bit planes to codes",
            PACKING,
            Unpack,
            bench=run_packing,
            vectors=_stream(packing_case),
            latency=_BEAT,
        ),
    )
}
"""Every design by name."""
