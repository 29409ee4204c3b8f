"""Devices whose memory is an array of this process: the golden machine, and compiled Verilog."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.machine import Machine
from ...sim.interface.accelerator_driver import ABORT, run_now
from ...sim.interface.system import System
from ..catalogue.catalogue import variant
from ..export.verilog import verilog
from .device import Device, Ran, Report, check_outcome

__all__ = ["DEVICES", "GoldenDevice", "RtlDevice", "make_device"]

_FOREVER = 1 << 62  # cycles


class _Local(Device):
    """A device on an array of bytes.

    Attributes:
        memory: uint8.
    """

    def __init__(self, built: Configuration, size: int):
        self.built = built
        # Reads are of whole beats.
        self.memory = np.zeros(-(-size // built.beat) * built.beat, np.uint8)

    def put(self, address: int, data: NDArray[np.uint8]) -> None:
        """Write bytes to memory."""
        self.memory[self._range(address, len(data))] = data

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """Read so many bytes of memory."""
        return self.memory[self._range(address, size)].copy()

    def _range(self, address: int, size: int) -> slice:
        if not 0 <= address <= len(self.memory) - size:
            raise ValueError(
                f"{size} bytes at {address:#x} are not in the memory of {len(self.memory)} bytes"
            )
        return slice(address, address + size)


class GoldenDevice(_Local):
    """The golden machine.

    Args:
        built: what the accelerator is.
        size: bytes of memory.
    """

    name = "golden"

    def __init__(self, built: Configuration, size: int):
        super().__init__(built, size)
        self._machine = Machine(built, self.memory)

    def run(self, program: int, limit: int | None = None, report: Report | None = None) -> Ran:
        """Run the program at an address to its END."""
        before = dict(self._machine.counters)
        if report is not None:
            report("running on the golden machine")
        check_outcome(self._machine.run(program))
        grown = {name: count - before[name] for name, count in self._machine.counters.items()}
        return Ran(None, grown)


class RtlDevice(_Local):
    """The Verilog that ships, compiled by Verilator, on a memory of fixed latency.

    Args:
        built: what the accelerator is.
        size: bytes of memory.
        latency: cycles from the request of a read to its first beat, and from the last beat of a
            write to its response.
        report: see ``Report``: compiling takes a minute or more.

    Raises:
        RuntimeError: Verilator is not installed.
    """

    name = "rtl"

    def __init__(
        self, built: Configuration, size: int, latency: int = 40, report: Report | None = None
    ):
        super().__init__(built, size)
        names = (field.name for field in fields(built))
        design = variant("accelerator", **{name: getattr(built, name) for name in names})
        if report is not None:
            report(f"compiling {design.top}")
        assert design.clock is not None
        self._system = System(verilog(design), design.component, design.top, design.clock)
        self._system.attach(self.memory, latency)

    def run(self, program: int, limit: int | None = None, report: Report | None = None) -> Ran:
        """Run the program at an address to its END."""
        system = self._system
        run_now(system.set_up())
        begun = system.now()
        run_now(system.begin(program))
        while run_now(system.read_word("status")) & 1:
            cycles = system.now() - begun
            if limit is not None and cycles > limit:
                self._abort(limit)
            if report is not None:
                report(f"{cycles} cycles on the Verilog")
            run_now(system.wait())
        run = run_now(system.end(_FOREVER))
        check_outcome(run.outcome)
        return Ran(run.counters["cycles"], run.counters)

    def _abort(self, limit: int) -> None:
        """Raise TimeoutError, with the descriptor that waits."""
        run_now(self._system.act(ABORT))
        run = run_now(self._system.end(_FOREVER))
        raise TimeoutError(
            f"no END within {limit} cycles: the descriptor at {run.outcome.descriptor:#x} waits"
        )


DEVICES = (GoldenDevice.name, RtlDevice.name)
"""Names of devices."""


def make_device(name: str, built: Configuration, size: int, report: Report | None = None) -> Device:
    """Make a device by name.

    Args:
        name: of ``DEVICES``.
        built: what the accelerator is.
        size: bytes of memory.
        report: see ``Report``.

    Raises:
        ValueError: no such device.
        RuntimeError: what it needs is not installed.
    """
    if name == GoldenDevice.name:
        return GoldenDevice(built, size)
    if name == RtlDevice.name:
        return RtlDevice(built, size, report=report)
    raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
