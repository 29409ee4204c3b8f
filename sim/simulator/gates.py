"""Gate-level simulation that counts transitions: many streams at once, a bit of a word each.

Every cell answers one unit of time after its inputs. A net may then change more than once in a
cycle, which is how glitches are counted; what it has become at the end of the cycle is what a
simulation without delays would see. Nets have no other delay, and cells no inertia: a pulse of one
unit passes, so that real hardware glitches less.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cells import CellKind, Words

__all__ = ["Activity", "Gates", "Load"]

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


class _Group(NamedTuple):
    """Cells of a kind that answer in the same step: nets by pin."""

    kind: CellKind
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
        kinds = {t: CellKind(t, modules) for t in sorted({cell["type"] for cell in cells})}
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
        logic: list[tuple[CellKind, dict[str, int]]] = []
        kept: defaultdict[CellKind, list[dict[str, int]]] = defaultdict(list)
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
        outputs = []
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
                outputs.append(_bits(state[self._ports[out]]))
        return Activity(toggles, settled, (cycles - warm) * streams, np.array(outputs))

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
    logic: Sequence[tuple[CellKind, Mapping[str, int]]],
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
        groups: defaultdict[CellKind, list[int]] = defaultdict(list)
        for n, (kind, _) in enumerate(logic):
            if shortest[n] <= time <= longest[n]:
                groups[kind].append(n)
        steps.append([_group(kind, [logic[n][1] for n in ns]) for kind, ns in groups.items()])
    return steps


def _group(kind: CellKind, cells: Sequence[Mapping[str, int]]) -> _Group:
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
