"""Ports of a component as the exported Verilog has them, and the fields of their payloads."""

from typing import Any, NamedTuple

from amaranth.hdl import Shape, Value, ValueCastable
from amaranth.lib import data, stream, wiring

__all__ = ["Field", "fields", "port_signals", "stream_names"]


class Field(NamedTuple):
    """Where a field lies in a payload.

    Attributes:
        name: dotted path, for example ``a.codes``.
        offset: lowest bit.
        width: bits of one item.
        length: items; 1 for a scalar.
        signed: whether items are two's complement.
        array: whether the field is an array (also of length 1).
    """

    name: str
    offset: int
    width: int
    length: int
    signed: bool
    array: bool

    @property
    def bits(self) -> int:
        """Bits of all items."""
        return self.width * self.length


def fields(layout: Any, prefix: str = "", offset: int = 0) -> list[Field]:
    """List the fields of a layout, lowest first; nested structs give dotted names."""
    if not isinstance(layout, data.StructLayout):
        shape = Shape.cast(layout)
        return [Field(prefix or "payload", offset, shape.width, 1, shape.signed, False)]
    leaves = []
    for name, field in layout:
        path, start = f"{prefix}.{name}" if prefix else str(name), offset + field.offset
        if isinstance(field.shape, data.ArrayLayout):
            item = Shape.cast(field.shape.elem_shape)
            leaves.append(Field(path, start, item.width, field.shape.length, item.signed, True))
        else:
            leaves += fields(field.shape, path, start)
    return leaves


def port_signals(component: Any) -> dict[str, tuple[Any, bool]]:
    """Ports of a component by Verilog name: (signal, whether it is an input)."""
    signals = {}
    for path, member, value in component.signature.flatten(component):
        plain = value.as_value() if isinstance(value, ValueCastable) else Value.cast(value)
        signals["__".join(map(str, path))] = (plain, member.flow is wiring.In)
    return signals


def stream_names(component: Any) -> list[str]:
    """Names of a component's streams, in the order of its ports."""
    return [
        name
        for name, member in component.signature.members.items()
        if member.is_signature and isinstance(member.signature, stream.Signature)
    ]
