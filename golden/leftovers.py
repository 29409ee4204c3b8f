"""What a process makes for itself and must not leave behind: temporary files, folders, children.

Whatever ends the process by way of ``atexit``, what is still there is taken away first, the
youngest first. From then on a thread that makes or gives back such a thing waits for the end: a
child that is killed is no failure to report, and nothing new comes up.
"""

import atexit
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

__all__ = ["owned", "scratch_folder"]

Made = TypeVar("Made")

_LOCK = threading.RLock()
"""Held from the end on, by the thread that ends the process."""

_UNDO: dict[object, Callable[[], object]] = {}
"""What takes away each thing that is there now."""


@contextmanager
def owned(make: Callable[[], Made], undo: Callable[[Made], object]) -> Iterator[Made]:
    """Make something that does not outlive the block, nor the process.

    Args:
        make: makes it; short, since one thing is made at a time.
        undo: takes it away; may be called twice, or where nothing is left.
    """
    key = object()
    with _LOCK:
        made = make()
        _UNDO[key] = partial(undo, made)
    try:
        yield made
    finally:
        undo(made)
        with _LOCK:
            del _UNDO[key]


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a temporary folder that does not outlive the block, nor the process.

    >>> with scratch_folder() as folder:
    ...     _ = (folder / "a").write_text("text")
    >>> folder.exists()
    False
    """
    with owned(lambda: Path(tempfile.mkdtemp(prefix="mxsf-")), _remove) as folder:
        yield folder


def _remove(folder: Path) -> None:
    """Remove a folder into which a child that was killed just now may still write."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


@atexit.register
def _end() -> None:
    _LOCK.acquire()
    for undo in reversed([*_UNDO.values()]):
        with suppress(Exception):
            undo()
