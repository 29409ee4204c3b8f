"""What the transposed use of a matrix costs: square tiles against vector blocks.

Training multiplies with a matrix as it is and with its transpose. In square tiles one
quantization serves both. In vector blocks the codes are read again, decoded, and encoded along the
other axis.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.formats.element import ElementFormat
from ...golden.quantize.encoder import quantize
from ...golden.quantize.error import error_db
from ...golden.quantize.requantizer import requantize_blocks
from ...sim.result import Result
from ...sim.simulator.yosys import PINNED, Yosys
from ..catalogue.catalogue import Variant, tensors, variant
from ..simulate import default_simulator, make_simulator
from ..synth.area import area

__all__ = ["Cost", "check_tensor", "compare"]

TILE, BLOCK, LANES = 8, 32, 8


@dataclass(frozen=True)
class Cost:
    """What a matrix costs that is used straight and transposed.

    Attributes:
        tensor: its name.
        shape: its shape.
        way: ``"8x8 tiles"`` or ``"1x32 blocks"``.
        words: words and codes read and written, one for each element and time.
        bytes: the same in bytes, scales included.
        cycles: clock cycles from the first word in to the last code out, 8 elements a cycle.
        gates: generic gates of what computes, storage not counted; all of it that works at a time
            or in turn.
        storage: bits of the block buffers.
        straight: error of the straight operand, dB (signal to noise).
        transposed: error of the transposed operand, dB.
        passed: whether every cycle of the simulation was right.
    """

    tensor: str
    shape: tuple[int, int]
    way: str
    words: int
    bytes: int
    cycles: int
    gates: int
    storage: int
    straight: float
    transposed: float
    passed: bool

    @property
    def lost(self) -> float:
        """What the transposed operand lost against the straight one, in dB."""
        return self.straight - self.transposed


def check_tensor(name: str) -> None:
    """Raise ValueError where a shipped tensor is none."""
    known = tensors()
    if name not in known:
        raise ValueError(f"unknown tensor {name!r}: use {', '.join(known)}")


def compare(
    names: Sequence[str],
    element: ElementFormat,
    yosys: Yosys = PINNED,
    step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Cost]:
    """Run shipped tensors of two axes both ways: two rows a tensor, tiles first.

    Args:
        names: names of ``flow.catalogue.tensors()``.
        element: the element format.
        yosys: the Yosys that counts gates.
        step: called with what runs now, jobs done, and all jobs.

    Raises:
        ValueError: no such tensor.
    """
    for name in names:
        check_tensor(name)
    data = tensors()
    options = {"element": element, "stages": 1}
    tiles = variant("requantizer", tile=TILE, **options)
    first = variant("encoder", block=BLOCK, lanes=LANES, source="fp32", **options)
    second = variant("encoder", block=BLOCK, lanes=LANES, **options)
    decoder = variant("decoder", element=element)
    total, gates = 4 + len(names), []
    for done, design in enumerate((tiles, first, second, decoder)):
        step(f"{design.top} ({yosys.label})", done, total)
        bare = design.netlist.without("storage") if design.clocked else design.netlist
        gates.append(area(bare, "generic", yosys).gates or 0)
    costs = []
    for done, name in enumerate(names):
        step(f"simulating {name}", 4 + done, total)
        x = data[name]
        costs.append(_tiles(name, x, tiles, gates[0]))
        costs.append(_blocks(name, x, (first, second), gates[1] + gates[2] + LANES * gates[3]))
    return costs


def _tiles(name: str, x: NDArray[np.float32], design: Variant, gates: int) -> Cost:
    q = quantize(x, design.component.element, (TILE, TILE))
    seen = _run(design, x)
    return Cost(
        name,
        _shape(x),
        f"{TILE}x{TILE} tiles",
        words=2 * x.size,
        bytes=4 * x.size + _bytes(q),
        cycles=seen.cycles,
        gates=gates,
        storage=2 * TILE * TILE * design.component.held_bits,
        straight=error_db(x, q.dequantize()),
        transposed=error_db(x.T, q.T.dequantize()),
        passed=seen.passed,
    )


def _blocks(
    name: str, x: NDArray[np.float32], designs: tuple[Variant, Variant], gates: int
) -> Cost:
    q = quantize(x, designs[0].component.element, (1, BLOCK))
    again = requantize_blocks(q)
    values = np.ascontiguousarray(q.dequantize().T)  # exact in BF16 for up to 8 significant bits
    seen = [_run(design, tensor) for design, tensor in zip(designs, (x, values), strict=True)]
    held = sum(2 * BLOCK * design.component.source.bits for design in designs)
    return Cost(
        name,
        _shape(x),
        f"1x{BLOCK} blocks",
        words=4 * x.size,
        bytes=4 * x.size + 2 * _bytes(q) + _bytes(again),
        cycles=sum(result.cycles for result in seen),
        gates=gates,
        storage=held,
        straight=error_db(x, q.dequantize()),
        transposed=error_db(x.T, again.dequantize()),
        passed=all(result.passed for result in seen),
    )


def _run(design: Variant, values: NDArray[np.float32]) -> Result:
    return design.bench(make_simulator(design, default_simulator()), values)


def _bytes(q: Any) -> int:
    return -(-q.codes.size * q.element.bits // 8) + q.scales.size


def _shape(x: NDArray[Any]) -> tuple[int, int]:
    rows, columns = x.shape
    return rows, columns
