"""Cycle model of the matrix engine: ready, valid, busy and error on every clock edge, and counters.

Mirrors ``mxsf.hdl.engine.core`` and its parts. What a beat carries is the business of
``mxsf.golden.engine.machine``; here commands count, and whether the other streams have a beat.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...golden.engine.machine import Command, Fault, Machine, Opcode, Output
from ...hdl.engine.core import COUNTERS
from ...hdl.engine.matmul import Matmul
from .dot import dot_model
from .outputs import Fork, Model
from .pipeline import BankPair, Pipeline, Token
from .regroup import regroup_model
from .requantizer import requantizer_model

__all__ = ["Cycle", "EngineModel"]

_BEAT = Token(0, False)
_SIDES: dict[int, str] = {Opcode.LOAD_A: "a", Opcode.LOAD_B: "b"}


@dataclass
class Cycle:
    """What the engine shows in a cycle, given what is offered to it.

    Attributes:
        ready: of each stream in.
        valid: of each stream out.
        busy, error: the ports.
        events: the counters that grow.
    """

    ready: dict[str, bool]
    valid: dict[str, bool]
    busy: bool
    error: Fault
    events: dict[str, bool]


class _Step(NamedTuple):
    """A step of the array: the token of its products, and whether they start from C."""

    token: Token
    starts: bool


class _Load:
    """A load of one memory.

    Args:
        beats: beats of a tile.
    """

    def __init__(self, beats: int) -> None:
        self.beats, self.beat, self.left = beats, 0, 0
        self.tiles = range(0)

    def loaded(self, offered: bool) -> bool:
        """Return whether a tile is complete in this cycle."""
        return offered and self.left > 0 and self.beat == self.beats - 1

    def begin(self, tiles: range) -> None:
        """Begin a load of these addresses."""
        self.tiles, self.left = tiles, len(tiles)

    def step(self, offered: bool) -> None:
        """Pass a clock edge, perhaps with a beat."""
        if offered and self.left:
            self.left -= self.loaded(offered)
            self.beat = (self.beat + 1) % self.beats


def _steps(component: Matmul, command: Command) -> Iterator[_Step]:
    """Steps of a product: groups of output tiles, tiles of K, output tiles, steps of a tile."""
    left = command.tiles
    while left:
        group = component.group if left >= 2 * component.group else left
        group = 1 if component.group == 1 else group
        for k in range(command.k):
            for slot in range(group * component.steps):
                token = Token(0, True, slot, k == command.k - 1)
                yield _Step(token, command.accumulate and k == 0)
        left -= group


def _tiles(command: Command, side: str) -> range:
    """Addresses of a command's tiles in one of the memories."""
    base, across = (command.a_base, command.m) if side == "a" else (command.b_base, command.n)
    return range(base, base + across * command.k)


def _apart(one: range, other: range) -> bool:
    """Whether two ranges share nothing."""
    return not one or not other or one.stop <= other.start or one.start >= other.stop


class _Wires(NamedTuple):
    """What the parts offer to each other in a cycle, and what they take."""

    command: Command | None
    offered: Mapping[str, bool]
    start: Token | None
    takes_start: bool
    into: Token | None
    products: Token | None
    takes_products: bool
    row: Token | None
    takes_row: bool
    results: dict[str, bool]
    ends: dict[str, bool]
    reads: bool
    steps: bool
    begins: Command | None
    cycle: Cycle


class EngineModel:
    """Cycle model of ``Matmul``: in every cycle ``look``, then ``step``.

    Args:
        component: the design.
        golden: knows what is wrong with a command; nothing else of it is used.
    """

    def __init__(self, component: Matmul, golden: Machine) -> None:
        self._component, self._golden = component, golden
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.abort()

    def abort(self) -> None:
        """Be as after reset, but for the counters."""
        part, core = self._component, self._component.core
        self._job: Command | None = None
        self._error = Fault.NONE
        self._loads = {side: _Load(part.tile // part.rows) for side in "ab"}
        self._product: Command | None = None
        self._steps: Iterator[_Step] = iter(())
        self._next: _Step | None = None
        self._read: _Step | None = None
        self._operands: _Step | None = None
        product = core.product
        self._array = dot_model(product.array.pe)
        self._start, self._rows = regroup_model(product.words), regroup_model(product.rows)
        if core.results.requantizer is not None:
            self._requantizer: Model = requantizer_model(core.results.requantizer)
        else:  # a tile buffer that nothing ever enters
            self._requantizer = Fork(
                Pipeline(),
                BankPair(part.tile, registered=False, readers=2, tile=True),
                {name: Pipeline() for name in "ot"},
            )
        self._kind = (Output.WORDS, False)
        self._row = 0
        self._left = {"o": 0, "t": 0}

    def look(
        self, command: Command | None, offered: Mapping[str, bool], readies: Mapping[str, bool]
    ) -> Cycle:
        """Return what the engine shows in this cycle.

        Args:
            command: what is offered on ``command``.
            offered: valid of ``a``, ``b`` and ``c``.
            readies: ready of ``o`` and ``t``.
        """
        output = self._kind[0]
        words = output == Output.WORDS
        on = {"o": output != Output.TRANSPOSED, "t": output in (Output.TRANSPOSED, Output.BOTH)}
        # Forwards: what each part offers to the next.
        beat, start = self._operands, _BEAT if offered["c"] else None
        lacks = beat is not None and beat.starts and self._start.output(start) is None
        into = None if beat is None or lacks else beat.token
        products = None if self._array.output(into) is None else _BEAT
        row = self._rows.output(products)
        heads = {name: self._requantizer.output(name, None) for name in on}
        # Backwards: what each part takes.
        results = {name: readies[name] or not on[name] for name in on}
        takes_row = readies["o"] if words else self._requantizer.ready(row, results)
        takes_products = self._rows.ready(products, takes_row)
        takes_into = self._array.ready(into, takes_products)
        moves = into is not None and takes_into
        takes_start = takes_into and beat is not None and beat.starts
        reads = beat is None or moves

        valid = {name: head is not None and on[name] for name, head in heads.items()}
        last = {name: head is not None and head.last for name, head in heads.items()}
        if words:
            valid["o"] = row is not None
            last["o"] = row is not None and self._row == self._component.tile - 1
        begins, waits, drains = self._issue()
        full, stops = products is not None and not takes_products, beat is not None and not moves
        busy = (
            self._job is not None
            or any(load.left for load in self._loads.values())
            or self._next is not None
            or any(self._left.values())
        )
        events = {
            "cycles": busy,
            "steps": moves,
            **{f"{side}_tiles": load.loaded(offered[side]) for side, load in self._loads.items()},
            **{f"{name}_tiles": valid[name] and readies[name] and last[name] for name in on},
            "stalled_load": waits,
            "stalled_start": stops and lacks,
            "stalled_output": drains or (stops and not lacks and full),
            "stalled_latency": stops and not lacks and not full,
        }
        ready = {
            "command": self._job is None or begins is not None or bool(self._fault()),
            **{side: load.left > 0 for side, load in self._loads.items()},
            "c": self._start.ready(start, takes_start),
        }
        cycle = Cycle(ready, valid, busy, self._error, events)
        self._wires = _Wires(
            *(command, dict(offered), start, takes_start, into),
            *(products, takes_products, row, takes_row),
            *(results, {name: last[name] and results[name] for name in on}),
            *(reads, self._read is None or reads, begins, cycle),
        )
        return cycle

    def step(self) -> None:
        """Pass the clock edge after ``look``."""
        wires = self._wires
        for name, ends in wires.ends.items():
            self._left[name] -= ends
        if wires.row is not None and wires.takes_row:
            self._row = (self._row + 1) % self._component.tile
        requantized = None if self._kind[0] == Output.WORDS else wires.row
        self._requantizer.step(requantized, wires.results)
        self._rows.step(wires.products, wires.takes_row)
        self._array.step(wires.into, wires.takes_products)
        self._start.step(wires.start, wires.takes_start)
        if wires.reads:
            self._operands = self._read
        if wires.steps:
            self._read, self._next = self._next, next(self._steps, None)
        for side, load in self._loads.items():
            load.step(wires.offered[side])
        if wires.begins is not None:
            self._begin(wires.begins)
        self._error = self._error or self._fault()
        if wires.cycle.ready["command"]:
            self._job = wires.command
        for name, grows in wires.cycle.events.items():
            self.counts[name] += grows

    def _begin(self, job: Command) -> None:
        if job.opcode != Opcode.MULTIPLY:
            side = _SIDES[job.opcode]
            self._loads[side].begin(_tiles(job, side))
            return
        self._product, self._kind = job, (job.output, job.stochastic)
        self._left["o"] += job.tiles
        self._left["t"] += 0 if job.output == Output.WORDS else job.tiles
        self._steps = _steps(self._component, job)
        self._next = next(self._steps)

    def _fault(self) -> Fault:
        return Fault.NONE if self._job is None else self._golden.fault(self._job)

    def _issue(self) -> tuple[Command | None, bool, bool]:
        """The job that begins; whether one waits for a load, or for results to leave."""
        job, product = self._job, self._product
        if job is None or self._fault():
            return None, False, False
        reading = self._next is not None
        if job.opcode != Opcode.MULTIPLY:
            side = _SIDES[job.opcode]
            mine = _tiles(job, side)
            read = range(0) if product is None or not reading else _tiles(product, side)
            free = not self._loads[side].left and _apart(mine, read)
            return job if free else None, False, False
        if reading:
            return None, False, False
        if self._kind != (job.output, job.stochastic) and any(self._left.values()):
            return None, False, True
        waits = any(
            load.left and not _apart(_tiles(job, side), load.tiles)
            for side, load in self._loads.items()
        )
        return None if waits else job, waits, False
