"""The command line: ``mxsf COMMAND``. One line ``error: ...`` and exit 2 on bad use."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

__all__ = ["COMMANDS", "main"]

COMMANDS = (
    *("formats", "generate", "vectors", "simulate", "area", "timing", "prove", "quantize"),
    *("transpose", "growth", "report", "board", "host"),
)
"""Every command, in the order in which people see them: each is in the module of its name."""

_OLDER = {"engine": "simulator", "ports": "interface"}
"""Older names of options, which still work: what an option is called today."""


def main() -> None:
    """Run the command line and exit: 0 all holds, 1 a check failed, 2 bad use."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    try:
        code = cli.main(prog_name="mxsf", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        _fail(problem.format_message())
    except (ValueError, TypeError, OSError, RuntimeError) as problem:
        _fail(str(problem))
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


class _Commands(click.Group):
    """The commands; a module is read when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f".{cmd_name}", __package__), cmd_name)

    def parse_args(self, ctx: click.Context, args: Sequence[str]) -> Any:
        # Without a command this is help, not bad use.
        return super().parse_args(ctx, list(args) or ["--help"])


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": lambda name: _OLDER.get(name, name),
    },
)
@click.version_option(version("mxsf"), prog_name="mxsf")
def cli() -> None:
    """Hardware for microscaling formats: Verilog, simulation, area, and exact NumPy."""
