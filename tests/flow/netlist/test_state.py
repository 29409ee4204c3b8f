"""Components of equal state elaborate alike; in doubt they differ."""

from functools import partial

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In
from mxsf.flow.netlist.state import State
from mxsf.golden import E4M3, MXSF
from mxsf.hdl import Dot, Encoder


class Held(wiring.Component):
    """Holds what it is given."""

    def __init__(self, *held, width=1):
        self.held = held
        super().__init__({"port": In(width)})

    def elaborate(self, platform):
        return Module()


class Other(Held):
    pass


def alike(first, second) -> bool:
    keys = State(first).key, State(second).key
    assert (keys[0] == keys[1]) == (len({*keys}) == 1)
    return keys[0] == keys[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Held(),
        lambda: Held(1, "text", None, MXSF, range(3), {"name": [2]}, partial(max, 1)),
        lambda: Held(Held(2), data.StructLayout({"a": 2, "b": data.ArrayLayout(3, 4)})),
        lambda: Held(signal := Signal(3, name="word"), signal),
        lambda: Encoder(block=8, lanes=2),
        lambda: Dot(E4M3, block=4),
    ],
)
def test_equal_components_are_alike(make):
    assert alike(make(), make())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Held(), Other()),
        (Held(), Held(width=2)),
        (Held(1), Held(True)),
        (Held(MXSF), Held(E4M3)),
        (Held(Held(1)), Held(Held(2))),
        (Held(Signal(2, name="s")), Held(Signal(2, name="s", init=1))),
        (Held(Signal(2, name="s")), Held(Signal(2, name="s", reset_less=True))),
        (Held(Signal(1, name="s"), Signal(1, name="s")), Held(s := Signal(1, name="s"), s)),
        (Held(data.ArrayLayout(2, 3)), Held(data.ArrayLayout(3, 2))),
        (Held(object()), Held(object())),
        (Held({1}), Held({1})),
        (Held(lambda: 1), Held(lambda: 1)),
        (Encoder(block=8, lanes=2), Encoder(block=8, lanes=4)),
    ],
)
def test_others_differ(first, second):
    assert not alike(first, second)


def test_an_attribute_that_a_parent_sets_counts():
    first, second = Held(), Held()
    second.mode = "other"
    assert not alike(first, second)


def test_parts_are_all_components_within():
    inner = Held()
    outer = Held([inner], {"again": inner})
    assert State(outer).parts == [outer, inner]
