"""Cycle models of the elastic pipeline: what ready and valid must be on every clock edge.

A model is a chain of stages from input to output. Tokens are beats; what a beat carries is the
golden model's business. Mirrors ``mxsf.hdl.stream`` and ``mxsf.hdl.block``.
"""

from collections import deque
from typing import NamedTuple, Protocol

__all__ = ["BankPair", "Pipeline", "Register", "Stage", "Token"]


class Token(NamedTuple):
    """A beat on its way: its number in the stimulus, and whether it ends a block."""

    number: int
    last: bool


class Stage(Protocol):
    """One stage of a pipeline."""

    def output(self) -> Token | None:
        """Return the beat offered to the next stage, None where valid is low."""
        ...

    def ready(self, next_ready: bool) -> bool:
        """Return whether a beat can be taken this cycle."""
        ...

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Pass a clock edge; ``incoming`` is the beat offered, taken if ``ready`` was true."""
        ...


class Register:
    """Model of ``hdl.stream.register``: ``ready = ~valid | next.ready``."""

    def __init__(self) -> None:
        self._held: Token | None = None

    def output(self) -> Token | None:
        """Return the held beat."""
        return self._held

    def ready(self, next_ready: bool) -> bool:
        """Return whether the register is empty or emptied now."""
        return self._held is None or next_ready

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Load where ready."""
        if self.ready(next_ready):
            self._held = incoming


class BankPair:
    """Model of ``hdl.block.BlockBuffer``: two banks, and a register on the read side.

    Args:
        beats: beats of a full block.
    """

    def __init__(self, beats: int) -> None:
        self._beats = beats
        self._filling: list[Token] = []
        self._full: deque[deque[Token]] = deque()
        self._read = Register()

    def output(self) -> Token | None:
        """Return the beat in the read register."""
        return self._read.output()

    def ready(self, next_ready: bool) -> bool:
        """Return whether the bank being written is free."""
        return len(self._full) < 2

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Write one beat, read one beat; a bank counts as full from the next cycle on."""
        can_write = self.ready(next_ready)
        if self._read.ready(next_ready):
            beat = self._full[0].popleft() if self._full else None
            self._read.step(beat, next_ready)
            if self._full and not self._full[0]:
                self._full.popleft()
        if incoming is not None and can_write:
            self._filling.append(incoming)
            if incoming.last or len(self._filling) == self._beats:
                self._full.append(deque(self._filling))
                self._filling = []


class Pipeline:
    """A chain of stages, input first."""

    def __init__(self, *stages: Stage) -> None:
        self._stages = stages

    def output(self) -> Token | None:
        """Return the beat at the output."""
        return self._stages[-1].output()

    def ready(self, output_ready: bool) -> bool:
        """Return ready at the input."""
        return self._readies(output_ready)[0]

    def step(self, incoming: Token | None, output_ready: bool) -> None:
        """Pass a clock edge."""
        readies = self._readies(output_ready)
        offers = [incoming, *(stage.output() for stage in self._stages[:-1])]
        for stage, offer, next_ready in zip(self._stages, offers, readies[1:], strict=True):
            stage.step(offer, next_ready)

    def _readies(self, output_ready: bool) -> list[bool]:
        readies = [output_ready]
        for stage in reversed(self._stages):
            readies.insert(0, stage.ready(readies[0]))
        return readies
