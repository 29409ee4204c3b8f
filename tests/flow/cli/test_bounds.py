"""Every option that takes a number: help says its bounds, and nothing else is taken."""

import click
import pytest
from commands import commands
from mxsf.flow.catalogue.catalogue import CATALOGUE, variant
from mxsf.flow.cli.values import Count, Quantity
from mxsf.sim.design.kind import Integer, OneOf, Registers

ODD = ("nan", "NaN", "inf", "-inf", "1e400", "-1e400", "", " ", "0x1", "1_0", "\u0661", "9" * 30)
"""What is no number, or beyond all bounds."""

NUMBERS = {
    f"{name} {option.opts[0]}": (command, option)  # the same for each design
    for name, _, command in commands()
    for option in command.params
    if isinstance(option.type, Count | Quantity)
}


def help_of(command, option):
    return " ".join(option.get_help_record(click.Context(command)))


def test_no_number_is_unbounded():
    assert len(NUMBERS) > 10
    for name, _, command in commands():
        for option in command.params:
            plain = isinstance(option.type, click.types.FloatParamType | click.types.IntParamType)
            assert not plain, f"mxsf {name} {option.opts[0]}"


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number(name):
    command, option = NUMBERS[name]
    kind, context = option.type, click.Context(command)
    low, high = kind.lowest, kind.highest
    step = 1 if isinstance(kind, Count) else 1e-6
    assert f"[{low} to {high}" in help_of(command, option)
    for good in (low, high):
        assert kind.convert(f"{good}", option, context) == good
    for bad in (*ODD, f"{low - step}", f"{high + step}"):
        with pytest.raises(click.BadParameter) as refused:
            kind.convert(bad, option, context)
        assert option.opts[0] in refused.value.format_message()
    if isinstance(option.default, int | float):
        assert low <= option.default <= high


PARAMETERS = [
    pytest.param(design, parameter, id=f"{design.name} {parameter.name}")
    for design in CATALOGUE.values()
    for parameter in design.parameters
    if isinstance(parameter.kind, Integer | OneOf | Registers)
]


@pytest.mark.parametrize(("design", "parameter"), PARAMETERS)
def test_a_parameter(design, parameter):
    kind = parameter.kind
    ends = {Integer: lambda: (kind.bound.lowest, kind.bound.highest)}.get(
        type(kind), lambda: (min(kind.numbers), max(kind.numbers))
    )
    low, high = (0, len(kind.points.priority)) if isinstance(kind, Registers) else ends()
    words = kind.values.replace(",", "").split()
    assert {f"{low}", f"{high}"} <= {*words}
    assert kind.values in parameter.description

    def read(text):
        if isinstance(kind, Registers):  # which the component checks
            variant(design.name, **{parameter.name: text})
        else:
            parameter.read(text)

    for bad in (*ODD, f"{low - 1}", f"{high + 1}"):
        with pytest.raises(ValueError, match=parameter.name):
            read(bad)
