"""Waveforms: a short run of a design, read back from the file that its simulation wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....golden.formats.scale import E8M0
from ....golden.formats.word import FP32
from ....golden.leftovers import scratch_folder
from ....hdl.ports import Field, fields, stream_names
from ....sim.result import Result, Stalls
from ....sim.simulator.waveform import read_samples
from ....sim.stimulus.payload import payload_bytes, unpack
from ...catalogue.catalogue import Variant, tensors
from ...simulate import make_simulator
from ..content import Figure

__all__ = ["CYCLES", "STALLS", "TENSOR", "Recording", "numbers", "record", "wave"]

CYCLES = 16
"""Cycles of a picture."""

TENSOR = "w1"
"""Shipped tensor whose first numbers run."""

STALLS = Stalls(valid=0.75, ready=0.75, seed=2)

_SHOWN = 2  # codes of an array
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Recording:
    """A run of a design, every cycle of it.

    Attributes:
        variant: the design.
        samples: for each port its value in each cycle, before the rising edge.
        result: what the bench saw.
    """

    variant: Variant
    samples: dict[str, list[int]]
    result: Result

    def transfers(self, stream: str) -> list[int]:
        """For each cycle 1 where a beat passes, else 0."""
        ends = (self.samples[f"{stream}__{end}"] for end in ("valid", "ready"))
        return [valid & ready for valid, ready in zip(*ends, strict=True)]


def numbers() -> NDArray[np.float32]:
    """What the designs run on, float32 (8, 32)."""
    return tensors()[TENSOR][:8, :32]


def record(variant: Variant, stalls: Stalls = STALLS) -> Recording:
    """Run a design on Amaranth's simulator, and read its waveform back."""
    with scratch_folder() as folder:
        path = folder / "run.vcd"
        result = variant.bench(make_simulator(variant, "amaranth", path), numbers(), stalls)
        samples = read_samples(path, list(variant.ports), result.cycles)
    return Recording(variant, samples, result)


def wave(recording: Recording, cycles: int = CYCLES) -> Figure:
    """Picture of the cycles in which most beats pass.

    Its data: ``first``, the number of the first cycle; ``rows``, top down, each with ``name``,
    ``kind``, ``stream``, and one of the ``samples`` a cycle, None where nothing is valid; and
    ``transfers`` of each stream. Kinds are ``clock``, ``level`` (samples are 0 or 1) and ``boxes``
    (samples are texts).
    """
    variant, samples = recording.variant, recording.samples
    streams = stream_names(variant.component)
    moved = {name: recording.transfers(name) for name in streams}
    first = _busiest(list(moved.values()), recording.result.cycles, cycles)
    rows = []
    if streams:
        rows.append({"name": "clk", "kind": "clock", "stream": "", "samples": []})
        for name in streams:
            rows += _stream_rows(recording, name)
    else:
        for port, (width, is_input) in variant.ports.items():
            # A code in hex, what it means in decimal.
            texts = [f"{v:0{-(-width // 4)}x}" if is_input else str(v) for v in samples[port]]
            rows.append(_row(port, "boxes", "i" if is_input else "o", texts))
    shown = slice(first, first + cycles)
    for row in rows:
        row["samples"] = row["samples"][shown]
    count = min(cycles, recording.result.cycles - first)
    return Figure(
        f"wave_{variant.design.name}",
        f"{variant.design.name}, cycles {first} to {first + count - 1} "
        f"of {recording.result.cycles}",
        "wave",
        {
            "first": first,
            "cycles": count,
            "rows": rows,
            "transfers": {name: flags[shown] for name, flags in moved.items()},
        },
    )


def _busiest(moved: Sequence[Sequence[int]], length: int, cycles: int) -> int:
    """First of the cycles in which all streams move, and most beats pass."""

    def beats(first: int) -> tuple[int, int]:
        counts = [sum(flags[first : first + cycles]) for flags in moved]
        return min(counts), sum(counts)

    return max(range(max(length - cycles, 0) + 1), key=beats) if moved else 0


def _stream_rows(recording: Recording, stream: str) -> list[dict[str, Any]]:
    component = recording.variant.component
    layout = getattr(component, stream).payload.shape()
    samples = recording.samples
    valid = samples[f"{stream}__valid"]
    rows = [
        _row(f"{stream}.{end}", "level", stream, samples[f"{stream}__{end}"])
        for end in ("valid", "ready")
    ]
    size = payload_bytes(layout)
    packed = b"".join(value.to_bytes(size, "little") for value in samples[f"{stream}__payload"])
    items = unpack(layout, np.frombuffer(packed, np.uint8).reshape(-1, size))
    for field in fields(layout):
        bit = field.bits == 1
        values = [
            (int(value) if bit else _text(field, value, component, stream)) if there else None
            for value, there in zip(items[field.name], valid, strict=True)
        ]
        rows.append(_row(f"{stream}.{field.name}", "level" if bit else "boxes", stream, values))
    return rows


def _row(name: str, kind: str, stream: str, samples: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "stream": stream, "samples": list(samples)}


def _text(field: Field, value: Any, component: Any, stream: str) -> str:
    """A field as people read it: words as numbers, scales as powers of two, codes in hex."""
    kind = field.name.rpartition(".")[2]
    if kind == "scale":
        scales = 2 if field.width > 8 else 1  # or the sum of two
        named = scales == 1 and value == E8M0.nan_code
        return "NaN" if named else "2" + str(int(value) + E8M0.offset * scales).translate(_RAISED)
    if kind in ("words", "acc"):
        inner = FP32 if stream == "i" else component.result
        word = component.source if kind == "words" else inner
        bits = np.atleast_1d(value)[:1].astype(np.uint32)
        return f"{float(word.values(bits)[0]):.3g}" + (" …" if field.length > 1 else "")
    if kind == "codes":
        digits = -(-field.width // 4)
        text = " ".join(f"{int(code):0{digits}x}" for code in value[:_SHOWN])
        return text + (" …" if field.length > _SHOWN else "")
    return str(int(value))
