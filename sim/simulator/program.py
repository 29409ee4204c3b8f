"""Running a program on files in a folder of its own, as every tool of the flow is run."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from subprocess import CalledProcessError
from typing import ClassVar, Self

from ...golden.leftovers import scratch_folder
from .process import run_child

__all__ = ["Tool", "ToolError"]


class ToolError(RuntimeError):
    """A tool is missing or failed; the message is its own last lines."""


@dataclass(frozen=True)
class Tool:
    """A program to run.

    Args:
        command: the program and its first arguments.
        name: how messages call it.
        needs: Python package that must be importable, empty for none.
        hint: what to install where the package is missing.
        first_use: what the first use costs, for people who wait; empty for nothing.
    """

    command: tuple[str, ...]
    name: str
    needs: str = ""
    hint: str = ""
    first_use: str = ""

    error: ClassVar[type[ToolError]] = ToolError
    version_option: ClassVar[str] = "--version"

    @classmethod
    def of_package(cls, module: str, function: str, name: str, extra: str) -> Self:
        """A WebAssembly tool of YoWASP, a function of an installed package.

        Args:
            module: the package that must be importable.
            function: what of it runs the program.
            name: how messages call it.
            extra: extra of this project that brings it.
        """
        program = f"import {module}; {module}.{function}()"
        hint = f"pip install 'mxsf[{extra}]'"
        command = (sys.executable, "-c", program)
        return cls(command, name, module, hint, "its first use may compile it: a minute")

    @property
    def label(self) -> str:
        """Name, and what the first use costs."""
        return "; ".join(filter(None, (self.name, self.first_use)))

    def call(self, arguments: Sequence[str], files: Mapping[str, str], read: str = "") -> str:
        """Run in a new folder that holds ``files``, and return the file ``read``.

        Args:
            arguments: what follows the command.
            files: names and texts of files to put into the folder. Names are relative: the WASM
                builds cannot see absolute paths.
            read: name of the file to return; empty for what the program printed.

        Raises:
            ToolError: it is not installed, failed, or did not write the file.
        """
        data = {name: text.encode() for name, text in files.items()}
        printed, contents = self.collect(arguments, data, [read] if read else [])
        return contents[read].decode() if read else printed

    def collect(
        self, arguments: Sequence[str], files: Mapping[str, bytes], reads: Sequence[str]
    ) -> tuple[str, dict[str, bytes]]:
        """Do what ``call`` does for any number of files, as they are.

        Returns:
            What the program printed, and the files ``reads`` by name.
        """
        self.check()
        with scratch_folder() as folder:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            try:
                done = run_child([*self.command, *arguments], folder, PYTHONPATH="")
            except OSError as problem:
                raise self.error(f"{self.name} cannot be run: {problem}") from problem
            if done.returncode:
                reason = self.reason(done.stderr.strip() or done.stdout.strip())
                silent = f"exit code {done.returncode} and no message (ABC failed?)"
                raise self.error(f"{self.name} failed: {reason or silent}")
            results = {name: folder / name for name in reads}
            for name, result in results.items():
                if not result.exists() or not result.stat().st_size:
                    raise self.error(f"{self.name} ended without writing {name}")
            return done.stdout, {name: result.read_bytes() for name, result in results.items()}

    def reason(self, output: str) -> str:
        """Return what to quote of the output of a run that failed."""
        return " ".join(output.splitlines()[-3:])

    def check(self) -> None:
        """Raise ToolError where this tool is not installed; starts nothing."""
        if self.needs and find_spec(self.needs) is None:
            raise self.error(f"{self.name} is not installed: {self.hint}")
        if shutil.which(self.command[0]) is None:
            raise self.error(f"{self.name} cannot be run: there is no such program")

    def version(self) -> str:
        """Version line, for example ``Yosys 0.70 (git sha1 ...)``."""
        command = [*self.command, self.version_option]
        try:
            done = run_child(command)
            done.check_returncode()
        except (OSError, CalledProcessError) as problem:
            raise self.error(f"{self.name} cannot be run: {problem}") from problem
        return " ".join((done.stdout.strip() or done.stderr.strip()).splitlines()[-1:])
