"""Payloads as bytes: arrays of fields to bit vectors and back, by an Amaranth layout."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data
from numpy.typing import ArrayLike, NDArray

__all__ = ["Field", "fields", "pack", "payload_bytes", "to_int", "unpack"]


_NARROW = 63  # bits of an item that int64 holds, signed or not


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


def fields(layout: Any, prefix: str = "", offset: int = 0) -> list[Field]:
    """List the fields of a layout, lowest first; nested structs give dotted names."""
    if not isinstance(layout, data.StructLayout):
        shape = Shape.cast(layout)
        return [Field(prefix or "payload", offset, shape.width, 1, shape.signed, False)]
    found = []
    for name, field in layout:
        path, start = f"{prefix}.{name}" if prefix else str(name), offset + field.offset
        if isinstance(field.shape, data.ArrayLayout):
            item = Shape.cast(field.shape.elem_shape)
            found.append(Field(path, start, item.width, field.shape.length, item.signed, True))
        elif isinstance(field.shape, data.StructLayout):
            found += fields(field.shape, path, start)
        else:
            found += fields(field.shape, path, start)
    return found


def payload_bytes(layout: Any) -> int:
    """Bytes that hold a payload."""
    return -(-Shape.cast(layout).width // 8)


def pack(layout: Any, values: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
    """Pack n payloads.

    Args:
        layout: the payload's layout.
        values: for each field an integer array of shape (n,), or (n, length) for an array field;
            a field wider than 63 bits may be an array of Python integers.

    Returns:
        uint8 of shape (n, bytes), little-endian: bit k of a payload is bit k % 8 of byte k // 8.

    >>> layout = data.StructLayout({"codes": data.ArrayLayout(4, 2), "scale": 8})
    >>> pack(layout, {"codes": [[1, 2]], "scale": [255]}).tolist()
    [[33, 255]]
    """
    places = fields(layout)
    count = len(np.asarray(values[places[0].name]))
    bits = np.zeros((count, payload_bytes(layout) * 8), np.uint8)
    for place in places:
        items = np.asarray(values[place.name]).reshape(count, place.length)
        if place.width > _NARROW:
            spread = _spread_wide(items, place.width)
        else:
            spread = (items.astype(np.int64)[..., None] >> np.arange(place.width)) & 1
        stop = place.offset + place.width * place.length
        bits[:, place.offset : stop] = spread.reshape(count, -1)
    return np.packbits(bits, axis=1, bitorder="little")


def unpack(layout: Any, payloads: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Undo ``pack``: an integer array of shape (n,) or (n, length) for each field.

    It is int64; of Python integers (dtype object) where the field is wider than 63 bits.

    >>> layout = data.StructLayout({"codes": data.ArrayLayout(4, 2), "scale": 8})
    >>> {k: v.tolist() for k, v in unpack(layout, np.uint8([[33, 255]])).items()}
    {'codes': [[1, 2]], 'scale': [255]}
    """
    bits = np.unpackbits(payloads, axis=1, bitorder="little")
    found = {}
    for place in fields(layout):
        stop = place.offset + place.width * place.length
        spread = bits[:, place.offset : stop].reshape(len(bits), place.length, place.width)
        if place.width > _NARROW:
            items = _gather_wide(spread)
        else:
            items = (spread.astype(np.int64) << np.arange(place.width)).sum(axis=-1)
        if place.signed:
            items -= (items >> (place.width - 1)) << place.width
        found[place.name] = items if place.array else items[:, 0]
    return found


def to_int(payload: NDArray[np.uint8]) -> int:
    """Return one packed payload as an integer."""
    return int.from_bytes(payload.tobytes(), "little")


def _spread_wide(items: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Bits of Python integers along a new last axis, lowest first."""
    size, mask = -(-width // 8), (1 << width) - 1
    text = b"".join((int(item) & mask).to_bytes(size, "little") for item in items.flat)
    data = np.frombuffer(text, np.uint8).reshape(*items.shape, size)
    return np.unpackbits(data, axis=-1, bitorder="little")[..., :width]


def _gather_wide(spread: NDArray[np.uint8]) -> NDArray[Any]:
    """Undo ``_spread_wide``, unsigned."""
    data = np.packbits(spread, axis=-1, bitorder="little")
    items = np.empty(data.shape[:-1], dtype=object)
    for index in np.ndindex(*items.shape):
        items[index] = int.from_bytes(data[index].tobytes(), "little")
    return items
