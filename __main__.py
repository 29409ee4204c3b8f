"""``python -m mxsf`` is the command ``mxsf``."""

from .flow.cli.start import start

if __name__ == "__main__":
    start()
