"""Jobs side by side: Python here, while synthesis, compilers and routers run in their processes."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Lock, get_ident
from typing import TypeVar

__all__ = ["Steps", "side_by_side"]

Made = TypeVar("Made")

_TOOLS = ThreadPoolExecutor(os.cpu_count())
"""Runs the jobs of all sections, one a core: what they wait for are other programs."""


class Steps:
    """Tells what runs now, where several things do.

    Args:
        tell: called with all of it as one text.
    """

    def __init__(self, tell: Callable[[str], None]):
        self._tell, self._lock = tell, Lock()
        self._running: dict[int, str] = {}
        self._stopped = False

    def stop(self) -> None:
        """Let no thread begin another step."""
        self._stopped = True

    def __call__(self, what: str) -> None:
        """Say what this thread does from now on; an empty text for nothing.

        Raises:
            CancelledError: another step is not to begin.
        """
        if what and self._stopped:
            raise CancelledError
        with self._lock:
            if what:
                self._running[get_ident()] = what
            else:
                self._running.pop(get_ident(), None)
            if self._running:
                self._tell("; ".join(self._running.values()))


def side_by_side(
    jobs: Sequence[tuple[str, Callable[[], Made]]], step: Callable[[str], None]
) -> list[Made]:
    """Do jobs, as many at a time as there are cores, and return what they gave, in their order.

    Args:
        jobs: what each does, for people, and what to call. A job starts no jobs.
        step: called with what each does when it begins, with an empty text when it has ended.

    Raises:
        Exception: the first that a job raised, in their order.
    """

    def run(what: str, call: Callable[[], Made]) -> Made:
        step(what)
        try:
            return call()
        finally:
            step("")

    step("")  # this thread only waits
    return list(_TOOLS.map(run, *zip(*jobs, strict=True))) if jobs else []
