"""Commands that take a design: a subcommand for each, with the options of its parameters.

With ``--from`` the design, its ports and its names are those of a manifest instead.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ...sim.design.design import Design
from ..catalogue.catalogue import CATALOGUE
from .chosen import of_files, of_options
from .inputs import EXISTING
from .values import Checked

__all__ = ["design_command"]

Takes = Callable[[Design], bool]

_SHAPE = ("interface", "reset", "polarity", "tkeep", "prefix", "module")
"""Keywords of ``variant`` for options of commands: what a file of designs says too."""


def _parameter_options(design: Design, repeatable: bool) -> list[click.Parameter]:
    """An option for each parameter of a design: what it is, its values and its default."""
    return [
        click.Option(
            [f"--{parameter.name}"],
            type=Checked(parameter.read),
            metavar=parameter.kind.metavar,
            multiple=repeatable,
            help=f"{parameter.description[0].upper()}{parameter.description[1:]}",
        )
        for parameter in design.parameters
    ]


def design_command(
    *,
    repeatable: bool = False,
    takes: Takes = lambda design: True,
    config: bool = False,
) -> Any:
    """Make a function ``f(chosen, *, ...)`` a command of designs.

    It gets what was chosen (``mxsf.flow.cli.chosen``) and the values of its own options, but for
    those that choose: the options of ports, reset and names.

    Args:
        repeatable: whether a parameter may be given several times.
        takes: whether the command takes a design.
        config: whether it takes files of several designs.
    """

    def decorate(function: Callable[..., None]) -> click.Group:
        own = list(reversed(getattr(function, "__click_params__", [])))
        return _Designs(function, own, repeatable, takes, config)

    return decorate


class _Designs(click.Group):
    """A command whose subcommands are the designs."""

    def __init__(
        self,
        function: Callable[..., None],
        own: Sequence[click.Parameter],
        repeatable: bool,
        takes: Takes,
        config: bool,
    ):
        super().__init__(
            function.__name__,
            help=function.__doc__,
            epilog=f"mxsf {function.__name__} DESIGN --help lists the options.",
            subcommand_metavar="DESIGN [OPTIONS]",
            options_metavar="",
        )
        self._function, self._own = function, own
        self._repeatable, self._takes = repeatable, takes
        self._files = _OfFiles(function, own, takes, config)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, design in CATALOGUE.items() if self._takes(design)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == self._files.name:
            return self._files
        design = CATALOGUE.find(cmd_name)
        if not self._takes(design):
            names = ", ".join(self.list_commands(ctx))
            raise ValueError(f"mxsf {self.name} does not take {cmd_name}: use {names}")
        return _OfDesign(design, self._function, self._own, self._repeatable)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            ctx.fail("Missing argument 'DESIGN'.")
        if any(word.partition("=")[0] in self._files.naming for word in args):
            args = [f"{self._files.name}", *args]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as problem:
            name = problem.option_name
            raise ValueError(f"{name} follows the design: mxsf {self.name} DESIGN {name}") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Instead of a design"):
            records = [option.get_help_record(ctx) for option in self._files.naming.values()]
            formatter.write_dl([record for record in records if record is not None])
        with formatter.section("Designs"):
            formatter.write_dl([(name, CATALOGUE[name].title) for name in self.list_commands(ctx)])


class _OfFiles(click.Command):
    """A command for the designs that a file names.

    Attributes:
        naming: the options that name files.
    """

    def __init__(
        self,
        function: Callable[..., None],
        own: Sequence[click.Parameter],
        takes: Takes,
        config: bool,
    ):
        options = [
            click.Option(
                ["--from", "manifest"],
                type=EXISTING,
                help="A manifest (JSON): its design, with its ports and names.",
            ),
            click.Option(
                ["--config"],
                type=EXISTING,
                help="A TOML file of designs, a table [NAME] for each.",
            ),
        ][: 1 + config]
        self.naming = {option.opts[0]: option for option in options}

        def call(manifest: Path | None, config: Path | None = None, **values: Any) -> None:
            function(of_files(manifest, config, takes), **values)

        super().__init__(
            f"{function.__name__}-from",
            params=[*options, *(option for option in own if option.name not in _SHAPE)],
            callback=call,
            help=function.__doc__,
        )


class _OfDesign(click.Command):
    """A command for one design."""

    def __init__(
        self,
        design: Design,
        function: Callable[..., None],
        own: Sequence[click.Parameter],
        repeatable: bool,
    ):
        self._parameters = _parameter_options(design, repeatable)
        self._own = own
        choosing = {*_SHAPE, *(parameter.name for parameter in design.parameters)}

        def call(**values: Any) -> None:
            chosen = {key: value for key, value in values.items() if key in choosing}
            others = {key: value for key, value in values.items() if key not in choosing}
            function(of_options(design.name, chosen), **others)

        super().__init__(
            design.name,
            params=[*self._parameters, *own],
            callback=call,
            help=f"{design.title[0].upper()}{design.title[1:]}.\n\n{function.__doc__}",
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as problem:
            names, others = (
                ", ".join(option.opts[0].lstrip("-") for option in options)
                for options in (self._parameters, self._own)
            )
            unknown = problem.option_name.lstrip("-")
            raise ValueError(
                f"{self.name} has no parameter {unknown!r}, only {names}; other options: {others}"
            ) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups = {"Parameters of the design": self._parameters, "Options": self.get_params(ctx)}
        for title, options in groups.items():
            records = [
                option.get_help_record(ctx)
                for option in options
                if title != "Options" or option not in self._parameters
            ]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])
