"""What tests of the flow share."""

import pytest
from commands import command


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command line in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = command(monkeypatch, *words)
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call
