"""The catalogue: it has every design that a bench describes, and each keeps what it promises."""

import importlib
import pkgutil

import pytest
from designs import SMALL
from mxsf.flow.catalogue.catalogue import CATALOGUE, variant
from mxsf.hdl.checks import Bound
from mxsf.sim import bench
from mxsf.sim.design.kind import Integer


def test_every_described_design_is_listed():
    described = {}
    for module in pkgutil.iter_modules(bench.__path__):
        designs = getattr(importlib.import_module(f"{bench.__name__}.{module.name}"), "DESIGNS", ())
        described |= {design.name: module.name for design in designs}
    assert described == dict(CATALOGUE.homes)
    assert [design.name for design in CATALOGUE.values()] == [*CATALOGUE]


@pytest.mark.parametrize("name", CATALOGUE)
def test_defaults_read_back(name):
    for parameter in CATALOGUE[name].parameters:
        if parameter.default is None:
            assert parameter.default_help, "a default that is found out is said in words"
        elif parameter.default != ():
            text = parameter.kind.show(parameter.default)
            assert parameter.read(text) == parameter.default
            assert text in parameter.description


@pytest.mark.parametrize(("name", "options"), SMALL, ids=str)
def test_values_read_back(name, options):
    design = variant(name, **options)
    texts = {
        parameter.name: parameter.kind.show(design.values[parameter.name])
        for parameter in design.design.parameters
        if design.values[parameter.name] not in (None, ())
    }
    assert variant(name, **texts).top == design.top


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_size_is_bounded(name):
    for parameter in CATALOGUE[name].parameters:
        if isinstance(parameter.kind, Integer):
            bound = parameter.kind.bound
            for value in (bound.lowest - 1, bound.highest + 1):
                message = f"{parameter.name} must be {bound}.* not {value}"
                with pytest.raises(ValueError, match=f"{parameter.name} must"):
                    variant(name, **{parameter.name: value})  # the component
                with pytest.raises(ValueError, match=message):
                    variant(name, **{parameter.name: str(value)})  # the text


def test_a_bound_takes_numbers_only():
    with pytest.raises(TypeError, match="block must be of type int, not '8'"):
        Bound(1, 9).check("block", "8")
