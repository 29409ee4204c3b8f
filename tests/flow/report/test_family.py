"""The safe family: what belongs to it, the Pareto set, and every member in hardware by its name."""

import numpy as np
import pytest
from designs import check, needs_gcc, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.report.section.family import WIDTHS, family, pareto
from mxsf.golden import E2M5, E4M3, E5M2, INT8, MXSF, parse

MEMBERS = [element.name for bits in WIDTHS for element in family(bits)]
FEW = ["e2m3+e2m1", "e1m2+e2m0", "e3m4+e4m0"]


def test_members():
    assert {"mxsf", "e2m5", "e4m3", "e5m2", "e0m7", "e2m3+e2m1", "e1m2+e2m0"} <= set(MEMBERS)
    assert not {"e1m6", "e2m5+e1m4", "e6m1"} & set(MEMBERS)  # equal to others, or too wide
    assert MXSF in family(8)
    assert INT8.magnitudes[:128] == parse("e0m7").magnitudes
    for bits in WIDTHS:
        assert all(element.bits == bits for element in family(bits))
        values = [element.magnitudes for element in family(bits)]
        assert len({tuple(v) for v in values}) == len(values)


def test_every_pair_is_there_or_equal_to_one_that_is():
    for bits in WIDTHS:
        known = {tuple(element.magnitudes) for element in family(bits)}
        for x in range(1, min(bits, 6)):
            y = bits - 1 - x
            for nested in range(1, min(y, 5) + 1):
                name = f"e{x}m{y}+e{nested}m{y - nested}"
                assert tuple(parse(name).magnitudes) in known, name


def test_pareto_against_its_definition():
    random = np.random.default_rng(0)
    points = [tuple(map(int, p)) for p in random.integers(0, 6, (60, 3))]
    for point, best in zip(points, pareto(points), strict=True):
        above = [p for p in points if min(np.subtract(p, point)) >= 0 and p != point]
        assert best == (not above)
    assert 0 < sum(pareto(points)) < 60


@pytest.mark.parametrize("name", tiers(FEW, MEMBERS))
def test_decoders(name):
    decoder = variant("decoder", element=name)
    assert check(decoder, "amaranth").beats == 1 << decoder.component.element.bits


@needs_gcc
@pytest.mark.parametrize("name", tiers(FEW[:1], MEMBERS))
@pytest.mark.parametrize("design", ["encoder", "dot"])
def test_encoders_and_dot_products(design, name):
    built = variant(design, element=name, block=2)
    assert check(built, "cxxrtl").blocks > 300


def test_standard_formats_keep_their_special_codes():
    members = {element.name: element for element in family(8)}
    assert members["e4m3"] == E4M3
    assert members["e5m2"] == E5M2
    assert members["e2m5"] == E2M5
