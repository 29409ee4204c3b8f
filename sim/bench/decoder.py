"""Bench of the decoder: every code."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.dot.decoder import unpack
from ...golden.quantize.encoder import quantize
from ...hdl.dot.decoder import Decoder
from ...hdl.layouts import unpacked_layout
from ...hdl.ports import port_signals
from ..design.design import Design
from ..design.parameter import with_blocks
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.reference import table_reference
from ..stimulus.vectors import Column, Vectors
from .stream import compare_table

__all__ = ["DESIGNS", "decoder_case", "run_decoder"]


Table = dict[str, list[int]]


def decoder_case(decoder: Decoder, values: NDArray[Any] | None = None) -> tuple[Table, Table]:
    """Codes of a float tensor (default all), and each output port's golden value of each code.

    In a format with microexponents each code stands with either.
    """
    codes = np.arange(1 << decoder.format.element.bits)
    if values is not None:
        codes = quantize(values, decoder.format).codes.reshape(-1)
    inputs = {"code": codes}
    if decoder.format.micro is not None:
        inputs = {"code": codes.repeat(2), "micro": np.tile([0, 1], codes.size)}
    golden = unpack(inputs["code"], decoder.format, inputs.get("micro"))._asdict()
    ports = [name for name, _ in unpacked_layout(decoder.format)]
    return (
        {port: array.tolist() for port, array in inputs.items()},
        {port: golden[str(port)].astype(int).tolist() for port in ports},
    )


def run_decoder(
    simulator: Simulator,
    decoder: Decoder,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a decoder with the golden model on the codes of a float tensor, or on all codes."""
    return compare_table(simulator, *decoder_case(decoder, values), progress)


def _vectors(component: Decoder, values: NDArray[Any] | None, seed: int) -> Vectors:
    """Vectors of a decoder; there is nothing to draw."""
    widths = _widths(component)
    inputs, outputs = (
        {name: Column(widths[name], rows) for name, rows in table.items()}
        for table in decoder_case(component, values)
    )
    return Vectors(inputs, outputs, streams=False, blocks=len(inputs["code"].values))


def _widths(component: Decoder) -> dict[str, int]:
    return {name: len(signal) for name, (signal, _) in port_signals(component).items()}


DESIGNS = (
    Design(
        "decoder",
        "element decoder: code to sign, significand, shift",
        (with_blocks(),),
        Decoder,
        bench=run_decoder,
        vectors=_vectors,
        reference=lambda component: table_reference(_widths(component), *decoder_case(component)),
    ),
)
