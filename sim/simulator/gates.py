"""Gate-level simulation that counts transitions: many streams at once, a bit of a word each.

Every cell answers one unit of time after its inputs. A net may then change more than once in a
cycle, which is how glitches are counted; what it has become at the end of the cycle is what a
simulation without delays would see. Nets have no other delay, and cells no inertia: a pulse of one
unit passes, so that real hardware glitches less.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Activity", "Gates", "Load"]

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
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD = 64


class Load(NamedTuple):
    """An input pin that a net drives."""

    cell: str
    pin: str


@dataclass(frozen=True)
class Activity:
    """What happened in the measured cycles, over all streams.

    Attributes:
        toggles: transitions of each net, glitches among them.
        settled: transitions between the ends of cycles.
        cycles: cycles measured, of all streams together.
        outputs: bits of the output port at the ends of those cycles, uint8 of shape (cycles of a
            stream, streams, bits).
    """

    toggles: NDArray[np.int64]
    settled: NDArray[np.int64]
    cycles: int
    outputs: NDArray[np.uint8]


class _Kind:
    """A type of cell: what it does.

    Attributes:
        inputs, outputs: names of its pins.
        clock: clock pin of a flip-flop; empty for logic.
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


class _Group(NamedTuple):
    """Cells of a kind that answer in the same step: nets by pin."""

    kind: _Kind
    inputs: dict[str, NDArray[np.intp]]
    outputs: NDArray[np.intp]  # of all its output pins, pin by pin


class Gates:
    """A flat netlist of gates or of a library's cells, with one clock.

    Args:
        design: a module of Yosys' JSON.
        modules: modules of the library, as ``read_liberty`` makes them.

    Attributes:
        nets: number of each wire of the design; constants are 0 and 1.
        drivers: what drives each net: (type of cell, its pin), None for inputs and constants.
        loads: the input pins that each net drives.
        registers: nets that flip-flops drive.
        clocked: kinds and clock pins of the flip-flops, one entry each.

    Raises:
        ValueError: a cell without a known function, a combinational loop, more than one clock.
    """

    def __init__(self, design: Mapping[str, Any], modules: Mapping[str, Any]):
        cells = [cell for cell in design["cells"].values() if cell["type"] != "$scopeinfo"]
        kinds = {t: _Kind(t, modules) for t in sorted({cell["type"] for cell in cells})}
        number: dict[Any, int] = {"0": 0, "x": 0, "1": 1}
        for bit in (b for c in cells for bits in c["connections"].values() for b in bits):
            number.setdefault(bit, len(number) - 1)
        self.nets = number
        self._ports = {
            name: [number.setdefault(bit, len(number) - 1) for bit in port["bits"]]
            for name, port in design["ports"].items()
        }
        self.count = len(number)  # the last one is where outputs go that drive nothing
        self.drivers: list[tuple[str, str] | None] = [None] * self.count
        self.loads: list[list[Load]] = [[] for _ in range(self.count)]
        self.clocked: list[Load] = []
        logic: list[tuple[_Kind, dict[str, int]]] = []
        kept: defaultdict[_Kind, list[dict[str, int]]] = defaultdict(list)
        clocks = set()
        for cell in cells:
            kind = kinds[cell["type"]]
            nets = {p: number[bits[0]] for p, bits in cell["connections"].items()}
            for p in kind.inputs:
                self.loads[nets[p]].append(Load(cell["type"], p))
            for p in kind.outputs:
                self.drivers[nets.setdefault(p, self.count - 1)] = (cell["type"], p)
            if kind.clock:
                clocks.add(nets[kind.clock])
                self.clocked.append(Load(cell["type"], kind.clock))
                kept[kind].append(nets)
            else:
                logic.append((kind, nets))
        self.drivers[-1] = None
        if len(clocks) > 1:
            raise ValueError(f"a netlist of {len(clocks)} clocks is not simulated")
        self._kept = [_group(kind, cells) for kind, cells in kept.items()]
        self.registers = [net for group in self._kept for net in group.outputs]
        self._steps = _steps(logic)

    @property
    def depth(self) -> int:
        """Cells on the longest path."""
        return len(self._steps)

    def activity(
        self, held: Mapping[str, int], port: str, inputs: NDArray[np.uint8], out: str, warm: int
    ) -> Activity:
        """Run from reset and count.

        Args:
            held: values of input ports that stay; those that are not named are 0, but ``rst`` is
                1 in a cycle before the first.
            port: the input port that changes.
            inputs: its bits, uint8 of shape (cycles, streams, bits); streams a multiple of 64.
            out: the output port whose bits are returned.
            warm: cycles at the start that are not measured.
        """
        cycles, streams, _ = inputs.shape
        if streams % _WORD:
            raise ValueError(f"streams must be a multiple of {_WORD}, not {streams}")
        state = np.zeros((self.count, streams // _WORD), np.uint64)
        state[1] = _ONES
        for name, value in held.items():
            for place, net in enumerate(self._ports[name]):
                state[net] = _ONES if value >> place & 1 else 0
        toggles, settled = np.zeros((2, self.count), np.int64)
        found = []
        if "rst" in self._ports:
            state[self._ports["rst"]] = _ONES
            self._settle(state, toggles)
            self._edge(state)
            state[self._ports["rst"]] = 0
        for cycle in range(cycles):
            if cycle == warm:
                toggles[:] = settled[:] = 0
            before = state.copy()
            self._edge(state)
            state[self._ports[port]] = _words(inputs[cycle])
            toggles += _changed(before, state)
            self._settle(state, toggles)
            settled += _changed(before, state)
            if cycle >= warm:
                found.append(_bits(state[self._ports[out]]))
        return Activity(toggles, settled, (cycles - warm) * streams, np.array(found))

    def _edge(self, state: Words) -> None:
        """The clock rises: all flip-flops at once."""
        made = []
        for group in self._kept:
            pieces = np.split(state[group.outputs], len(group.kind.outputs))
            made.append(np.concatenate(group.kind(_pins(group, state), pieces)))
        for group, words in zip(self._kept, made, strict=True):
            state[group.outputs] = words

    def _settle(self, state: Words, toggles: NDArray[np.int64]) -> None:
        """Let units of time pass until nothing can change any more."""
        for step in self._steps:
            made = [
                (group.outputs, np.concatenate(group.kind(_pins(group, state)))) for group in step
            ]
            for nets, words in made:
                toggles[nets] += np.bitwise_count(state[nets] ^ words).sum(axis=1, dtype=np.int64)
                state[nets] = words


def _pins(group: _Group, state: Words) -> dict[str, Words]:
    return {pin: state[nets] for pin, nets in group.inputs.items()}


def _steps(
    logic: Sequence[tuple[_Kind, Mapping[str, int]]],
) -> list[list[_Group]]:
    """For each unit of time the cells whose outputs can change in it."""
    made = {nets[p]: n for n, (kind, nets) in enumerate(logic) for p in kind.outputs if p in nets}
    feeds = [[made[nets[p]] for p in kind.inputs if nets[p] in made] for kind, nets in logic]
    shortest, longest = [0] * len(logic), [0] * len(logic)
    for n in _order(feeds):
        kind, nets = logic[n]
        direct = any(nets[p] > 1 and nets[p] not in made for p in kind.inputs)
        near = [shortest[f] for f in feeds[n]] + [0] * (direct or not feeds[n])
        shortest[n] = 1 + min(near)
        longest[n] = 1 + max((longest[f] for f in feeds[n]), default=0)
    steps = []
    for time in range(1, max(longest, default=0) + 1):
        groups: defaultdict[_Kind, list[int]] = defaultdict(list)
        for n, (kind, _) in enumerate(logic):
            if shortest[n] <= time <= longest[n]:
                groups[kind].append(n)
        steps.append([_group(kind, [logic[n][1] for n in ns]) for kind, ns in groups.items()])
    return steps


def _group(kind: _Kind, cells: Sequence[Mapping[str, int]]) -> _Group:
    inputs = {p: np.array([nets[p] for nets in cells], np.intp) for p in kind.inputs}
    outputs = [nets[p] for p in kind.outputs for nets in cells]
    return _Group(kind, inputs, np.array(outputs, np.intp))


def _order(feeds: Sequence[Sequence[int]]) -> Iterator[int]:
    """Numbers so that each comes after those that feed it."""
    waiting = [len(set(f)) for f in feeds]
    follow: defaultdict[int, list[int]] = defaultdict(list)
    for n, before in enumerate(feeds):
        for f in set(before):
            follow[f].append(n)
    ready = [n for n, number in enumerate(waiting) if not number]
    done = 0
    while ready:
        n = ready.pop()
        done += 1
        yield n
        for after in follow[n]:
            waiting[after] -= 1
            if not waiting[after]:
                ready.append(after)
    if done < len(feeds):
        raise ValueError(f"{len(feeds) - done} cells of the netlist stand in combinational loops")


def _changed(before: Words, after: Words) -> NDArray[np.int64]:
    return np.bitwise_count(before ^ after).sum(axis=1, dtype=np.int64)


def _words(bits: NDArray[np.uint8]) -> Words:
    """Bits (streams, n) to words (n, streams / 64)."""
    packed = np.packbits(bits.T, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view(np.uint64)


def _bits(words: Words) -> NDArray[np.uint8]:
    """Words (n, streams / 64) to bits (streams, n)."""
    plain = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(plain, axis=1, bitorder="little").T
