"""Bench of packing: codes to golden planes and back, and its cycle model."""

from dataclasses import replace
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...golden.formats.catalogue import parse
from ...golden.packing import pack as pack_planes
from ...golden.packing import plane_widths
from ...golden.quantize.encoder import quantize
from ...hdl.checks import Bound
from ...hdl.packing import CODE_BITS, Pack, Unpack
from ..design.design import BEAT, Design, one_stream
from ..design.kind import Integer
from ..design.packet import MARKS, Packets
from ..design.parameter import LANES, Parameter
from ..model.packing import packing_model
from ..result import NO_STALLS, Progress, Result, Stalls
from ..simulator.simulator import Simulator
from ..stimulus.payload import pack
from ..stimulus.reference import wire_reference
from ..stimulus.stimulus import Stimulus
from .stream import run_stream

__all__ = ["DESIGNS", "packing_case", "packing_stimulus", "packing_wires", "run_packing"]


def packing_stimulus(
    component: Pack | Unpack,
    codes: NDArray[Any],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
) -> Stimulus:
    """Make beats of codes and the golden planes; for unpacking the other way round.

    Args:
        component: the design.
        codes: integers of shape (beats, lanes).
        first: whether a beat is marked so, of shape (beats,).
        last: the same.
    """
    golden = pack_planes(codes, component.bits)
    names = (f"plane_{width}" for width in plane_widths(component.bits))
    fields = {"codes": codes, **dict(zip(names, golden, strict=True)), "first": first, "last": last}
    layouts = component.i.payload.shape(), component.o.payload.shape()
    return Stimulus(
        inputs=pack(layouts[0], fields),
        outputs=pack(layouts[1], fields),
        last=last,
        blocks=int(last.sum()),
        model=lambda: packing_model(component),
        widths=(Shape.cast(layouts[0]).width, Shape.cast(layouts[1]).width),
    )


def packing_case(
    component: Pack | Unpack, values: NDArray[Any] | None = None, seed: int = 0
) -> Stimulus:
    """Make the stimulus of a float tensor, or of built-in codes.

    A tensor is quantized to sign-magnitude integers of the width, in blocks of lanes; a row of it
    is what ``first`` and ``last`` mark. The built-in codes are each bit alone, and random ones.
    """
    bits, lanes = component.bits, component.lanes
    if values is not None:
        quantized = quantize(values, parse(f"e0m{bits - 1}"), (1, lanes)).codes
        rows = quantized.reshape(-1, quantized.shape[-1])
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % lanes)))
        beat = np.arange(rows.size // lanes) % (beats := rows.shape[1] // lanes)
        return packing_stimulus(component, rows.reshape(-1, lanes), beat == 0, beat == beats - 1)
    random = np.random.default_rng(seed)
    alone, *_ = _single_bits(component)
    codes = np.concatenate([alone, random.integers(0, 1 << bits, (64, lanes))])
    last = random.random(len(codes)) < 0.3
    last[[0, -1]] = True  # the first beat by itself shows the latency
    return packing_stimulus(component, codes, np.roll(last, 1), last)


def packing_wires(component: Pack | Unpack) -> list[int]:
    """For each bit of the payload out, the bit of the payload in that the golden model puts there.

    Found by packing beats with a single bit each.
    """
    case = packing_stimulus(component, *_single_bits(component))
    bits_in, bits_out = (
        np.unpackbits(beats, axis=1, bitorder="little").argmax(axis=1)
        for beats in (case.inputs, case.outputs)
    )
    return bits_in[np.argsort(bits_out)].tolist()


def _single_bits(component: Pack | Unpack) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Codes, first and last of beats in each of which one bit is 1."""
    bits, lanes = component.bits, component.lanes
    single = np.eye(bits * lanes + 2, dtype=np.int64)
    codes = single[:, :-2].reshape(-1, lanes, bits) @ (1 << np.arange(bits))
    return codes, single[:, -2], single[:, -1]


def run_packing(
    simulator: Simulator,
    component: Pack | Unpack,
    values: NDArray[Any] | None = None,
    stalls: Stalls = NO_STALLS,
    progress: Progress | None = None,
) -> Result:
    """Compare a design with the golden model on a float tensor, or on built-in codes."""
    return run_stream(simulator, packing_case(component, values, stalls.seed), stalls, progress)


_PARAMETERS = (
    Parameter(
        "bits",
        Integer(CODE_BITS, after="bit"),
        6,
        "width of a code that is packed",
        in_every_name=True,
    ),
    replace(LANES, default=32, default_help="", follows="", help="codes a beat"),
    Parameter("stages", Integer(Bound(0, 1), "s"), 1, "pipeline registers"),
)


def _design(name: str, title: str, build: type[Pack] | type[Unpack]) -> Design:
    return Design(
        name,
        title,
        _PARAMETERS,
        build,
        bench=run_packing,
        vectors=one_stream(packing_case),
        latency=BEAT,
        packets=lambda component: Packets(passes=MARKS),
        reference=lambda component: wire_reference(packing_wires(component)),
    )


DESIGNS = (
    _design("pack", "packing: codes to bit planes whose widths are powers of two", Pack),
    _design("unpack", "unpacking: bit planes to codes", Unpack),
)
