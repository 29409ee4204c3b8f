"""What a bench is told, and what it saw."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["NO_STALLS", "Progress", "Result", "Stalls"]

Progress = Callable[[int, int], None]
"""Called now and then with the number of beats received and of all, 0 where that is not known."""

_MOST = 20  # mismatches kept; more say nothing new


@dataclass(frozen=True)
class Stalls:
    """How a bench stalls: probabilities that input is offered and output taken in a cycle."""

    valid: float = 1.0
    ready: float = 1.0
    seed: int = 0


NO_STALLS = Stalls()


@dataclass
class Result:
    """What a bench saw.

    Attributes:
        simulator: name of the simulator.
        cycles: clock cycles.
        beats: beats received and compared.
        blocks: blocks compared.
        mismatches: one line each, the first twenty.
        count: number of all mismatches.
        latency: cycles from the transfer of the first block's last beat to valid of its first
            beat out; None where there was a stall between.
    """

    simulator: str
    cycles: int = 0
    beats: int = 0
    blocks: int = 0
    mismatches: list[str] = field(default_factory=list)
    count: int = 0
    latency: int | None = None

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it was right."""
        return not self.count and self.beats > 0

    def note(self, text: str) -> None:
        """Record a mismatch."""
        self.count += 1
        if self.count <= _MOST:
            self.mismatches.append(f"cycle {self.cycles}: {text}")

    def compare(self, what: str, seen: object, golden: object) -> None:
        """Record a mismatch where something is not what it must be."""
        if seen != golden:
            shown = [f"{x:#x}" if isinstance(x, int) else str(x) for x in (seen, golden)]
            self.note(f"{what} is {shown[0]}, must be {shown[1]}")
