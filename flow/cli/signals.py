"""Ctrl-C and SIGTERM: any command ends at once, whatever its threads do, and leaves nothing behind.

Python calls a signal's handler between two steps of the main thread, which may be long in coming.
So a thread of its own waits for signals here and ends the process: by what ``atexit`` knows, which
takes away children and temporary files (``golden.leftovers``), and without waiting for threads.
"""

import atexit
import os
import signal
import socket
import threading

__all__ = ["end_on_signals"]

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

_CLEANING = 1.5
"""Seconds after which the process ends, cleaned up or not."""


def end_on_signals() -> None:
    """From now on the process ends where one of the signals comes: exit 128 + its number.

    A signal that is ignored from the start stays ignored, as ``nohup`` wants it. To be called in
    the main thread.
    """
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(sender.detach())
    threading.Thread(target=_watch, args=(receiver,), daemon=True).start()


def _watch(receiver: socket.socket) -> None:
    """Wait for a signal."""
    while True:
        (number,) = receiver.recv(1)
        if number in _SIGNALS:
            _end(number)


def _end(number: int) -> None:
    cleaning = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    cleaning.start()
    cleaning.join(_CLEANING)
    os._exit(128 + number)
