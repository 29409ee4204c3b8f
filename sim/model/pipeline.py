"""Cycle models of the elastic pipeline: what ready and valid must be on every clock edge.

A model is a row of stages from input to output. Tokens are beats; what a beat carries is the
golden model's business. Mirrors ``mxsf.hdl``: ``stream.register``, ``quantize.bank_pair``,
``dot.gather`` and ``dot.loop``.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = [
    "AccumulatorLoop",
    "BankPair",
    "Gather",
    "Pipeline",
    "Register",
    "Skid",
    "Stage",
    "Token",
]


class Token(NamedTuple):
    """A beat on its way.

    Attributes:
        number: of the output beat that comes of it.
        last: whether it ends a block.
        slot: which of the products under way it belongs to.
        final: whether it belongs to the last block of a product.
    """

    number: int
    last: bool
    slot: int = 0
    final: bool = True


class Stage(Protocol):
    """One stage of a pipeline. ``incoming`` is the beat offered to it, None where valid is low."""

    def output(self, incoming: Token | None) -> Token | None:
        """Return the beat offered to the next stage, None where valid is low."""
        ...

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether a beat can be taken this cycle."""
        ...

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Pass a clock edge; ``incoming`` is taken if ``ready`` was true."""
        ...


class Register:
    """Model of ``hdl.stream.register``: ``ready = ~valid | next.ready``."""

    def __init__(self) -> None:
        self._held: Token | None = None

    def output(self, incoming: Token | None = None) -> Token | None:
        """Return the held beat."""
        return self._held

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether the register is empty or emptied now."""
        return self._held is None or next_ready

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Load where ready."""
        if self.ready(incoming, next_ready):
            self._held = incoming


class Skid:
    """Model of ``hdl.stream.register.skid``: ``ready = ~held``."""

    def __init__(self) -> None:
        self._held: Token | None = None

    def output(self, incoming: Token | None) -> Token | None:
        """Return the held beat, else the one that comes in."""
        return incoming if self._held is None else self._held

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether nothing is held."""
        return self._held is None

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Hold what could not go on."""
        self._held = None if next_ready else self.output(incoming)


class BankPair:
    """Model of ``hdl.quantize.bank_pair``: a block leaves when it has ended, beat by beat.

    As a stage it has one reader. A tile leaves over ``beats`` beats whatever came; the number of a
    beat out is then that of its tile times ``beats``, and on from there.

    Args:
        beats: beats of a full block.
        registered: whether there is a register on the read side.
        readers: how many streams each block leaves on, each at its own pace.
        tile: whether blocks are tiles.
    """

    def __init__(
        self, beats: int, *, registered: bool = True, readers: int = 1, tile: bool = False
    ) -> None:
        self._beats, self._registered, self._tile = beats, registered, tile
        self._filling: list[Token] = []
        self._closed = 0
        self._waiting: list[deque[deque[Token]]] = [deque() for _ in range(readers)]
        self._read = [Register() for _ in range(readers)]

    def head(self, reader: int) -> Token | None:
        """Return the beat that a reader offers."""
        if self._registered:
            return self._read[reader].output()
        blocks = self._waiting[reader]
        return blocks[0][0] if blocks else None

    def free(self) -> bool:
        """Return whether every reader is done with the bank to be written."""
        return all(len(blocks) < 2 for blocks in self._waiting)

    def move(self, incoming: Token | None, readies: Sequence[bool]) -> None:
        """Pass a clock edge; a bank counts as full from the next cycle on."""
        free = self.free()
        for blocks, read, ready in zip(self._waiting, self._read, readies, strict=True):
            if self._registered and not read.ready(None, ready):
                continue
            beat = blocks[0].popleft() if blocks and (self._registered or ready) else None
            if blocks and not blocks[0]:
                blocks.popleft()
            read.step(beat, ready)
        if incoming is None or not free:
            return
        self._filling.append(incoming)
        if incoming.last or len(self._filling) == self._beats:
            for blocks in self._waiting:
                blocks.append(deque(self._leaving()))
            self._filling, self._closed = [], self._closed + 1

    def _leaving(self) -> list[Token]:
        """Beats as which the block just filled leaves."""
        if not self._tile:
            return self._filling
        first, size = self._closed * self._beats, self._beats
        return [Token(first + k, k == size - 1) for k in range(size)]

    def output(self, incoming: Token | None) -> Token | None:
        """Return the beat that the one reader offers."""
        return self.head(0)

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether the bank to be written is free."""
        return self.free()

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Pass a clock edge."""
        self.move(incoming, [next_ready])


class Gather:
    """Model of ``hdl.dot.gather``: a block leaves as its last beat, from the adding register."""

    def __init__(self) -> None:
        self._register = Register()

    def output(self, incoming: Token | None) -> Token | None:
        """Return the gathered block."""
        return self._register.output()

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether the register holds no block, or one that leaves now."""
        return self._register.ready(incoming, next_ready)

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Add a beat; only the last one makes a block."""
        block = incoming if incoming is not None and incoming.last else None
        self._register.step(block, next_ready)


class Pipeline:
    """Stages in a row, input first; without any, input and output are the same."""

    def __init__(self, *stages: Stage) -> None:
        self._stages = stages

    def output(self, incoming: Token | None) -> Token | None:
        """Return the beat at the output."""
        return self._offers(incoming)[-1]

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return ready at the input."""
        return self._readies(self._offers(incoming), next_ready)[0]

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Pass a clock edge."""
        offers = self._offers(incoming)
        readies = self._readies(offers, next_ready)
        for stage, offer, ready in zip(self._stages, offers[:-1], readies[1:], strict=True):
            stage.step(offer, ready)

    def _offers(self, incoming: Token | None) -> list[Token | None]:
        """Beats between the stages, from the input to the output."""
        offers = [incoming]
        for stage in self._stages:
            offers.append(stage.output(offers[-1]))
        return offers

    def _readies(self, offers: list[Token | None], next_ready: bool) -> list[bool]:
        readies = [next_ready]
        for stage, offer in zip(self._stages[::-1], offers[-2::-1], strict=True):
            readies.insert(0, stage.ready(offer, readies[0]))
        return readies


class AccumulatorLoop:
    """Model of ``hdl.dot.loop`` around an accumulator.

    Args:
        registers: pipeline registers of the accumulator.
    """

    def __init__(self, registers: int) -> None:
        self._inner = Pipeline(*(Register() for _ in range(registers)))
        self._pipelined = registers > 0
        self._busy: set[int] = set()

    def output(self, incoming: Token | None) -> Token | None:
        """Return the result, where it is a final one."""
        head = self._inner.output(self._starting(incoming))
        return head if head is not None and head.final else None

    def ready(self, incoming: Token | None, next_ready: bool) -> bool:
        """Return whether the block's acc is there and the first register can take it."""
        starting = self._starting(incoming)
        return starting is incoming and self._inner.ready(
            starting, self._leaves(starting, next_ready)
        )

    def step(self, incoming: Token | None, next_ready: bool) -> None:
        """Start a block, keep a result that is not final."""
        starting = self._starting(incoming)
        head, leaves = self._inner.output(starting), self._leaves(starting, next_ready)
        taken = self._inner.ready(starting, leaves)
        self._inner.step(starting, leaves)
        if self._pipelined:
            if head is not None and not head.final:
                self._busy.discard(head.slot)
            if starting is not None and taken and not starting.final:
                self._busy.add(starting.slot)

    def _starting(self, incoming: Token | None) -> Token | None:
        """Return the block, None while the one before it of its output is under way."""
        if incoming is None or incoming.slot not in self._busy:
            return incoming
        head = self._inner.output(None)
        back = head is not None and not head.final and head.slot == incoming.slot
        return incoming if back else None

    def _leaves(self, starting: Token | None, next_ready: bool) -> bool:
        head = self._inner.output(starting)
        return head is None or not head.final or next_ready
