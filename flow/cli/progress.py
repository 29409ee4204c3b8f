"""What runs now: a status line on a terminal, nothing in a pipe."""

from collections.abc import Callable

from rich.console import Console

__all__ = ["progress"]


class progress:  # noqa: N801 - reads as a function
    """A status line on a terminal, nothing in a pipe."""

    def __enter__(self) -> Callable[[str, int, int], None]:
        console = Console(stderr=True)
        self._status = console.status("starting") if console.is_terminal else None
        if self._status:
            self._status.start()
        return self._step

    def _step(self, what: str, done: int, total: int) -> None:
        if self._status:
            self._status.update(f"[{done}/{total}] {what}" if total else what)

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()
