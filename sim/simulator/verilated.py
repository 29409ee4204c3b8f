"""Verilator: Verilog compiled into a library. Quickest to compile, and fastest of all.

Where ccache is installed, the runtime of Verilator is compiled once and for all: it is most of
what a small design takes.
"""

import shutil
from pathlib import Path

from .compiled import CompiledSimulator
from .process import run_child
from .verilog import VERILATOR, VERILATOR_FLAGS, VERILATOR_QUICK
from .waveform import Port
from .yosys import BUNDLED

__all__ = ["VerilatedSimulator", "verilate"]


class VerilatedSimulator(CompiledSimulator):
    """A netlist that Verilator compiled, as plain Verilog; see ``CompiledSimulator``."""

    name = "verilated"

    @staticmethod
    def available() -> bool:
        """Whether this machine has all that it needs."""
        return VERILATOR.available()

    def _build(self, rtlil: str, top: str, folder: Path, optimise: bool) -> Path:
        verilog = BUNDLED.run(_SCRIPT, {"design.il": rtlil}, read="design.v")
        source = self._glue("verilated.cc", top)
        whole = verilog + self._numbered(top)
        return verilate(whole, "numbered", source, folder, optimise=optimise)

    def _numbered(self, top: str) -> str:
        """A module around the design whose ports are numbered: C++ does not allow all names."""
        ports = [*self._ports.values(), *([Port(self._clock, 1, True)] if self._clock else [])]
        ends = [
            f"{'input' if port.input else 'output'} [{port.width - 1}:0] {self._member(port.name)}"
            for port in ports
        ]
        links = [f".{port.name}({self._member(port.name)})" for port in ports]
        return f"module numbered({', '.join(ends)});\n{top} named({', '.join(links)});\nendmodule\n"

    def _member(self, name: str) -> str:
        return f"port_{list(self._ports).index(name)}" if name in self._ports else name


def verilate(
    verilog: str, top: str, interface: str, folder: Path, *, optimise: bool = False
) -> Path:
    """Compile Verilog into a library.

    Args:
        verilog: its text.
        top: its top module.
        interface: C++ on ``Vdesign``, what the library exports.
        folder: where to work.
        optimise: for millions of cycles: takes twice as long to compile.

    Returns:
        The library, in the folder.

    Raises:
        RuntimeError: Verilator is not installed, or does not accept the Verilog.
    """
    missing = [name for name in VERILATOR.programs if not shutil.which(name)]
    if missing:
        raise RuntimeError(
            f"no {missing[0]} (Debian: apt-get install {VERILATOR.package} g++ make)"
        )
    (folder / "design.v").write_text(verilog)
    (folder / "interface.cc").write_text(interface)
    level, flags = (1, _FAST) if optimise else (0, VERILATOR_QUICK)
    cache = ("OBJCACHE=ccache",) if shutil.which("ccache") else ()
    for command in (
        (*_VERILATE, *flags, "--top-module", top, "design.v", "interface.cc"),
        (*_COMPILE, f"OPT_FAST=-O{level}", *cache),
    ):
        done = run_child(command, folder)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
    return folder / "build" / "design.so"


_SCRIPT = """read_rtlil design.il
proc -norom
opt_expr
opt_merge
opt_dff
memory_collect
opt_clean -purge
write_verilog -noattr design.v"""

_VERILATE = (
    *("verilator", "--cc", "--exe", *VERILATOR_FLAGS),
    *("--prefix", "Vdesign", "--Mdir", "build", "-o", "design.so"),
    *("-CFLAGS", "-fPIC", "-LDFLAGS", "-shared"),
)
# Modules stay modules: an array of PEs is one PE to compile, and runs as fast.
_FAST = ("-O3", "-fno-inline")
_COMPILE = (
    *("make", "-C", "build", "-f", "Vdesign.mk"),
    "VM_PARALLEL_BUILDS=0",  # one unit: the headers are what takes longest to read
)
