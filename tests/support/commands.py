"""The command line, called in this process as the program calls it."""

import pytest
from mxsf.flow.cli import main as cli


def command(monkeypatch, *words):
    """Exit code of ``mxsf``."""
    monkeypatch.setattr("sys.argv", ["mxsf", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0
