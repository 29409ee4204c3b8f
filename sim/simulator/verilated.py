"""Verilog compiled into a library by Verilator.

Where ccache is installed, the runtime of Verilator is compiled once and for all: it is most of
what a small design takes.
"""

import shutil
from pathlib import Path

from .process import run_child
from .verilog import VERILATOR, VERILATOR_FLAGS

__all__ = ["verilate"]


def verilate(verilog: str, top: str, interface: str, folder: Path) -> Path:
    """Compile Verilog into a library.

    Args:
        verilog: its text.
        top: its top module.
        interface: C++ on ``Vdesign``, what the library exports.
        folder: where to work.

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
    cache = ("OBJCACHE=ccache",) if shutil.which("ccache") else ()
    for command in (
        (*_VERILATE, "--top-module", top, "design.v", "interface.cc"),
        (*_COMPILE, *cache),
    ):
        done = run_child(command, folder)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
    return folder / "build" / "design.so"


_VERILATE = (
    *("verilator", "--cc", "--exe", *VERILATOR_FLAGS),
    # Modules stay modules: an array of PEs is one PE to compile, and runs as fast.
    *("-O3", "-fno-inline", "--prefix", "Vdesign", "--Mdir", "build", "-o", "design.so"),
    *("-CFLAGS", "-fPIC", "-LDFLAGS", "-shared"),
)
_COMPILE = (
    *("make", "-C", "build", "-f", "Vdesign.mk", "OPT_FAST=-O1"),
    "VM_PARALLEL_BUILDS=0",  # one unit: the headers are what takes longest to read
)
