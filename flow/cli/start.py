"""Where the program ``mxsf`` begins, before anything that takes time to import."""

from .signals import end_on_signals

__all__ = ["start"]


def start() -> None:
    """Run the command line, which Ctrl-C and SIGTERM end."""
    end_on_signals()
    from .main import main

    main()
