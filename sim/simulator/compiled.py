"""A netlist as a compiled library: what CXXRTL and Verilator have in common.

Two ways in: port by port from Python through the same testbenches as Amaranth's simulator, and
``stream``, which keeps the clock loop in C++ for runs of millions of beats.
"""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.leftovers import scratch_folder
from ..render import render
from .simulator import Testbench
from .waveform import Port, Trace, wave_files

__all__ = ["CompiledSimulator", "StreamRun"]


class StreamRun(NamedTuple):
    """What ``CompiledSimulator.stream`` saw.

    Attributes:
        outputs: payloads that left, uint8 of shape (n, bytes).
        cycles: clock cycles run.
        violation: empty, or the stream rule that the design broke.
    """

    outputs: NDArray[np.uint8]
    cycles: int
    violation: str


class CompiledSimulator(ABC):
    """A compiled netlist.

    Args:
        rtlil: text of the netlist.
        top: name of the top module.
        ports: its ports without clock, and without reset where it shall stay at 0.
        clocked: whether it has state.
        clock: name of the clock port.
        vcd: waveform file of the ports to write during ``run``, with a GTKWave layout beside it.
        optimise: for millions of cycles: takes far longer to compile, and runs faster.

    Raises:
        RuntimeError: what compiles is not installed, or it failed.
    """

    name: str

    @staticmethod
    @abstractmethod
    def available() -> bool:
        """Whether this machine has all that it needs."""

    def __init__(
        self,
        rtlil: str,
        top: str,
        ports: Sequence[Port],
        *,
        clocked: bool = True,
        clock: str = "clk",
        vcd: Path | None = None,
        optimise: bool = False,
    ):
        self._ports = {port.name: port for port in ports}
        self._clock, self._vcd = clock if clocked else "", vcd
        with scratch_folder() as folder:
            # The library stays mapped once it is loaded.
            self._library = ctypes.CDLL(str(self._build(rtlil, top, folder, optimise)))

    @abstractmethod
    def _build(self, rtlil: str, top: str, folder: Path, optimise: bool) -> Path:
        """Compile a netlist in a folder; the library."""

    @abstractmethod
    def _member(self, name: str) -> str:
        """C++ name of a port."""

    def _glue(self, template: str, top: str) -> str:
        """C++ that gives the design a plain C interface."""
        ports = [
            {
                "number": number,
                "member": self._member(port.name),
                "bytes": _bytes(port),
                "input": port.input,
            }
            for number, port in enumerate(self._ports.values())
        ]
        clock = self._member(self._clock) if self._clock else ""
        text = render(__package__ or "", template, top=top, clock=clock, ports=ports)
        if not {"i__payload", "o__payload"} <= set(self._ports):
            return text
        return text + render(
            __package__ or "",
            "stream.cc",
            number={name: number for number, name in enumerate(self._ports)},
            bytes={name: _bytes(port) for name, port in self._ports.items()},
        )

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""
        if self._vcd is None:
            self._run(testbench, None)
            return
        with wave_files(self._vcd) as files:
            trace = Trace(files, list(self._ports.values()))
            try:
                self._run(testbench, trace)
            finally:
                trace.close()

    def _run(self, testbench: Testbench, trace: Trace | None) -> None:
        library, ports, clocked = self._library, self._ports, bool(self._clock)
        library.reset_design()
        sizes = {name: _bytes(port) for name, port in ports.items()}
        buffers = {name: (ctypes.c_uint8 * size)() for name, size in sizes.items()}
        index = {name: number for number, name in enumerate(ports)}

        class _Pins:
            settled = False

            def set(self, port: str, value: int) -> None:
                library.set_port(index[port], value.to_bytes(sizes[port], "little"))
                self.settled = False

            def get(self, port: str) -> int:
                if not self.settled:
                    library.settle()
                    self.settled = True
                library.get_port(index[port], buffers[port])
                return int.from_bytes(buffers[port], "little")

            async def tick(self) -> None:
                if trace:
                    trace.sample({name: self.get(name) for name in ports})
                if clocked:
                    if not self.settled:
                        library.settle()
                    library.edge()
                self.settled = False

        coroutine: Any = testbench(_Pins())
        try:
            coroutine.send(None)  # nothing here ever suspends, so one step runs it all
            raise AssertionError("a testbench awaits only Pins.tick")
        except StopIteration:
            pass
        finally:
            coroutine.close()

    def stream(
        self,
        inputs: NDArray[np.uint8],
        output_bytes: int,
        *,
        valid: float = 1.0,
        ready: float = 1.0,
        seed: int = 0,
        idle: int = 1000,
        room: int | None = None,
    ) -> StreamRun:
        """Push payloads through ``i`` and collect ``o``, from reset, the clock loop in C++.

        Args:
            inputs: payloads, uint8 of shape (n, bytes of i).
            output_bytes: bytes of an output payload.
            valid: probability that the next input is offered in a free cycle.
            ready: probability of output ready in a cycle.
            seed: seed of the stalls.
            idle: cycles without any transfer after which the run ends.
            room: outputs after which the run ends; by default one more than inputs.
        """
        data = np.ascontiguousarray(inputs)
        outputs = np.zeros((len(data) + 1 if room is None else room, output_bytes), np.uint8)
        counts = (ctypes.c_uint64 * 3)()
        self._library.run_stream(
            data.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_uint64(len(data)),
            outputs.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_uint64(len(outputs)),
            ctypes.c_uint32(round(valid * 2**24)),
            ctypes.c_uint32(round(ready * 2**24)),
            ctypes.c_uint64(seed * 2 + 1),
            ctypes.c_uint64(idle),
            counts,
        )
        received, cycles, violation = (int(count) for count in counts)
        return StreamRun(outputs[:received], cycles, _VIOLATIONS[violation])


def _bytes(port: Port) -> int:
    """Bytes of a port's value."""
    return -(-port.width // 8)


_VIOLATIONS = ("", "valid fell before the transfer", "the payload changed before the transfer")
