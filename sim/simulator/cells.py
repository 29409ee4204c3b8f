"""What the cells of a netlist do: Yosys' own gates, and a library's cells made of them.

Signals are words: each bit of a word is another stream.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CellKind", "Words"]

Words = NDArray[np.uint64]

_GATES: dict[str, tuple[str, Callable[..., Words]]] = {
    "$_BUF_": ("A", lambda a: a.copy()),
    "$_NOT_": ("A", lambda a: ~a),
    "$_AND_": ("AB", lambda a, b: a & b),
    "$_OR_": ("AB", lambda a, b: a | b),
    "$_XOR_": ("AB", lambda a, b: a ^ b),
    "$_NAND_": ("AB", lambda a, b: ~(a & b)),
    "$_NOR_": ("AB", lambda a, b: ~(a | b)),
    "$_XNOR_": ("AB", lambda a, b: ~(a ^ b)),
    "$_ANDNOT_": ("AB", lambda a, b: a & ~b),
    "$_ORNOT_": ("AB", lambda a, b: a | ~b),
    "$_MUX_": ("ABS", lambda a, b, s: a ^ (s & (a ^ b))),
}
"""Yosys' own gates: input pins, function. What a library's cells do is made of them too."""

_FLIP_FLOP = "$_DFF_P_"


class CellKind:
    """A type of cell: what it does.

    Args:
        name: the type.
        modules: modules of the library, as ``read_liberty`` makes them.

    Attributes:
        inputs, outputs: names of its pins.
        clock: clock pin of a flip-flop; empty for logic.

    Raises:
        ValueError: a cell without a known function.
    """

    def __init__(self, name: str, modules: Mapping[str, Any]):
        self.clock = ""
        self._steps: list[tuple[Callable[..., Words], Any, list[Any]]] = []
        if name in _GATES:
            pins, function = _GATES[name]
            self.inputs, self.outputs = list(pins), ["Y"]
            self._wires = {p: p for p in (*pins, "Y")}
            self._results = ["Y"]
            self._steps.append((function, "Y", self.inputs))
        elif name == _FLIP_FLOP:
            self.inputs, self.outputs, self.clock = ["C", "D"], ["Q"], "C"
            self._wires, self._states, self._results = {p: p for p in "CD"}, [["Q"]], ["D"]
        elif name in modules:
            self._read(name, modules[name])
        else:
            raise ValueError(f"cell {name} is no gate, and the library has no function for it")

    def _read(self, name: str, module: Mapping[str, Any]) -> None:
        """What Yosys made of a library's cell."""
        ports = module["ports"]
        self._wires = wires = {p: port["bits"][0] for p, port in ports.items()}
        self.inputs = [p for p, port in ports.items() if port["direction"] == "input"]
        self.outputs = [p for p, port in ports.items() if port["direction"] == "output"]
        self._results = [wires[p] for p in self.outputs]
        cells = list(module["cells"].values())
        known = {wires[p] for p in self.inputs}
        state = [cell["connections"] for cell in cells if cell["type"] == _FLIP_FLOP]
        if state:
            self._read_state(name, state)
            known |= {ends["Q"][0] for ends in state}
        cells = [cell for cell in cells if cell["type"] != _FLIP_FLOP]
        while cells:
            able = [c for c in cells if c["type"] in _GATES and _inputs(c) <= known]
            if not able:
                raise ValueError(f"what cell {name} does is not simulated")
            for cell in able:
                pins, function = _GATES[cell["type"]]
                ends = cell["connections"]
                self._steps.append((function, ends["Y"][0], [ends[p][0] for p in pins]))
                known.add(ends["Y"][0])
            cells = [cell for cell in cells if cell not in able]
        if not {*self._results} <= known:
            raise ValueError(f"cell {name} has an output without a function")

    def _read_state(self, name: str, state: Sequence[Mapping[str, Any]]) -> None:
        """Flip-flops: outputs are theirs, results what they become."""
        pin = {self._wires[p]: p for p in self.inputs}
        becomes = {ends["Q"][0]: ends["D"][0] for ends in state}
        clocks = {ends["C"][0] for ends in state}
        if not {*self._results} <= {*becomes} or len(clocks) > 1 or not clocks <= {*pin}:
            raise ValueError(f"cell {name} keeps state in a way that is not simulated")
        self.clock = pin[clocks.pop()]
        self._results = [becomes[q] for q in self._results]
        # A cell may have more than one wire for a state.
        self._states = [[q for q, d in becomes.items() if d == result] for result in self._results]

    def __call__(self, pins: Mapping[str, Words], outputs: Sequence[Words] = ()) -> list[Words]:
        """What the outputs of cells of this kind become.

        Args:
            pins: their inputs.
            outputs: of flip-flops what they are.
        """
        known: dict[Any, Words] = {self._wires[p]: words for p, words in pins.items()}
        for output, wires in zip(outputs, self._states if outputs else (), strict=True):
            known |= dict.fromkeys(wires, output)
        for function, made, names in self._steps:
            known[made] = function(*(known[n] for n in names))
        return [known[result] for result in self._results]


def _inputs(cell: Mapping[str, Any]) -> set[Any]:
    """What a gate reads."""
    return {bits[0] for p, bits in cell["connections"].items() if p != "Y"}
