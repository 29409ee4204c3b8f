"""Cycle models as a bench asks them: one input, one or several outputs that stall by themselves."""

from collections.abc import Mapping
from typing import Protocol

from .pipeline import BankPair, Pipeline, Token

__all__ = ["Fork", "Model", "Straight"]


class Model(Protocol):
    """Cycle model of a design; ``incoming`` is the beat offered to it, None where valid is low."""

    def output(self, name: str, incoming: Token | None) -> Token | None:
        """Return the beat at an output, None where valid is low."""
        ...

    def ready(self, incoming: Token | None, readies: Mapping[str, bool]) -> bool:
        """Return ready at the input, for ready at each output."""
        ...

    def step(self, incoming: Token | None, readies: Mapping[str, bool]) -> None:
        """Pass a clock edge."""
        ...


class Straight:
    """A pipeline to the one output ``o``."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def output(self, name: str, incoming: Token | None) -> Token | None:
        """Return the beat at the end of the pipeline."""
        return self._pipeline.output(incoming)

    def ready(self, incoming: Token | None, readies: Mapping[str, bool]) -> bool:
        """Return ready at its input."""
        return self._pipeline.ready(incoming, readies["o"])

    def step(self, incoming: Token | None, readies: Mapping[str, bool]) -> None:
        """Pass a clock edge."""
        self._pipeline.step(incoming, readies["o"])


class Fork:
    """A tile buffer whose tiles leave on several outputs.

    Args:
        before: stages before the tile buffer.
        banks: the tile buffer, with a reader for each output.
        after: stages behind each reader, by output.
    """

    def __init__(self, before: Pipeline, banks: BankPair, after: Mapping[str, Pipeline]) -> None:
        self._before, self._banks, self._after = before, banks, after

    def output(self, name: str, incoming: Token | None) -> Token | None:
        """Return the beat at an output; what comes in is held before it shows."""
        return self._after[name].output(self._head(name))

    def ready(self, incoming: Token | None, readies: Mapping[str, bool]) -> bool:
        """Return ready at the input, which depends on the bank only, not on the outputs."""
        return self._before.ready(incoming, self._banks.free())

    def step(self, incoming: Token | None, readies: Mapping[str, bool]) -> None:
        """Pass a clock edge."""
        heads = {name: self._head(name) for name in self._after}
        taken = [self._after[n].ready(heads[n], readies[n]) for n in self._after]
        offered, free = self._before.output(incoming), self._banks.free()
        for name, pipeline in self._after.items():
            pipeline.step(heads[name], readies[name])
        self._banks.move(offered, taken)
        self._before.step(incoming, free)

    def _head(self, name: str) -> Token | None:
        return self._banks.head(list(self._after).index(name))
