"""Commands that take a design: a subcommand for each, with the options of its parameters."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from ...sim.design.design import Design
from ..catalogue.catalogue import CATALOGUE
from .values import Checked

__all__ = ["design_command"]

Takes = Callable[[Design], bool]


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
    instead: click.Command | None = None,
    when: Sequence[str] = (),
) -> Any:
    """Make a function ``f(design, *, ..., **options)`` a command of designs.

    It gets the name of the design, the values of its own options, and as ``options`` those of the
    design's parameters, None or () where they were not given.

    Args:
        repeatable: whether a parameter may be given several times.
        takes: whether the command takes a design.
        instead: what runs where an option names the design.
        when: options of ``instead`` that do.
    """

    def decorate(function: Callable[..., None]) -> click.Group:
        own = list(reversed(getattr(function, "__click_params__", [])))
        return _Designs(function, own, repeatable, takes, instead, when)

    return decorate


class _Designs(click.Group):
    """A command whose subcommands are the designs."""

    def __init__(
        self,
        function: Callable[..., None],
        own: Sequence[click.Parameter],
        repeatable: bool,
        takes: Takes,
        instead: click.Command | None,
        when: Sequence[str],
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
        self._instead, self._when = instead, when

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, design in CATALOGUE.items() if self._takes(design)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if self._instead is not None and cmd_name == self._instead.name:
            return self._instead
        design = CATALOGUE.find(cmd_name)
        if not self._takes(design):
            names = ", ".join(self.list_commands(ctx))
            raise ValueError(f"mxsf {self.name} does not take {cmd_name}: use {names}")
        return _OfDesign(design, self._function, self._own, self._repeatable)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            ctx.fail("Missing argument 'DESIGN'.")
        if self._instead is not None and any(word.partition("=")[0] in self._when for word in args):
            args = [f"{self._instead.name}", *args]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as problem:
            name = problem.option_name
            raise ValueError(f"{name} follows the design: mxsf {self.name} DESIGN {name}") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self._instead is not None:
            options = [option for option in self._instead.params if option.opts[0] in self._when]
            with formatter.section("Instead of a design"):
                records = [option.get_help_record(ctx) for option in options]
                formatter.write_dl([record for record in records if record is not None])
        with formatter.section("Designs"):
            formatter.write_dl([(name, CATALOGUE[name].title) for name in self.list_commands(ctx)])


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
        super().__init__(
            design.name,
            params=[*self._parameters, *own],
            callback=partial(function, design.name),
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
