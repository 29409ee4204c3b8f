"""What a component is made of, as a value: two components of equal state elaborate alike.

Elaboration reads nothing but the component's class and attributes (CONTRIBUTING: no I/O, no
environment, no change of self), so a component that equals one that is converted already needs no
elaboration of its own.
"""

import types
from collections.abc import Hashable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from typing import Any

from amaranth.hdl import Const, Elaboratable, Shape, Signal, Value
from amaranth.lib import data

__all__ = ["State"]

_PLAIN = (int, float, complex, str, bytes, Enum, range, type, type(None), types.FunctionType)


class State:
    """The state of a component, to be compared and hashed.

    Attributes:
        key: equal for components that elaborate alike; of a part that cannot be compared it holds
            the identity, so that doubt makes components differ.
        signals: the signals that the component holds, its ports among them.
        parts: the components and other elaboratables that it holds, itself first.
    """

    def __init__(self, component: Elaboratable):
        self.signals: list[Signal] = []
        self.parts: list[Elaboratable] = []
        self._met: dict[int, tuple[int, Any]] = {}  # by id: (order, the object, kept alive)
        self.key = self._of(component)

    def _of(self, value: Any) -> Hashable:
        """A value as something to compare; objects with the order in which they are met first."""
        if isinstance(value, _PLAIN):
            return type(value), value
        if isinstance(value, Shape):
            return Shape, value.width, value.signed
        if is_dataclass(value) and not isinstance(value, Elaboratable):
            return type(value), self._all(getattr(value, field.name) for field in fields(value))
        if id(value) in self._met:
            return "met", self._met[id(value)][0]
        self._met[id(value)] = len(self._met), value
        return type(value), self._inside(value)

    def _inside(self, value: Any) -> Hashable:
        match value:
            case Signal():
                self.signals.append(value)
                attributes = tuple(value.attrs.items())
                shape = self._of(value.shape())
                return value.name, shape, value.init, value.reset_less, attributes
            case Const():
                return value.value, self._of(value.shape())
            case data.View():
                return self._all((value.shape(), value.as_value()))
            case partial():
                return self._all((value.func, value.args, value.keywords))
            case tuple() | list():
                return self._all(value)
            case dict():
                return self._all((*value, *value.values()))
        if isinstance(value, Value) or not hasattr(value, "__dict__"):
            return id(value)
        if isinstance(value, Elaboratable):
            self.parts.append(value)
        own = {name: part for name, part in vars(value).items() if not _bookkeeping(name)}
        return self._all((*own, *own.values()))

    def _all(self, values: Iterable[Any]) -> Hashable:
        return tuple(self._of(value) for value in values)


def _bookkeeping(name: str) -> bool:
    """Whether an attribute says where a component was made, and whether it was used."""
    return name.startswith("_MustUse__")
