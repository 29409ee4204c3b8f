"""Running a program as a child: it ends with the process that wants it, its own children too."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen

from ...golden.leftovers import owned

__all__ = ["run_child"]


def run_child(
    command: Sequence[str], folder: Path | None = None, **environment: str
) -> CompletedProcess[str]:
    """Run a program without input, and return its status and what it printed.

    Args:
        command: the program and its arguments.
        folder: where it runs and makes its temporary files; by default here, and as usual.
        environment: variables to set.

    Raises:
        OSError: it cannot be run.
    """
    variables = {**os.environ, **environment}
    if folder is not None:
        variables |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))

    def start() -> Popen[str]:
        # A group of its own: the terminal's Ctrl-C is for the parent, and one signal ends all.
        return Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    with owned(start, _kill) as child, child:
        try:
            stdout, stderr = child.communicate()
        except BaseException:
            _kill(child)
            raise
    return CompletedProcess(command, child.returncode, stdout, stderr)


def _kill(child: Popen[str]) -> None:
    """End a child and what it started; nothing where it has ended."""
    if child.returncode is not None:
        return
    if hasattr(os, "killpg"):
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
    else:
        child.kill()
