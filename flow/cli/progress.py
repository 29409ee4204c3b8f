"""What a command does now: rich's progress on a terminal, elsewhere a plain line now and then."""

import atexit
import sys
import threading
import time
from contextlib import suppress
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["EVERY", "FIRST", "Step", "due", "progress"]

FIRST = 2.0
"""Seconds after which the first plain line comes."""

EVERY = 10.0
"""Seconds, counted from the beginning, after which each further one comes."""


class Step(Protocol):
    """Called with what begins now."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """Say what begins.

        Args:
            what: what it is, for people.
            done: steps that are done.
            total: all steps; 0 where they are not counted.
        """
        ...


class _Shown(Step, Protocol):
    def stop(self) -> None:
        """Show nothing from now on."""
        ...


class progress:  # noqa: N801 - reads as a function
    """Says on standard error what runs, for as long as a block takes.

    On a terminal that is a line which is drawn again and again, and is gone after the block.
    Elsewhere it is a plain line after ``FIRST`` seconds, and one every ``EVERY`` seconds. Results
    are printed after the block. Where a signal ends the process, ``atexit`` ends this too.

    Args:
        what: what runs first.
    """

    def __init__(self, what: str):
        self._what = what

    def __enter__(self) -> Step:
        console = Console(stderr=True)
        self._shown: _Shown = _Drawn(console) if console.is_interactive else _Lines(sys.stderr)
        self._shown(self._what)
        atexit.register(self._shown.stop)
        return self._shown

    def __exit__(self, *_: object) -> None:
        atexit.unregister(self._shown.stop)
        self._shown.stop()


def due(passed: float) -> float:
    """Seconds from the beginning to the next plain line, where some have passed.

    >>> [due(0), due(2), due(9), due(10), due(35.5)]
    [2.0, 10.0, 10.0, 20.0, 40.0]
    """
    return FIRST if passed < FIRST else (passed // EVERY + 1) * EVERY


def _text(what: str, done: int, total: int) -> str:
    return f"{what} ({done} of {total} done)" if total else what


class _Drawn:
    """A line on a terminal: what runs, and for how long.

    Standard output is left alone: it may be a file.
    """

    def __init__(self, console: Console):
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False)
        self._progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        self._progress.update(self._task, description=_text(what, done, total))

    def stop(self) -> None:
        self._progress.stop()


class _Lines:
    """Plain lines, written by a thread that outlives nothing.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO):
        self._stream, self._now = stream, ""
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._begun = time.monotonic()
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        self._now = _text(what, done, total)

    def stop(self) -> None:
        with self._lock:  # a line that has begun is finished
            self._ended.set()

    def _run(self) -> None:
        passed = 0.0
        with suppress(OSError, ValueError):  # nobody reads any more, or the stream is closed
            while not self._ended.wait(due(passed) - passed):
                passed = time.monotonic() - self._begun
                with self._lock:
                    if not self._ended.is_set():
                        self._stream.write(f"{self._now}, {passed:.0f} s\n")
                        self._stream.flush()
