"""Cycle models of what regroups words: stages of ``mxsf.hdl.stream.regroup``."""

from ...hdl.stream.regroup import Regroup
from .pipeline import Pipeline, Stage, Token

__all__ = ["regroup_model"]


class Collect:
    """Model of gathering: a wide beat leaves when its last part has come.

    Args:
        parts: narrow beats of a wide one.
    """

    def __init__(self, parts: int) -> None:
        self._parts, self._part = parts, 0
        self._held: Token | None = None

    def output(self, incoming: Token | None) -> Token | None:
        """Return the wide beat."""
        return self._held

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether no wide beat waits, or one that leaves now."""
        return self._held is None or next_ready

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Add a part."""
        taken = incoming is not None and self.ready(incoming, next_ready)
        if next_ready:
            self._held = None
        if taken:
            self._part = (self._part + 1) % self._parts
            self._held = None if self._part else incoming


class Queue:
    """Model of a queue that reads its memory into a register.

    Args:
        depth: beats that it holds, the register among them.
    """

    def __init__(self, depth: int) -> None:
        self._room, self._stored = depth - 1, 0
        self._read: Token | None = None

    def output(self, incoming: Token | None) -> Token | None:
        """Return the beat in the register."""
        return self._read

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether the memory has room, whatever leaves now."""
        return self._stored < self._room

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Write a beat, read one."""
        written = incoming is not None and self._stored < self._room
        if self._read is None or next_ready:
            self._read = Token(0, False) if self._stored else None
            self._stored -= self._read is not None
        self._stored += written


class Cut:
    """Model of cutting: a wide beat stays until its last part has left.

    Args:
        parts: narrow beats of a wide one.
    """

    def __init__(self, parts: int) -> None:
        self._parts, self._part = parts, 0

    def output(self, incoming: Token | None) -> Token | None:
        """Return a part of the beat that comes in."""
        return incoming

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether its last part leaves."""
        return next_ready and self._part == self._parts - 1

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Go on to the next part."""
        if incoming is not None and next_ready:
            self._part = (self._part + 1) % self._parts


def regroup_model(component: Regroup) -> Pipeline:
    """Build the cycle model; the tokens that leave say nothing but that they are there."""
    words_in, words_out = component.words_in, component.words_out
    stages: list[Stage] = []
    if words_in < words_out:
        stages.append(Collect(words_out // words_in))
    if component.depth:
        stages.append(Queue(component.depth))
    if words_in > words_out:
        stages.append(Cut(words_in // words_out))
    return Pipeline(*stages)
