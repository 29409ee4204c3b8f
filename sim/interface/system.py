"""An accelerator in a system: its Verilog, a memory and a host, compiled, the clock loop in C++.

For runs of millions of cycles: nothing of a cycle is seen from Python, and no rule of the buses is
checked; that is the testbench's (``mxsf.sim.bench.accelerator``). Verilator compiles it: an
accelerator of 8 PEs then runs some fifty times as fast as CXXRTL's netlist by module, which is
the only one that a compiler can take (measured: docs/verification.md).
"""

import ctypes
import shutil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.leftovers import scratch_folder
from ...hdl.accelerator.accelerator import Accelerator
from ...hdl.interface.shell import Clocking
from ..render import render
from ..simulator.process import run_child
from ..simulator.verilog import VERILATOR, VERILATOR_FLAGS
from .accelerator_driver import AcceleratorDriver

__all__ = ["System"]

_POLL = 20_000  # cycles between two looks at a program that runs, about a second
_MOST = 64  # bursts that the memory takes


class System(AcceleratorDriver):
    """A compiled accelerator, fresh from reset, on a memory of fixed latency.

    One at a time of each library: another one in the same process has a library of its own.

    Args:
        verilog: its text.
        component: the accelerator.
        top: its module.
        clocking: its clock and reset.

    Raises:
        RuntimeError: Verilator is not installed, or does not accept the Verilog.
    """

    def __init__(self, verilog: str, component: Accelerator, top: str, clocking: Clocking):
        super().__init__(component)
        self._offsets = {register.name: register.offset for register in component.registers}
        self._library = _build(verilog, component, top, clocking)
        self._library.system_now.restype = ctypes.c_uint64
        self._library.system_reset()

    def attach(self, memory: NDArray[np.uint8], latency: int = 40, origin: int = 0) -> None:
        """Put a memory on the bus, while nothing is under way.

        Args:
            memory: uint8, contiguous; what is written changes it. What lies outside is refused.
            latency: cycles from the request of a read to its first beat, and from the last beat of
                a write to its response.
            origin: address of its first byte.
        """
        if memory.dtype != np.uint8 or not memory.flags.c_contiguous:
            raise TypeError("memory must be a contiguous array of uint8")
        self._memory = memory
        self._library.system_attach(
            memory.ctypes.data_as(ctypes.c_void_p),
            *map(ctypes.c_uint64, (memory.size, origin, latency)),
        )

    def access(self, offset: int, value: int | None = None) -> tuple[int, int]:
        """Read a register, or write it: the data, and the response of the bus.

        Raises:
            RuntimeError: no response comes.
        """
        read = ctypes.c_uint32()
        if value is None:
            response = self._library.system_read(ctypes.c_uint32(offset), ctypes.byref(read))
        else:
            response = self._library.system_write(ctypes.c_uint32(offset), ctypes.c_uint32(value))
        if response < 0:
            raise RuntimeError(f"no response of the register at {offset:#x}")
        return read.value, response

    async def write_word(self, name: str, value: int) -> bool:
        """Write a register of 32 bits; returns whether it was taken."""
        return not self.access(self._offsets[name], value)[1]

    async def read_word(self, name: str) -> int:
        """Read a register of 32 bits."""
        value, response = self.access(self._offsets[name])
        if response:
            self.note(f"{name} cannot be read")
        return value

    async def wait(self) -> None:
        """Pass cycles until the interrupt, 20,000 at most."""
        self._library.system_wait(ctypes.c_uint64(_POLL))

    def now(self) -> int:
        """Cycles since the beginning."""
        return self._library.system_now()

    def irq(self) -> bool:
        """Level of the interrupt."""
        return bool(self._library.system_irq())

    def note(self, problem: str) -> None:
        """Raise RuntimeError for what must not be."""
        raise RuntimeError(problem)


def _build(verilog: str, component: Accelerator, top: str, clocking: Clocking) -> Any:
    """Compile a library."""
    if not VERILATOR.available():
        missing = [name for name in VERILATOR.programs if not shutil.which(name)]
        raise RuntimeError(
            f"no {missing[0]} (Debian: apt-get install {VERILATOR.package} g++ make)"
        )
    source = render(
        __package__ or "",
        "system.cc",
        top=top,
        beat=component.built.beat,
        outstanding=_MOST,
        clock=clocking.clock,
        reset=clocking.reset,
        active=0 if clocking.active_low else 1,
    )
    with scratch_folder() as folder:
        (folder / "design.v").write_text(verilog)
        (folder / "system.cc").write_text(source)
        for command in ((*_VERILATE, "--top-module", top, "design.v", "system.cc"), _COMPILE):
            done = run_child(command, folder)
            if done.returncode:
                raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
        # The library stays mapped once it is loaded.
        return ctypes.CDLL(str(folder / "build" / "system.so"))


_VERILATE = (
    *("verilator", "--cc", "--exe", *VERILATOR_FLAGS, "-O3"),
    # Modules stay modules: an array of PEs is one PE to compile, and runs as fast.
    *("-fno-inline", "--prefix", "Vdesign", "--Mdir", "build", "-o", "system.so"),
    *("-CFLAGS", "-fPIC", "-LDFLAGS", "-shared"),
)
_COMPILE = (
    *("make", "-C", "build", "-f", "Vdesign.mk", "OPT_FAST=-O1"),
    "VM_PARALLEL_BUILDS=0",  # one unit: the headers are what takes longest to read
)
