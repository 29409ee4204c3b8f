"""The command line, called in this process as the program calls it."""

import click
import pytest
from mxsf.flow.cli import main as cli


def command(monkeypatch, *words):
    """Exit code of ``mxsf``."""
    monkeypatch.setattr("mxsf.flow.cli.progress.FIRST", 1e6)  # tests read stderr
    monkeypatch.setattr("sys.argv", ["mxsf", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def commands():
    """Every command that click has: (name, design or empty, click's command)."""
    context = click.Context(cli.cli)
    for name in cli.COMMANDS:
        command = cli.cli.get_command(context, name)
        if not isinstance(command, click.Group):
            yield name, "", command
            continue
        for design in command.list_commands(context):
            yield name, design, command.get_command(context, design)
