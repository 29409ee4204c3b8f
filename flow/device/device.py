"""A device: an accelerator with memory, whose programs are run the same way wherever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.machine import Outcome

__all__ = ["Device", "Ran", "Report", "check_outcome"]

Report = Callable[[str], None]
"""Called now and then with what a device does."""


class Ran(NamedTuple):
    """What a program took.

    Attributes:
        cycles: from its start to the interrupt; None where the device counts none.
        counters: how much each counter has grown, by name.
    """

    cycles: int | None
    counters: Mapping[str, int]


class Device(ABC):
    """An accelerator and its memory, of which address 0 is the first byte.

    Attributes:
        name: for messages.
        built: what the accelerator is.
    """

    name: str
    built: Configuration

    @abstractmethod
    def put(self, address: int, data: NDArray[np.uint8]) -> None:
        """Write bytes to memory.

        Raises:
            ValueError: they do not lie in it.
        """

    @abstractmethod
    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """Read so many bytes of memory.

        Raises:
            ValueError: they do not lie in it.
        """

    @abstractmethod
    def run(self, program: int, limit: int | None = None, report: Report | None = None) -> Ran:
        """Run the program at an address to its END, base registers 0.

        Args:
            program: its address.
            limit: cycles that it may take; None for as many as it needs. The golden machine counts
                none.
            report: see ``Report``.

        Raises:
            RuntimeError: it ends with a fault, or breaks the rules of order.
            TimeoutError: it has not ended within the limit; says which descriptor waits to start.
        """


def check_outcome(outcome: Outcome) -> None:
    """Raise RuntimeError for a fault, or for what the golden machine saw of wrong order."""
    if outcome.fault:
        where = f" (bus address {outcome.bus_address:#x})" if outcome.bus_address else ""
        raise RuntimeError(f"fault {outcome.fault.name} at {outcome.descriptor:#x}{where}")
    if outcome.breaches:
        raise RuntimeError(f"{outcome.breaches[0]}")
